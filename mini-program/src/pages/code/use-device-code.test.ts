import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ref } from 'vue'
import type { Keyring, Purpose } from '@/core/enrolment'
import { noneUsed } from '@/core/used-codes'
import { useDeviceCode } from './use-device-code'

const device = vi.hoisted(() => ({ keyring: null as unknown, used: null as unknown }))

vi.mock('@/services/clock', () => ({ serverNow: () => Date.now() }))
vi.mock('@/services/keyring', () => ({
  loadKeyring: () => device.keyring,
  loadUsed: () => device.used,
  saveUsed: (used: unknown) => {
    device.used = used
  },
}))

const start = Date.parse('2026-11-21T12:00:00+08:00')
const key = new Uint8Array(32)
const keys = { prefix: '80', otpKey: key, handleKey: key }
const keyring: Keyring = {
  generation: 1,
  keys: { pay: keys, id: { ...keys, prefix: '81' } },
  stepSeconds: 15,
  enrolledAt: start,
  expiresAt: start + 30 * 86_400_000,
  seenAt: start,
  renewing: false,
}

beforeEach(() => {
  vi.useFakeTimers({ now: start + 400 })
  Object.assign(device, { keyring, used: noneUsed })
})
afterEach(() => vi.useRealTimers())

function shown(code: ReturnType<typeof useDeviceCode>) {
  const screen = code.screen.value
  return screen?.kind === 'code' ? screen.digits : (screen?.kind ?? null)
}

it('counts down by the second, and changes with the step', () => {
  const code = useDeviceCode(ref<Purpose>('pay'))
  code.start()
  const first = shown(code)
  const left: unknown[] = []
  for (let second = 0; second < 15; second += 1) {
    left.push(code.screen.value)
    expect(shown(code)).toBe(first)
    vi.advanceTimersByTime(second === 0 ? 600 : 1_000)
  }
  const leftMs = [14_600, 14_000, 13_000]
  expect(left.slice(0, 3)).toMatchObject(leftMs.map((ms) => ({ leftMs: ms })))
  expect(shown(code)).not.toBe(first)
  expect(code.screen.value).toMatchObject({ leftMs: 15_000, subCounter: 0 })
})

it('shows four codes by hand in a step, then none until the next', () => {
  const code = useDeviceCode(ref<Purpose>('pay'))
  code.start()
  const seen = new Set<string | null>()
  for (let press = 0; press < 6; press += 1) {
    seen.add(shown(code))
    code.next()
  }
  expect(seen.size, 'four codes, and the word that there are no more').toBe(5)
  expect(shown(code)).toBe('used_up')
  vi.advanceTimersByTime(14_600)
  expect(seen).not.toContain(shown(code))
})

it('brings no code back when the page is left and opened again', () => {
  const purpose = ref<Purpose>('pay')
  const left = useDeviceCode(purpose)
  left.start()
  const first = shown(left)
  left.useUp('pay', Math.floor(start / 15_000), 0)
  const second = shown(left)
  left.stop()
  const opened = useDeviceCode(purpose)
  opened.start()
  expect(shown(opened)).toBe(second)
  expect(second).not.toBe(first)
  purpose.value = 'id'
  expect(opened.screen.value).toMatchObject({ subCounter: 0 })
})

it('stands still while the page is hidden', () => {
  const code = useDeviceCode(ref<Purpose>('pay'))
  code.start()
  code.stop()
  expect(vi.getTimerCount()).toBe(0)
})
