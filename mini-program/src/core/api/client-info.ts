/** What a client has to know of the server before anybody signs in. */
import { absentable, type Decoded, object, text } from '../decode'
import { get } from '../request'

/** The mini-program of an app; its pages for browsers are there in the sandbox only. */
const app = object({
  app_id: text,
  sign_in_url: absentable(text),
  cashier_url: absentable(text),
})

/** An app that is not in the server's configuration is null. */
const clientInfo = object({ wechat: absentable(app), alipay: absentable(app) })

export type ClientInfo = Decoded<typeof clientInfo>

export const clientInfoApi = {
  load: get('/api/v1/client', clientInfo),
}
