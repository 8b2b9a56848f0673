// Writes a sandbox configuration with fresh keys, unless there is one already.
//   node scripts/compose-config.mjs DIR SERVER_PORT METRICS_PORT SANDBOX_URL [DATABASE_URL] [REDIS_URL]
// DIR/sandbox comes from `onecard-sandbox init`: credentials.json, alipay.json, locks.json and wecom.json,
// and the first two in a folder for each school that has a merchant and an Alipay app of its own.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const [dir, serverPort, metricsPort, sandboxUrl, databaseUrl, redisUrl] = process.argv.slice(2)
if (!sandboxUrl) {
  console.error('usage: compose-config.mjs DIR SERVER_PORT METRICS_PORT SANDBOX_URL [DATABASE_URL] [REDIS_URL]')
  process.exit(2)
}
const file = resolve(dir, 'onecard.toml')
if (existsSync(file)) process.exit(0)

const text = (value) => JSON.stringify(String(value))
const key = () => `{ id = "sandbox-1", key = ${text(`base64:${randomBytes(32).toString('base64')}`)} }`
const read = (folder, name) => JSON.parse(readFileSync(resolve(folder, name), 'utf8'))
const credentials = (folder) => read(folder, 'credentials.json')

const app = (wechat) => `app_id = ${text(wechat.app_id)}
app_secret = ${text(wechat.app_secret)}
`

// A school's section is laid over the general one, so that what it lacks must be empty.
function merchant(folder, pay) {
  const near = (name) => text(name ? resolve(folder, name) : '')
  const certificates = (pay.platform_certificate_files ?? []).map(near).join(', ')
  return `mch_id = ${text(pay.mch_id)}
merchant_serial_no = ${text(pay.merchant_serial_no)}
merchant_private_key_file = ${near(pay.merchant_private_key_file)}
api_v3_key = ${text(pay.api_v3_key)}
public_key_id = ${text(pay.public_key_id ?? '')}
public_key_file = ${near(pay.public_key_file)}
platform_certificate_files = [${certificates}]
`
}

// As above, what an app lacks must be empty: one mode's files, or the encryption's key.
function alipayApp(folder, app) {
  const near = (name) => text(name ? resolve(folder, name) : '')
  return `app_id = ${text(app.app_id)}
seller_id = ${text(app.seller_id)}
app_private_key_file = ${near(app.app_private_key_file)}
alipay_public_key_file = ${near(app.alipay_public_key_file)}
app_cert_file = ${near(app.app_cert_file)}
alipay_cert_file = ${near(app.alipay_cert_file)}
alipay_root_cert_file = ${near(app.alipay_root_cert_file)}
encrypt_key = ${text(app.encrypt_key ?? '')}
`
}

// The browser signs in through the general app; who has signed in there cannot pay in another.
const commented = (lines) => lines.replace(/^(?=.)/gm, '# ')
const ownApp = (code, wechat) => `
# The school's own mini-program, for a client that is built for it. Its merchant is bound to both.
# [school.${code}.wechat]
${commented(app(wechat))}`
const ownAlipayApp = (code, folder, alipay) => `
# The school's own app and account in Alipay, for a client that is built for it.
# [school.${code}.alipay]
${commented(alipayApp(folder, alipay))}`

function school(code) {
  const folder = resolve(sandboxDir, code)
  const { wechat, wechat_pay: pay } = credentials(folder)
  const own = wechat ? ownApp(code, wechat) : ''
  const alipay = ownAlipayApp(code, folder, read(folder, 'alipay.json').alipay)
  return `${own}\n[school.${code}.wechat_pay]\n${merchant(folder, pay)}${alipay}`
}

const sandboxDir = resolve(dir, 'sandbox')
const general = credentials(sandboxDir)
const { locks } = read(sandboxDir, 'locks.json')
const { wecom } = read(sandboxDir, 'wecom.json')
const isSchool = (name) => existsSync(resolve(sandboxDir, name, 'credentials.json'))
const schools = readdirSync(sandboxDir).filter(isSchool).sort()
const h5 = resolve(import.meta.dirname ?? '.', '../mini-program/dist/build/h5')

writeFileSync(file, `# THROWAWAY SANDBOX configuration, written with fresh keys. Never use it for real money.
environment = "sandbox"

[server]
listen = "127.0.0.1:${serverPort}"
metrics_listen = "127.0.0.1:${metricsPort}"
public_url = "http://127.0.0.1:${serverPort}"
h5_dir = ${text(h5)}

[database]
url = ${text(databaseUrl || `sqlite://${resolve(dir, 'onecard.db')}`)}

[redis]
url = ${text(redisUrl || '')}

[ledger]
heads_file = ${text(resolve(dir, 'heads.jsonl'))}

[keys]
master = ${key()}
data = ${key()}
index = ${key()}
jwt = ${key()}
head = ${key()}
mac = ${key()}

[wechat]
api_base_url = ${text(sandboxUrl)}
${app(general.wechat)}
[wechat_pay]
base_url = ${text(sandboxUrl)}
bill_hosts = [${text(new URL(sandboxUrl).host)}]
${merchant(sandboxDir, general.wechat_pay)}
[alipay]
gateway_url = ${text(`${sandboxUrl}/gateway.do`)}
bill_hosts = [${text(new URL(sandboxUrl).host)}]
${alipayApp(sandboxDir, read(sandboxDir, 'alipay.json').alipay)}
[locks]
base_url = ${text(`${sandboxUrl}/locks`)}
key_id = ${text(locks.key_id)}
key_secret = ${text(locks.key_secret)}

# Members of staff of 云南艺术学院 sign in by WeCom as well.
[school.ynart.wecom]
base_url = ${text(sandboxUrl)}
corp_id = ${text(wecom.corp_id)}
agent_id = ${text(wecom.agent_id)}
secret = ${text(wecom.secret)}
${schools.map(school).join('')}`, { mode: 0o600 })
