#!/usr/bin/env node
// Waits until every address answers 200, at most 30 seconds.
const deadline = Date.now() + 30_000
for (const url of process.argv.slice(2)) {
  for (;;) {
    const ok = await fetch(url, { signal: AbortSignal.timeout(2000) }).then((r) => r.ok, () => false)
    if (ok) break
    if (Date.now() > deadline) {
      console.error(`no answer from ${url}`)
      process.exit(1)
    }
    await new Promise((wake) => setTimeout(wake, 50))
  }
}
