// The part of the journey in which the same person comes with Alipay. It begins signed in with
// WeChat, bound, with ¥37.50 in the electronic account, and ends signed in with Alipay.

/** After a further ¥50 with Alipay, and ¥100 that were begun with Alipay and paid with WeChat. */
const whatIsLeftInTheEnd = '电子账户 ¥187.50'

/** @param tools those of `journey.mjs`, and the person's password */
export function alipaySteps({ page, tools, password }) {
  const { balance, button, heading, radio, shown } = tools
  const { bindWith, goHome, openFromHome, order, shoot, whatIsLeft } = tools

  return [
    [
      'Alipay signs in on a sandbox page of its own',
      async () => {
        await goHome()
        await button('退出登录').click()
        await button('登录').click()
        await button('支付宝登录').waitFor()
        await shoot('sign-in')
        await button('支付宝登录').click()
        await page.waitForURL(/\/sandbox\/alipay\/sign-in/)
        await shoot('sandbox-alipay-sign-in')
        await page.getByRole('button').first().click()
      },
    ],
    [
      'the same person binds there too, and finds the same money',
      async () => {
        await button('绑定').waitFor()
        await bindWith(password)
        await balance(whatIsLeft).waitFor()
      },
    ],
    [
      'either app can pay, and the one signed in with is chosen',
      async () => {
        await openFromHome('充值')
        await radio('支付宝支付', { checked: true }).waitFor()
        await radio('50 元').click()
        await radio('微信支付').click()
        await button('微信支付 ¥50').waitFor()
        await radio('支付宝支付').click()
        await button('支付宝支付 ¥50').waitFor()
        await shoot('top-up-alipay')
      },
    ],
    [
      '¥50 is paid at the cashier of Alipay',
      async () => {
        await order('50', password, '支付宝支付')
        await page.waitForURL(/\/sandbox\/alipay\/cashier/)
        await button('确认支付').waitFor()
        await shoot('sandbox-alipay-cashier')
        await button('确认支付').click()
        await heading('充值成功').waitFor()
        await shoot('order-alipay')
        await button('返回首页').click()
        await balance('电子账户 ¥87.50').waitFor()
        await shoot('home-alipay')
      },
    ],
    [
      'an order that was begun with Alipay is paid with WeChat',
      async () => {
        await order('100', password, '支付宝支付')
        await page.waitForURL(/\/sandbox\/alipay\/cashier/)
        await openFromHome('查看订单')
        await button(/充值 ¥100.00，待支付/).click()
        await button('继续支付').waitFor()
        await button('换用微信支付').waitFor()
        await shoot('order-both')
        await button('换用微信支付').click()
        await page.waitForURL(/\/sandbox\/wechat-pay\/cashier/)
        await button('确认支付').click()
        await heading('充值成功').waitFor()
        await goHome()
        await balance(whatIsLeftInTheEnd).waitFor()
      },
    ],
    [
      'the statement says which app the money came from',
      async () => {
        await openFromHome('账单')
        await page.getByRole('listitem', { name: /支付宝充值.*\+50\.00 元/ }).waitFor()
        await page.getByRole('listitem', { name: /微信充值.*\+100\.00 元/ }).waitFor()
        await shown('支付宝充值').first().waitFor()
        await shoot('statement-both')
      },
    ],
  ]
}
