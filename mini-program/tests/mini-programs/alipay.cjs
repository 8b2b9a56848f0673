/**
 * Alipay's compiled output in WeChat's terms: its templates are rewritten, its components adapted.
 * That proves that the generated scripts and templates fit together; it is not Alipay's runtime.
 */
'use strict'
const { cpSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } =
  require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

/** Copies the build to a temporary folder and puts what WeChat's compiler reads beside it. */
function translate(dist) {
  const root = mkdtempSync(join(tmpdir(), 'onecard-alipay-'))
  cpSync(dist, root, { recursive: true })
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, name)
    if (name.endsWith('.axml')) {
      writeFileSync(path.replace(/axml$/, 'wxml'), wxml(readFileSync(path, 'utf8')))
    }
    if (name.endsWith('.acss')) copyFileSync(path, path.replace(/acss$/, 'wxss'))
    if (name.endsWith('.sjs')) {
      const script = readFileSync(path, 'utf8').replace('export default', 'module.exports =')
      writeFileSync(path.replace(/sjs$/, 'wxs'), script)
    }
  }
  return root
}

function wxml(axml) {
  return axml
    .replace(/\ba:(if|elif|else|for|key|for-item|for-index|for-items)\b/g, 'wx:$1')
    .replace(/<import-sjs\s+from="([^"]+)\.sjs"\s+name="([^"]+)"\s*\/?>(<\/import-sjs>)?/g, wxs)
    .replace(/\.axml"/g, '.wxml"')
    .replace(/\b(on|catch)([A-Z]\w*)=/g, (_, kind, event) => {
      return `${kind === 'on' ? 'bind' : 'catch'}${event.toLowerCase()}=`
    })
}

function wxs(_, path, name) {
  return `<wxs src="${path}.wxs" module="${name}"/>`
}

/** What the framework hands to every component by these names. */
const ownProps = { uP: '', uI: '', uS: [], uR: '', uRIF: '', uT: '', eO: '', onVI: null }

const isHandler = (name) => /^on[A-Z]/.test(name)

/** @param {() => object} currentPage the page's instance */
function adapter(register, currentPage, triggerEvent) {
  let made = 0

  /** Handlers in props become events, as the rewritten templates expect them. */
  function propsOf(self, declared) {
    const props = { ...declared, ...self.properties }
    // Called at once, with the very object that the framework passes: it answers in it.
    props.onVI = (detail) => {
      const host = self.ownerShadowRoot?.__host
      const owner = host?.__l === undefined ? currentPage() : host
      owner.__l(detail)
    }
    return new Proxy(props, {
      has: (known, name) => name in known || (typeof name === 'string' && isHandler(name)),
      get: (known, name) => {
        if (name in known || typeof name !== 'string' || !isHandler(name)) return known[name]
        const event = name.slice(2).toLowerCase()
        return (sent) => triggerEvent(self, event, sent.detail ?? sent, { bubbles: false })
      },
    })
  }

  return (component) => {
    const declared = { ...component.props, ...ownProps }
    const properties = {}
    for (const [name, value] of Object.entries(declared)) {
      if (!isHandler(name)) properties[name] = { type: null, value: value ?? undefined }
    }
    return register({
      properties,
      data: component.data ?? {},
      methods: component.methods ?? {},
      options: { multipleSlots: true },
      lifetimes: {
        attached() {
          this.props = propsOf(this, declared)
          made += 1
          this.$id = made
          this.$page = currentPage()
          component.onInit?.call(this)
          component.deriveDataFromProps?.call(this, this.props)
          this.isMade = true
        },
        ready() {
          component.didMount?.call(this)
        },
        detached() {
          component.didUnmount?.call(this)
        },
      },
      observers: {
        uP() {
          if (this.isMade !== true) return
          const before = this.props
          const next = propsOf(this, declared)
          component.deriveDataFromProps?.call(this, next)
          this.props = next
          component.didUpdate?.call(this, before, this.data)
        },
      },
    })
  }
}

module.exports = { adapter, translate }
