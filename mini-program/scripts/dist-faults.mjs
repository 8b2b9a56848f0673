// What is wrong with the files of a build.
import { extname } from 'node:path'

const mebibyte = 1024 * 1024
const largestMainPackage = 2 * mebibyte

// Hosts that the framework's code names and never asks: XML namespaces and links in its messages.
const harmlessHosts = ['www.w3.org', 'vuejs.org', 'uniapp.dcloud.net.cn']

/**
 * Texts of `src/platform/target.*.ts` that no minifier changes and no framework has. Each build
 * must have its own, which shows that it signs in and pays by the calls of its own app.
 */
const ownTexts = {
  h5: ['onecard.signing-in', 'redirect_uri'],
  'mp-weixin': ['setVisualEffectOnCapture', 'getAccountInfoSync'],
  'mp-alipay': ['auth_base', 'getAppIdSync'],
}

/**
 * @param {'h5' | 'mp-weixin' | 'mp-alipay'} target
 * @param {{ name: string, size: number, text: string }[]} files
 * @param {string} apiHost of the server, which only the mini-programs name
 * @returns {string[]} one sentence for each fault
 */
export function faultsOf(target, files, apiHost) {
  const allowed = target === 'h5' ? harmlessHosts : [...harmlessHosts, apiHost]
  return [
    ...foreignHosts(files, allowed),
    ...tooLarge(target, files),
    ...(target === 'mp-alipay' ? newSyntax(files) : []),
    ...otherTargets(target, files),
  ]
}

function foreignHosts(files, allowed) {
  return files.flatMap(({ name, text }) =>
    [...text.matchAll(/https?:\/\/([a-z0-9][a-z0-9.-]*)/gi)]
      .map((match) => match[1])
      .filter((host) => !allowed.includes(host))
      .map((host) => `${name} names the host ${host}`),
  )
}

/** There are no subpackages: all of it is the main package. */
function tooLarge(target, files) {
  const size = files.reduce((sum, file) => sum + file.size, 0)
  return size > largestMainPackage ? [`${target} has ${size} bytes`] : []
}

const scriptsOf = (files) => files.filter(({ name }) => extname(name) === '.js')

/** Alipay's engine does not read `?.` and `??`. A `?.5` is a conditional with a fraction. */
function newSyntax(files) {
  return scriptsOf(files)
    .filter(({ text }) => /\?\.(?!\d)|\?\?/.test(withoutTexts(text)))
    .map(({ name }) => `${name} has ?. or ??`)
}

function withoutTexts(code) {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
}

function otherTargets(target, files) {
  const code = scriptsOf(files).map(({ text }) => text).join('\n')
  return Object.entries(ownTexts).flatMap(([name, texts]) => {
    const found = texts.filter((text) => code.includes(text))
    if (name !== target) return found.map((text) => `${target} has ${text}, of ${name}`)
    return texts.filter((text) => !found.includes(text)).map((text) => `${target} lacks ${text}`)
  })
}
