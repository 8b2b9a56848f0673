/** What a client has to know of the server before anybody signs in. */
import { absentable, type Decoded, object, text } from '../decode'
import { get } from '../request'

/** Without WeChat in the server's configuration, `wechat` is null. */
const clientInfo = object({
  wechat: absentable(
    object({ app_id: text, sign_in_url: absentable(text), cashier_url: absentable(text) }),
  ),
})

export type ClientInfo = Decoded<typeof clientInfo>

export const clientInfoApi = {
  load: get('/api/v1/client', clientInfo),
}
