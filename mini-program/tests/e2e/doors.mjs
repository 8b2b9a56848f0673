// The part of the journey in which doors open: a gate and the library's desk read the identity code, and
// a lock of the dormitory is opened from the phone. Begins on the phone, bound, with keys of the code.

/** @param tools those of `journey.mjs`, and what reads the digits on the code page */
export function doorSteps({ page, context, origins, school, tools, readCode }) {
  const { alert, button, goHome, heading, openFromHome, shoot, shown } = tools
  const room = '东区 3 栋 402 室'

  /** The sandbox's gate or desk of the school, in a tab of its own. */
  async function scanAt(id, code, result, picture) {
    const tab = await context.newPage()
    await tab.goto(`${(await origins()).sandbox}/gate?school=${school}&id=${id}`)
    await tab.getByText(/^(门禁|图书馆借阅台) · /).waitFor()
    await tab.getByLabel('身份码').fill(code)
    await tab.getByRole('button', { name: '读码', exact: true }).click()
    await tab.getByRole('status').filter({ hasText: result }).waitFor()
    await shoot(picture, tab)
    await tab.close()
  }

  async function lockDoes(behaviour) {
    const { sandbox } = await origins()
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ behaviour })
    const set = await fetch(`${sandbox}/sandbox/api/locks/D3-402`, { method: 'POST', headers, body })
    if (!set.ok) throw new Error(`the lock answered ${set.status}`)
  }

  return [
    [
      'the identity code is one tap from home, and opens the gate',
      async () => {
        await openFromHome('身份码')
        await page.getByRole('img', { name: '身份码二维码' }).waitFor()
        await button('显示数字').click()
        await shoot('identity-code')
        await scanAt('G1', await readCode(), '请通行', 'gate')
      },
    ],
    [
      'the next one is taken at the library’s desk',
      async () => {
        await openFromHome('身份码')
        await button('显示数字').click()
        await button('换一个码').click()
        await scanAt('L1', await readCode(), '可以借阅', 'library')
      },
    ],
    [
      'a key is chosen, confirmed, and opens its door',
      async () => {
        await goHome()
        await button('我的钥匙').waitFor()
        await shoot('home-keys')
        await button('我的钥匙').click()
        await heading('我的钥匙').waitFor()
        await shoot('keys')
        await button(room).click()
        await shown('请站在门前再开').waitFor()
        await shoot('key-confirm')
        await button('确认开门').click()
        await alert('门已打开').waitFor()
        await shoot('key-opened')
      },
    ],
    [
      'a lock that does not answer is said to be unknown, until it does',
      async () => {
        await lockDoes('late')
        await button('选择其他门').click()
        await button(room).click()
        await button('确认开门').click()
        await alert('门锁未答复，请看门是否已开').waitFor()
        await shoot('key-unknown')
        await alert('门已打开').waitFor()
        await lockDoes('blocked')
        await button('再开一次').click()
        await alert('门被反锁或卡住').waitFor()
        await shoot('key-refused')
        await lockDoes('opens')
      },
    ],
  ]
}
