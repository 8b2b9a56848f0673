/** The modules of the two pictures of a code: true is dark. Pure, without a canvas. */
import qrcode from 'qrcode-generator'

/** Blank modules that scanners need around a QR code. */
export const qrQuiet = 4
/** Blank modules that scanners need on either side of a bar code. */
export const barcodeQuiet = 10

/** The QR code of 20 digits: version 1, 21 by 21 modules, numeric, error correction level Q. */
export function qrModules(digits: string): boolean[][] {
  check(digits)
  const code = qrcode(1, 'Q')
  code.addData(digits, 'Numeric')
  code.make()
  const places = Array.from({ length: code.getModuleCount() }, (_, at) => at)
  return places.map((row) => places.map((column) => code.isDark(row, column)))
}

/** Code 128: widths of bars and spaces in turn, first a bar, by the value of the symbol. */
const symbols = (
  '212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 ' +
  '221312 231212 112232 122132 122231 113222 123122 123221 223211 221132 ' +
  '221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 ' +
  '212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 ' +
  '231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 ' +
  '231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 ' +
  '314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 ' +
  '112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 ' +
  '111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 ' +
  '214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 ' +
  '114131 311141 411131 211412 211214 211232'
).split(' ')
const startC = 105
const stop = '2331112'

/** The bar code of 20 digits: Code 128, code set C, 145 modules. */
export function barcodeModules(digits: string): boolean[] {
  check(digits)
  const values = (digits.match(/../g) || []).map(Number)
  const sum = values.reduce((total, value, at) => total + (at + 1) * value, startC)
  const row = [startC, ...values, sum % 103].map((value) => symbols[value] || '').concat(stop)
  return row.reduce<boolean[]>((modules, widths) => modules.concat(bars(widths)), [])
}

function bars(widths: string): boolean[] {
  return widths.split('').reduce<boolean[]>((modules, width, at) => {
    return modules.concat(new Array<boolean>(Number(width)).fill(at % 2 === 0))
  }, [])
}

function check(digits: string): void {
  if (!/^\d{20}$/.test(digits)) throw new RangeError('only 20 digits can be drawn')
}
