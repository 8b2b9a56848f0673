// Checks what was built: node scripts/check-dist.mjs [h5] [mp-weixin] [mp-alipay]
// Without arguments, all three.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultsOf } from './dist-faults.mjs'

const dist = fileURLToPath(new URL('../dist/build', import.meta.url))
const targets = ['h5', 'mp-weixin', 'mp-alipay']

function apiHost() {
  const file = readFileSync(new URL('../.env', import.meta.url), 'utf8')
  const written = /^VITE_API_BASE_URL=(.*)$/m.exec(file)?.[1]
  return new URL(process.env.VITE_API_BASE_URL ?? written ?? '').hostname
}

function filesOf(target) {
  const root = join(dist, target)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ name: join(target, name), path: join(root, name) }))
    .filter(({ path }) => statSync(path).isFile())
    .map(({ name, path }) => {
      return { name, size: statSync(path).size, text: readFileSync(path, 'latin1') }
    })
}

function check(target) {
  let files
  try {
    files = filesOf(target)
  } catch {
    return [`${target} has not been built`]
  }
  const faults = faultsOf(target, files, apiHost())
  const size = files.reduce((sum, file) => sum + file.size, 0)
  if (faults.length === 0) console.log(`${target}: ${files.length} files, ${size} bytes, clean`)
  return faults
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter((target) => !targets.includes(target))
if (unknown.length > 0) {
  console.error(`usage: node scripts/check-dist.mjs [${targets.join('] [')}]`)
  process.exit(2)
}
const faults = (chosen.length > 0 ? chosen : targets).flatMap(check)
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
