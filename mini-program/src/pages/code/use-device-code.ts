/** The code that this device computes, kept up with the clock while the page is shown. */
import { computed, type Ref, ref, shallowRef } from 'vue'
import { codeScreen, untilNextSecond } from '@/core/code-screen'
import type { Keyring, Purpose } from '@/core/enrolment'
import { noneUsed, withUsed } from '@/core/used-codes'
import { serverNow } from '@/services/clock'
import { loadKeyring, loadUsed, saveUsed } from '@/services/keyring'

export function useDeviceCode(purpose: Ref<Purpose>) {
  const keyring = shallowRef<Keyring | null>(null)
  const used = shallowRef(noneUsed)
  const now = ref(0)
  const screen = computed(() =>
    keyring.value === null
      ? null
      : codeScreen(keyring.value, used.value, purpose.value, now.value),
  )
  const digits = computed(() => (screen.value?.kind === 'code' ? screen.value.digits : ''))
  const isUsedUp = computed(() => screen.value?.kind === 'used_up')
  const leftMs = computed(() => {
    const shown = screen.value
    return shown?.kind === 'code' || shown?.kind === 'used_up' ? shown.leftMs : 0
  })
  const lifeMs = computed(() => (keyring.value?.stepSeconds ?? 0) * 1_000)
  let timer: ReturnType<typeof setTimeout> | undefined

  function start(): void {
    stop()
    reload()
    tick()
  }

  function stop(): void {
    clearTimeout(timer)
  }

  /** Takes up what was written to the device since, and what was learnt about its clock. */
  function reload(): void {
    keyring.value = loadKeyring()
    used.value = loadUsed()
    now.value = serverNow()
  }

  function tick(): void {
    now.value = serverNow()
    timer = setTimeout(tick, untilNextSecond(now.value))
  }

  /** Shows another code instead of this one. */
  function next(): void {
    const shown = screen.value
    if (shown?.kind === 'code') useUp(purpose.value, shown.tick, shown.subCounter)
  }

  function useUp(of: Purpose, step: number, subCounter: number): void {
    used.value = withUsed(loadUsed(), of, step, subCounter)
    saveUsed(used.value)
  }

  return { screen, digits, isUsedUp, leftMs, lifeMs, start, stop, reload, next, useUp }
}
