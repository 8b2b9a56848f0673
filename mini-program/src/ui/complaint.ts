/** Makes a complaint of a component known to its page, for as long as there is one. */
import { getCurrentInstance, onBeforeUnmount, watch } from 'vue'
import { complain, complaintId, withdraw } from '@/platform/complaints'

/**
 * @param text what is wrong, read at each change; empty for nothing
 * @returns the id that the element needs
 */
export function useComplaint(text: () => string, focus: () => void = () => undefined): string {
  const id = complaintId()
  const complaint = { owner: getCurrentInstance()?.proxy, id, focus }
  watch(
    () => text() !== '',
    (isWrong) => (isWrong ? complain(complaint) : withdraw(complaint)),
    { immediate: true },
  )
  onBeforeUnmount(() => withdraw(complaint))
  return id
}
