// The part of the journey in which the card is lost and found. It begins on the phone, bound, with keys
// of the code on it, and ends there with new ones. The school asks for the query password alone.

/** What home calls the page, whatever the card's state beside it. */
const link = /^挂失与解挂/

/** @param tools those of `journey.mjs`, and the person's password */
export function lossSteps({ page, tools, password }) {
  const { alert, button, field, goHome, heading, openFromHome, shoot, shown } = tools
  const picture = page.getByRole('img', { name: '付款码二维码' })

  return [
    [
      'a loss report says what it stops, and wants to be confirmed',
      async () => {
        await openFromHome(link)
        await shown('正常').first().waitFor()
        await shown('付款码和身份码停用').first().waitFor()
        await button('挂失').click()
        await alert('请输入查询密码').waitFor()
        await shoot('loss')
        await field('查询密码').fill(password)
        await button('挂失').click()
        await shown('确认挂失这张校园卡？').waitFor()
        await shoot('loss-confirm')
        await button('返回修改').click()
      },
    ],
    [
      'a wrong password reports nothing',
      async () => {
        await field('查询密码').fill('000000')
        await button('挂失').click()
        await button('确认挂失').click()
        await alert('请重新输入').waitFor()
        await shown('正常').first().waitFor()
        await shoot('loss-refused')
      },
    ],
    [
      'the card is lost at once, and home says so',
      async () => {
        await field('查询密码').fill(password)
        await button('挂失').click()
        await button('确认挂失').click()
        await shown('挂失成功').waitFor()
        await shown(/^已挂失，今天 \d\d:\d\d 起$/).waitFor()
        await shoot('loss-reported')
        await goHome()
        await shown('校园卡已挂失').first().waitFor()
        await shoot('home-lost')
      },
    ],
    [
      'a lost card opens no door from the phone, which says why',
      async () => {
        await openFromHome('我的钥匙')
        await shown('挂失期间钥匙都不能用').waitFor()
        await shoot('keys-lost')
        await button('挂失与解挂').click()
        await shown(/^已挂失，今天 \d\d:\d\d 起$/).waitFor()
        await goHome()
      },
    ],
    [
      'a lost card has no code, but a way to find it',
      async () => {
        await button('付款码').click()
        await heading('校园卡已挂失').waitFor()
        await shoot('code-lost')
        await button('挂失与解挂').click()
        await button('找到了，解挂').click()
        await field('查询密码').fill(password)
        await button('解挂').click()
        await shown('解挂成功').waitFor()
        await shown('正常').first().waitFor()
        await shoot('loss-cancelled')
      },
    ],
    [
      'once it is found, the code asks for the password again',
      async () => {
        await openFromHome('付款码')
        await heading('在这部手机上启用').waitFor()
        await field('查询密码').fill(password)
        await button('启用').click()
        await picture.waitFor()
      },
    ],
  ]
}

/** The last step: the card stays lost. Signed in at the portal. */
export function lossAtPortal({ tools, password }) {
  const { button, field, openFromHome, shoot, shown } = tools
  return [
    'the portal reports a loss, and takes no report back',
    async () => {
      await openFromHome(link)
      await field('查询密码').fill(password)
      await button('挂失').click()
      await button('确认挂失').click()
      await shown('挂失成功').waitFor()
      await shown('请在小程序中操作').waitFor()
      await shoot('portal-lost')
    },
  ]
}
