import type { PropType } from 'vue'
import type { SignedFen } from '@/core/money'

/** An amount, or null while there is none. At run time an amount is a plain number. */
export const amountProp = { type: Number as unknown as PropType<SignedFen | null>, default: null }
