/** The screen as the mini-program runtimes control it. */

let isShown = false
/** What the person had, from 0 to 1; null while it is not known. */
let brightnessBefore: number | null = null

export function lightScreen(): void {
  if (isShown) return
  isShown = true
  uni.setKeepScreenOn({ keepScreenOn: true })
  uni.getScreenBrightness({
    success: ({ value }) => {
      // The page may have been left meanwhile.
      if (!isShown) return
      brightnessBefore = value
      uni.setScreenBrightness({ value: 1 })
    },
  })
}

export function restoreScreen(): void {
  if (!isShown) return
  isShown = false
  uni.setKeepScreenOn({ keepScreenOn: false })
  if (brightnessBefore !== null) uni.setScreenBrightness({ value: brightnessBefore })
  brightnessBefore = null
}
