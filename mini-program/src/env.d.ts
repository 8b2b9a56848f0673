/// <reference types="vite/client" />

declare module '*.vue' {
  import type { DefineComponent } from 'vue'

  const component: DefineComponent<object, object, unknown>
  export default component
}

/** The file `platform/target.<h5|weapp|alipay>.ts`, chosen in vite.config.ts. */
declare module '#target' {
  export const target: import('@/platform/target').Target
}

interface ImportMetaEnv {
  readonly VITE_API_BASE_URL: string
}
