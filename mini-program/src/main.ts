import { createSSRApp } from 'vue'
import { target } from '#target'
import App from './App.vue'

/** The entry that the framework calls; the name is its own. */
export function createApp(): { app: ReturnType<typeof createSSRApp> } {
  target.start()
  return { app: createSSRApp(App) }
}
