// Checks what the client sends and reads against the server's OpenAPI document:
//   OPENAPI=FILE node scripts/check-api.mjs
// It generates types from the document for this check only, compiles the comparison with the
// client's types, and tries the client's decoders on examples.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import { withGaps } from '../tests/contract/gaps.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = fileURLToPath(new URL('../tests/contract/generated/', import.meta.url))

const file = process.env.OPENAPI
if (!file) {
  console.error('usage: OPENAPI=FILE npm run check:api, with the output of `onecard openapi`')
  process.exit(2)
}

const document = withGaps(JSON.parse(readFileSync(file, 'utf8')))
mkdirSync(generated, { recursive: true })
writeFileSync(`${generated}openapi.json`, JSON.stringify(document))
writeFileSync(`${generated}api.ts`, astToString(await openapiTS(document)))

function run(tool, ...options) {
  const { status } = spawnSync(`${root}node_modules/.bin/${tool}`, options, {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}

run('tsc', '--noEmit', '--project', 'tests/contract/tsconfig.json')
run('vitest', 'run', '--config', 'tests/contract/vitest.config.mts', '--reporter=dot')
