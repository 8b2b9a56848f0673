/** Who may import what in `src`, what stands in one place only, and how long files may be. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const src = fileURLToPath(new URL('../../src', import.meta.url))

interface Source {
  readonly path: string
  readonly folder: string
  readonly text: string
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|vue|scss)$/.test(path))
  .map((path) => ({
    path: path.replace(/\\/g, '/'),
    folder: path.split(/[\\/]/)[0] ?? '',
    text: readFileSync(join(src, path), 'utf8'),
  }))

/** The folders that each folder may import from, besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: ['core'],
  services: ['core', 'platform'],
  ui: ['core', 'platform'],
  pages: ['core', 'platform', 'services', 'ui'],
}

function importsOf(source: Source): string[] {
  const found = [...source.text.matchAll(/from '([^']+)'|import '([^']+)'/g)]
  return found.map((match) => match[1] ?? match[2] ?? '')
}

/** The folder that an import leads to, or null for a package. */
function folderOf(source: Source, specifier: string): string | null {
  if (specifier === '#target') return 'platform'
  if (specifier.startsWith('@/')) return specifier.slice(2).split('/')[0] ?? null
  if (!specifier.startsWith('.')) return null
  const path = relative(src, join(src, source.path, '..', specifier))
  return path.split(/[\\/]/)[0] ?? null
}

it.each(Object.keys(mayImport))('%s imports only from the folders below it', (folder) => {
  const wrong = sources
    .filter((source) => source.folder === folder)
    .flatMap((source) =>
      importsOf(source)
        .map((specifier) => folderOf(source, specifier))
        .filter((to) => to !== null && to !== folder && !mayImport[folder]?.includes(to))
        .map((to) => `${source.path} → ${to}`),
    )
  expect(wrong).toEqual([])
})

/** Packages that need no platform: for the rotating code and its picture. */
const pure = ['@stablelib/hmac', '@stablelib/sha256', 'qrcode-generator']

it('core imports only packages that need no platform', () => {
  const packages = sources
    .filter(({ folder, path }) => folder === 'core' && !path.endsWith('.test.ts'))
    .flatMap((source) => importsOf(source).filter((specifier) => !specifier.startsWith('.')))
    .filter((specifier) => !pure.includes(specifier))
  expect(packages).toEqual([])
})

const operations = sources.filter(({ path }) => path.startsWith('core/api/'))

it('core/api describes requests and answers, and imports nothing else', () => {
  const allowed = /^(\.\/[a-z-]+|\.\.\/(decode|money|request))$/
  const wrong = operations.flatMap((source) =>
    importsOf(source)
      .filter((specifier) => !allowed.test(specifier))
      .map((specifier) => `${source.path} → ${specifier}`),
  )
  expect(wrong).toEqual([])
})

it('only core/api names paths of the server', () => {
  const wrong = sources.filter(
    (source) =>
      /['"`]\/api\//.test(source.text) &&
      !operations.includes(source) &&
      !source.path.endsWith('.test.ts'),
  )
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('only AppLoadable draws what is being loaded', () => {
  const users = sources.filter((source) =>
    importsOf(source).some((specifier) => specifier.endsWith('AppSkeleton.vue')),
  )
  expect(users.map(({ path }) => path)).toEqual(['ui/AppLoadable.vue'])
})

it('only platform names a platform', () => {
  const names = /\b(uni|wx|my)\.[a-z]|\b(window|localStorage|sessionStorage|navigator)\.|#ifn?def/
  const wrong = sources.filter(({ folder, text }) => folder !== 'platform' && names.test(text))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('components of ui have names that no platform uses', () => {
  const wrong = sources.filter(({ folder, path }) => {
    return folder === 'ui' && path.endsWith('.vue') && !/^ui\/App[A-Z]/.test(path)
  })
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('files of core/api are at most 100 lines', () => {
  const wrong = operations.filter(({ text }) => text.split('\n').length > 100)
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('files are at most 400 lines of at most 100 columns', () => {
  const wrong = sources.filter(({ text }) => {
    const lines = text.split('\n')
    return lines.length > 400 || lines.some((line) => line.length > 100)
  })
  expect(wrong.map(({ path }) => path)).toEqual([])
})
