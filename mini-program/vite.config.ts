import { fileURLToPath } from 'node:url'
import uni from '@dcloudio/vite-plugin-uni'
import { defineConfig, type Plugin } from 'vite'

const targets: Record<string, string> = {
  h5: 'h5',
  'mp-weixin': 'weapp',
  'mp-alipay': 'alipay',
}

const platform = process.env['UNI_PLATFORM'] ?? 'h5'
const target = targets[platform]
if (target === undefined) throw new Error(`no client target for UNI_PLATFORM=${platform}`)

// One chunk: a page visited for the first time must not need the network for its own code.
const singleChunk = {
  cssCodeSplit: false,
  rollupOptions: { output: { inlineDynamicImports: true } },
}

/**
 * The framework's stylesheets fetch pictures from its vendor's host a few seconds after the start,
 * for a shadow that is not used here. No address of them goes out.
 */
const withoutVendorPictures: Plugin = {
  name: 'without-vendor-pictures',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const picture = /url\(https:\/\/cdn2?\.dcloud\.net\.cn\/[^)]*\)/g
      for (const file of Object.values(bundle)) {
        if (file.type === 'asset' && typeof file.source === 'string') {
          file.source = file.source.replace(picture, 'none')
        }
      }
    },
  },
}

export default defineConfig({
  plugins: [uni(), withoutVendorPictures],
  resolve: {
    alias: {
      '#target': fileURLToPath(new URL(`./src/platform/target.${target}.ts`, import.meta.url)),
    },
  },
  // Alipay's engine does not read `?.` and `??`; es2017 has neither.
  build: { target: 'es2017', ...(platform === 'h5' ? singleChunk : {}) },
})
