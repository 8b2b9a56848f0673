/** Every operation of the server that the client calls. */
import { bindingsApi as bindings } from '@/core/api/bindings'
import { clientInfoApi as clientInfo } from '@/core/api/client-info'
import { doorsApi as doors } from '@/core/api/doors'
import { eventsApi as events } from '@/core/api/events'
import { lossApi as loss } from '@/core/api/loss'
import { messagesApi as messages } from '@/core/api/messages'
import { ordersApi as orders } from '@/core/api/orders'
import { overviewApi as overview } from '@/core/api/overview'
import { passcodeApi as passcode } from '@/core/api/passcode'
import { phoneApi as phone } from '@/core/api/phone'
import { schoolsApi as schools } from '@/core/api/schools'
import { sessionsApi as sessions } from '@/core/api/sessions'
import { statementApi as statement } from '@/core/api/statement'

export const operations = {
  bindings,
  clientInfo,
  doors,
  events,
  loss,
  messages,
  orders,
  overview,
  passcode,
  phone,
  schools,
  sessions,
  statement,
}
