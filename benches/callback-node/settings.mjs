// What a merchant knows: from the environment, keys from files.
import { Rsa } from 'wechatpay-axios-plugin'

export function readSettings(env, readFile) {
  const need = (name) => {
    if (!env[name]) throw new Error(`set ${name}`)
    return env[name]
  }
  return {
    school: need('SCHOOL'),
    schoolId: need('SCHOOL_ID'),
    clearingAccount: need('CLEARING_ACCOUNT'),
    mchId: need('MCH_ID'),
    appId: need('APP_ID'),
    apiV3Key: need('API_V3_KEY'),
    // Parsed once: no callback pays for it.
    keys: new Map([[need('PUBLIC_KEY_ID'), Rsa.from(readFile(need('PUBLIC_KEY_FILE')), Rsa.KEY_TYPE_PUBLIC)]]),
  }
}
