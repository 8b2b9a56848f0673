// What a merchant knows: from the environment, keys from files.
import { AlipaySdk } from 'alipay-sdk'
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
    alipay: {
      appId: need('ALIPAY_APP_ID'),
      sellerId: need('ALIPAY_SELLER_ID'),
      sdk: new AlipaySdk({
        appId: need('ALIPAY_APP_ID'),
        keyType: 'PKCS8',
        privateKey: bare(readFile(need('ALIPAY_APP_PRIVATE_KEY_FILE'), 'utf8')),
        alipayPublicKey: bare(readFile(need('ALIPAY_PUBLIC_KEY_FILE'), 'utf8')),
      }),
    },
    // Parsed once: no callback pays for it.
    keys: new Map([[need('PUBLIC_KEY_ID'), Rsa.from(readFile(need('PUBLIC_KEY_FILE')), Rsa.KEY_TYPE_PUBLIC)]]),
  }
}

/** A key as the SDK wants it: base64 alone, in one line. The sandbox's files say above what they are. */
function bare(pem) {
  return pem.replace(/^[^]*?-----BEGIN [^-]+-----|-----END[^]*$|\s/g, '')
}
