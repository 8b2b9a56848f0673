// Prints a roster of invented people, for measuring the import:
//   node scripts/make-roster.mjs ROWS >people.csv
// ID numbers have valid check digits and an area code that was never given out; phone numbers begin
// with 12, which is no mobile prefix. The same number of rows is always the same file.
const rows = Number(process.argv[2])
if (!Number.isInteger(rows) || rows < 0 || rows > 500_000) {
  console.error('usage: make-roster.mjs ROWS    (at most 500000)')
  process.exit(2)
}
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const surnames = '王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗'
const given = '子涵雨桐浩然思远若彤一鸣佳宁晓雨文博可欣俊杰诗语'
const pad = (number, width) => String(number).padStart(width, '0')

function idNumber(n) {
  const born = new Date(Date.UTC(2000, 0, 1 + (n % 3000)))
  const day = born.toISOString().slice(0, 10).replaceAll('-', '')
  const digits = `990101${day}${pad(Math.floor(n / 3000), 3)}`
  const sum = weights.reduce((sum, weight, place) => sum + weight * Number(digits[place]), 0)
  return digits + '10X98765432'[sum % 11]
}

const lines = ['student_no,name,id_number,phone,kind,department,class_name,valid_until']
for (let n = 0; n < rows; n++) {
  const name = surnames[n % surnames.length] + given[n % given.length] + given[(n * 7) % given.length]
  const phone = `12${pad(n, 9)}`
  const place = `学院${n % 12},专业${n % 60}班${n % 400}`
  lines.push(`${pad(n, 7)},${name},${idNumber(n)},${phone},student,${place},2030-07-31`)
}
process.stdout.write(`${lines.join('\n')}\n`)
