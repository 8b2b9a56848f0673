// Checks what was built: node scripts/check-dist.mjs [h5] [mp-weixin] [mp-alipay]
// Without arguments, all three.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../dist/build', import.meta.url))
const targets = ['h5', 'mp-weixin', 'mp-alipay']

const mebibyte = 1024 * 1024
const largestMainPackage = 2 * mebibyte

// Hosts that the framework's code names and never asks: XML namespaces and links in its messages.
const harmlessHosts = ['www.w3.org', 'vuejs.org', 'uniapp.dcloud.net.cn']

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
    .map((file) => ({ ...file, size: statSync(file.path).size }))
}

function foreignHosts(files, allowed) {
  return files.flatMap(({ name, path }) =>
    [...readFileSync(path, 'latin1').matchAll(/https?:\/\/([a-z0-9][a-z0-9.-]*)/gi)]
      .map((match) => match[1])
      .filter((host) => !allowed.includes(host))
      .map((host) => `${name} names the host ${host}`),
  )
}

/** Alipay's engine does not read `?.` and `??`. A `?.5` is a conditional with a fraction. */
function newSyntax(files) {
  return files
    .filter(({ path }) => extname(path) === '.js')
    .filter(({ path }) => /\?\.(?!\d)|\?\?/.test(withoutTexts(readFileSync(path, 'utf8'))))
    .map(({ name }) => `${name} has ?. or ??`)
}

function withoutTexts(code) {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
}

function check(target) {
  let files
  try {
    files = filesOf(target)
  } catch {
    return [`${target} has not been built`]
  }
  const allowed = target === 'h5' ? harmlessHosts : [...harmlessHosts, apiHost()]
  const faults = foreignHosts(files, allowed)
  // There are no subpackages: all of it is the main package.
  const size = files.reduce((sum, file) => sum + file.size, 0)
  if (size > largestMainPackage) faults.push(`${target} has ${size} bytes`)
  if (target === 'mp-alipay') faults.push(...newSyntax(files))
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
