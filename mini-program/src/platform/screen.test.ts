import { afterEach, beforeEach, expect, it, vi } from 'vitest'

type Success = (result: { value: number }) => void

/** What the platform was told, and its answer about the brightness when the test wants it. */
function platform() {
  const told: string[] = []
  const asked: Success[] = []
  vi.stubGlobal('uni', {
    setKeepScreenOn: ({ keepScreenOn }: { keepScreenOn: boolean }) =>
      told.push(`keep on: ${keepScreenOn}`),
    setScreenBrightness: ({ value }: { value: number }) => told.push(`brightness ${value}`),
    getScreenBrightness: ({ success }: { success: Success }) => asked.push(success),
  })
  return { told, answer: (value: number) => asked.shift()?.({ value }) }
}

beforeEach(() => vi.resetModules())
afterEach(() => vi.unstubAllGlobals())

it('gives back what the person had', async () => {
  const { lightScreen, restoreScreen } = await import('./screen')
  const { told, answer } = platform()
  lightScreen()
  answer(0.4)
  lightScreen()
  restoreScreen()
  restoreScreen()
  expect(told).toEqual(['keep on: true', 'brightness 1', 'keep on: false', 'brightness 0.4'])
})

it('leaves the brightness alone when the page is left before it is known', async () => {
  const { lightScreen, restoreScreen } = await import('./screen')
  const { told, answer } = platform()
  lightScreen()
  restoreScreen()
  answer(0.4)
  expect(told).toEqual(['keep on: true', 'keep on: false'])
})
