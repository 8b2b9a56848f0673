import { expect, it } from 'vitest'
import { faultsOf } from '../../scripts/dist-faults.mjs'

type Target = 'h5' | 'mp-weixin' | 'mp-alipay'

const good: Readonly<Record<Target, string>> = {
  h5: 'keep("onecard.signing-in");leave({redirect_uri:a})',
  'mp-weixin': 'let{setVisualEffectOnCapture:e}=u;u.getAccountInfoSync()',
  'mp-alipay': 'login({scopes:"auth_base"});let{getAppIdSync:e}=u',
}
const targets: readonly Target[] = ['h5', 'mp-weixin', 'mp-alipay']

function faults(target: Target, more: string, name = 'app.js', size = 1): string[] {
  const files = [
    { name: 'vendor.js', size: 1, text: good[target] },
    { name, size, text: more },
  ]
  return faultsOf(target, files, 'card.example')
}

it.each(targets)('a build for %s of its own calls alone has no fault', (target) => {
  expect(faults(target, '')).toEqual([])
})

const others = targets.flatMap((target) =>
  targets.filter((other) => other !== target).map((other) => [target, other] as const),
)

it.each(others)('a build for %s must not have the calls of %s', (target, other) => {
  expect(faults(target, good[other])).toHaveLength(2)
})

it.each(targets)('a build for %s must have its own calls', (target) => {
  expect(faultsOf(target, [{ name: 'app.js', size: 1, text: '' }], '')).toHaveLength(2)
})

it.each<[Target, string, string[]]>([
  ['h5', 'fetch("https://card.example/")', ['app.js names the host card.example']],
  ['mp-alipay', 'fetch("https://card.example/")', []],
  ['mp-weixin', 'fetch("https://other.example/")', ['app.js names the host other.example']],
  ['mp-alipay', 'a?.b', ['app.js has ?. or ??']],
  ['mp-alipay', 'a??b', ['app.js has ?. or ??']],
  ['mp-alipay', 'a?.5:1,"a?.b"', []],
  ['mp-weixin', 'a?.b', []],
])('a build for %s with %s: %o', (target, text, expected) => {
  expect(faults(target, text)).toEqual(expected)
})

it('a package must be small enough to be taken', () => {
  expect(faults('mp-alipay', '', 'big.png', 2 * 1024 * 1024)).toEqual([
    'mp-alipay has 2097153 bytes',
  ])
})
