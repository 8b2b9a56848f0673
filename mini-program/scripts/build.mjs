// Builds one target: node scripts/build.mjs h5|mp-weixin|mp-alipay
// Any warning fails the build, so that warnings cannot gather.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const targets = ['h5', 'mp-weixin', 'mp-alipay']
const target = process.argv[2] ?? ''
if (!targets.includes(target)) {
  console.error(`usage: node scripts/build.mjs ${targets.join('|')}`)
  process.exit(2)
}

// The build tool ends an H5 build with an advertisement for its vendor's hosting and has no
// option against it. It is not about this project, so it is left out.
const advertisement = 'uniapp.dcloud.io/uniCloud/hosting'

// Without CI the build tool reports the machine and the application to its vendor.
const env = { ...process.env, CI: '1', NODE_ENV: 'production' }

const root = fileURLToPath(new URL('..', import.meta.url))
const uni = fileURLToPath(new URL('../node_modules/.bin/uni', import.meta.url))
const build = spawn(uni, ['build', '-p', target], { cwd: root, env })

const warnings = []
function relay(stream) {
  createInterface({ input: stream }).on('line', (line) => {
    if (line.trim() === '' || line.includes(advertisement)) return
    if (/warn|deprecat/i.test(line)) warnings.push(line)
    console.log(line)
  })
}
relay(build.stdout)
relay(build.stderr)

build.on('error', (error) => {
  console.error(`cannot start the build: ${error.message}; run npm ci first`)
  process.exitCode = 1
})
build.on('close', (code) => {
  if (code !== 0) process.exitCode = 1
  if (warnings.length > 0) {
    console.error(`the build of ${target} gave ${warnings.length} lines of warnings`)
    process.exitCode = 1
  }
})
