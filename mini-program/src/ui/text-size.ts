/** The large-text mode: chosen here, or taken from what the host app is set to. */
import { computed, ref } from 'vue'
import { target } from '#target'
import { chosenScale, clampScale, isLargeScale, largeScale } from '@/core/text-size'
import { readText, writeText } from '@/platform/storage'

const key = 'onecard.text-size'

const scale = ref(chosenScale(readText(key)) ?? clampScale(target.textScale()))

/** What every text size is multiplied by. */
export const textScale = computed(() => scale.value)
export const isLargeText = computed(() => isLargeScale(scale.value))

export function toggleLargeText(): void {
  const large = !isLargeText.value
  scale.value = large ? largeScale : 1
  writeText(key, large ? 'large' : 'standard')
}
