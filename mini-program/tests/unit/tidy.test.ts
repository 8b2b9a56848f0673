/** The arrows between the rooms of `src`, and the ratchet on lengths. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const src = fileURLToPath(new URL('../../src', import.meta.url))

interface Source {
  readonly path: string
  readonly room: string
  readonly text: string
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|vue|scss)$/.test(path))
  .map((path) => ({
    path: path.replace(/\\/g, '/'),
    room: path.split(/[\\/]/)[0] ?? '',
    text: readFileSync(join(src, path), 'utf8'),
  }))

/** What each room may import from; a room may always import from itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
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

/** The room that an import leads to, or null for a package. */
function roomOf(source: Source, specifier: string): string | null {
  if (specifier === '#target') return 'platform'
  if (specifier.startsWith('@/')) return specifier.slice(2).split('/')[0] ?? null
  if (!specifier.startsWith('.')) return null
  const path = relative(src, join(src, source.path, '..', specifier))
  return path.split(/[\\/]/)[0] ?? null
}

it.each(Object.keys(arrows))('%s imports only from the rooms below it', (room) => {
  const wrong = sources
    .filter((source) => source.room === room)
    .flatMap((source) =>
      importsOf(source)
        .map((specifier) => roomOf(source, specifier))
        .filter((to) => to !== null && to !== room && !arrows[room]?.includes(to))
        .map((to) => `${source.path} → ${to}`),
    )
  expect(wrong).toEqual([])
})

/** Computation without a platform: the rotating code and its picture. */
const pure = ['@stablelib/hmac', '@stablelib/sha256', 'qrcode-generator']

it('core imports packages that only compute', () => {
  const packages = sources
    .filter(({ room, path }) => room === 'core' && !path.endsWith('.test.ts'))
    .flatMap((source) => importsOf(source).filter((specifier) => !specifier.startsWith('.')))
    .filter((specifier) => !pure.includes(specifier))
  expect(packages).toEqual([])
})

it('only platform names a platform', () => {
  const names = /\b(uni|wx|my)\.[a-z]|\b(window|localStorage|sessionStorage|navigator)\.|#ifn?def/
  const wrong = sources.filter(({ room, text }) => room !== 'platform' && names.test(text))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('components of ui have names that no platform has taken', () => {
  const wrong = sources.filter(({ room, path }) => {
    return room === 'ui' && path.endsWith('.vue') && !/^ui\/App[A-Z]/.test(path)
  })
  expect(wrong.map(({ path }) => path)).toEqual([])
})

it('files are at most 400 lines of at most 100 columns', () => {
  const wrong = sources.filter(({ text }) => {
    const lines = text.split('\n')
    return lines.length > 400 || lines.some((line) => line.length > 100)
  })
  expect(wrong.map(({ path }) => path)).toEqual([])
})
