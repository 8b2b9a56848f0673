// One callback: checked, stored, and only then answered. Answers 'accepted', 'refused', 'unknown' or
// 'failed'.

export async function receive(open, settings, store, request) {
  if (request.params.school !== settings.school) return 'unknown'
  let message
  try {
    message = open(settings, request)
  } catch {
    // Not of its form, or sealed under another key.
    return 'refused'
  }
  if (!message) return 'refused'
  if (!store) return 'accepted'
  try {
    await store.settle(settings, message)
    return 'accepted'
  } catch (error) {
    console.error('a callback was not settled', error)
    return 'failed'
  }
}
