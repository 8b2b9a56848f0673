// The part of the journey in which money goes back: of the order that was paid with Alipay all of it, at
// once; of the one that was paid with WeChat a part, which somebody decides about in the sandbox. It
// begins with ¥187.50 in the electronic account.
import { signIn } from './staff.mjs'

/** After ¥50 and ¥20 went back. */
export const whatIsLeftAfterRefunds = '电子账户 ¥117.50'

/** @param staff the logins of two members of staff who are two persons */
export function refundSteps({ page, context, origins, tools, staff }) {
  const { balance, button, goHome, heading, openFromHome, shoot, shown } = tools
  let desk

  /** Opens the order, and tells its id. */
  async function open(name) {
    await openFromHome('我的订单')
    await button(name).first().click()
    const id = shown(/^订单号 /)
    return (await id.innerText()).replace('订单号 ', '')
  }

  /** One of the two asks, the other approves. */
  async function giveBack(order_id, amount_fen) {
    const { server } = await origins()
    desk ??= await Promise.all(staff.map((member) => signIn(server, member)))
    const [asks, approves] = desk
    await approves.approve(await asks.ask({ order_id, amount_fen, reason: '误充' }))
  }

  return [
    [
      'what was paid with Alipay goes back whole',
      async () => {
        const id = await open(/充值 ¥50.00，充值成功/)
        await giveBack(id, 5_000)
        await page.reload()
        await heading('已退款').waitFor()
        await page.getByRole('listitem', { name: /已原路退回.*¥50\.00/ }).waitFor()
        await shoot('order-refunded')
      },
    ],
    [
      'a part of what was paid with WeChat waits for WeChat Pay',
      async () => {
        const { sandbox } = await origins()
        await fetch(`${sandbox}/sandbox/api/refunds/mode`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ mode: 'by_hand' }),
        })
        const id = await open(/充值 ¥100.00，充值成功/)
        await giveBack(id, 2_000)
        await page.reload()
        await heading('正在退款').waitFor()
        await page.getByRole('listitem', { name: /退款处理中.*¥20\.00/ }).waitFor()
        await shoot('order-refunding')
      },
    ],
    [
      'it ends on the control page of the sandbox',
      async () => {
        const { sandbox } = await origins()
        const tab = await context.newPage()
        await tab.setViewportSize({ width: 1280, height: 900 })
        await tab.goto(`${sandbox}/sandbox#payments`)
        const end = tab.getByRole('button', { name: '退款完成', exact: true })
        await end.waitFor()
        await shoot('sandbox-refund', tab)
        // By the keyboard: the page renews its lists while it is looked at.
        await end.press('Enter')
        await tab.getByText('已退 ¥20.00').waitFor()
        await tab.close()
        await page.getByRole('listitem', { name: /已原路退回.*¥20\.00/ }).waitFor()
        await shoot('order-partly-refunded')
      },
    ],
    [
      'the statement and the balance show what went back',
      async () => {
        await openFromHome('账单')
        await page.getByRole('listitem', { name: /充值退款.*−50\.00 元/ }).waitFor()
        await page.getByRole('listitem', { name: /充值退款.*−20\.00 元/ }).waitFor()
        await shoot('statement-refunds')
        await openFromHome('我的订单')
        await button(/充值 ¥100.00，充值成功，已退款 ¥20/).waitFor()
        await button(/充值 ¥50.00，已退款/).waitFor()
        await goHome()
        await balance(whatIsLeftAfterRefunds).waitFor()
      },
    ],
  ]
}
