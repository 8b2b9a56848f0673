//! The journeys, built from the configuration: the one place that names providers.

use crate::{
    account::Accounts,
    base::{clock::Clock, crypto::keyring::Key32, db::Db, kv::Kv, lane::Lanes},
    config::{Config, Providers, WeChat, WeChatPay},
    identity::{Identities, Parts, login::MiniProgramLogin, tokens::Tokens},
    orders::gateway::PaymentGateway,
    providers::{
        settings::InvalidSetting,
        wechat_login::{WechatLogin, WechatLoginSettings},
        wechat_pay::{WechatPay, WechatPaySettings},
    },
    schools::{People, PersonKeys, Schools},
    topup::{TopUps, gateways::Gateways, pace::Pace, settle::Settling},
};
use secrecy::SecretString;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

/// The most facts of one commit.
const SETTLE_BATCH: usize = 64;

/// Everything that handlers ask for.
#[derive(Clone, Debug)]
pub struct Journeys {
    /// Who is there.
    pub identities: Identities,
    /// Money in.
    pub topups: TopUps,
    /// What a student sees.
    pub accounts: Accounts,
    /// Policies.
    pub schools: Arc<Schools>,
}

/// What the journeys stand on.
#[derive(Debug)]
pub struct Ground<'a> {
    /// As configured.
    pub config: &'a Config,
    /// Where `now` comes from.
    pub clock: &'a Arc<dyn Clock>,
    /// The pool of the requests.
    pub db: &'a Db,
    /// The key-value store.
    pub kv: &'a Arc<dyn Kv>,
    /// Calls to providers.
    pub http: &'a reqwest::Client,
    /// The lanes' thread.
    pub threads: &'a LocalPoolHandle,
    /// The lanes' connections.
    pub lane_db: &'a Db,
    /// Woken after postings.
    pub sealer: &'a Arc<Notify>,
}

impl Journeys {
    /// Builds the journeys; a provider's setting that cannot work is named.
    pub fn build(ground: &Ground<'_>) -> Result<Self, InvalidSetting> {
        let Ground { config, clock, db, kv, .. } = *ground;
        let schools = Arc::new(Schools::new(db.clone(), Arc::clone(clock)));
        let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
        let parts = Parts {
            db: db.clone(),
            kv: Arc::clone(kv),
            schools: Arc::clone(&schools),
            people: People::new(db.clone(), keys.index),
            sealer: keys.sealer,
            wechat: wechat_login(config, ground.http)?,
            tokens: Tokens::new(config.keys.jwt.clone()),
            clock: Arc::clone(clock),
        };
        let settling = Settling {
            db: ground.lane_db.clone(),
            clock: Arc::clone(clock),
            sealer: Arc::clone(ground.sealer),
        };
        let topups = TopUps {
            db: db.clone(),
            kv: Arc::clone(kv),
            schools: Arc::clone(&schools),
            gateways: Arc::new(gateways(config, ground.http)?),
            settling: Lanes::start(ground.threads, settling, config.ledger.lanes, SETTLE_BATCH),
            clock: Arc::clone(clock),
            pace: Pace::new(config.payments.first_look),
            wake: Arc::default(),
        };
        let accounts = Accounts { db: db.clone() };
        Ok(Self { identities: Identities::new(parts), topups, accounts, schools })
    }
}

fn wechat_login(
    config: &Config,
    http: &reqwest::Client,
) -> Result<Option<Arc<dyn MiniProgramLogin>>, InvalidSetting> {
    let Some(wechat) = &config.providers().wechat else { return Ok(None) };
    let settings = WechatLoginSettings {
        base_url: wechat.api_base_url.to_string(),
        app_id: wechat.app_id.clone(),
        app_secret: wechat.app_secret.clone(),
    };
    Ok(Some(Arc::new(WechatLogin::new(settings, http.clone())?)))
}

fn gateways(config: &Config, http: &reqwest::Client) -> Result<Gateways, InvalidSetting> {
    let mut of_schools = HashMap::new();
    for (code, providers) in config.schools() {
        if let Some(own) = wechat_pay(providers, http)? {
            of_schools.insert(code.to_owned(), own);
        }
    }
    let general = wechat_pay(config.providers(), http)?;
    Ok(Gateways { general, of_schools, public_url: config.server.public_url.to_string() })
}

fn wechat_pay(
    providers: &Providers,
    http: &reqwest::Client,
) -> Result<Option<Arc<dyn PaymentGateway>>, InvalidSetting> {
    let (Some(pay), Some(wechat)) = (&providers.wechat_pay, &providers.wechat) else {
        return Ok(None);
    };
    let gateway = WechatPay::new(wechat_pay_settings(pay, wechat)?, http.clone())?;
    Ok(Some(Arc::new(gateway)))
}

fn wechat_pay_settings(
    pay: &WeChatPay,
    wechat: &WeChat,
) -> Result<WechatPaySettings, InvalidSetting> {
    let key = pay.public_key.as_ref().ok_or_else(|| InvalidSetting {
        field: "public_key_id",
        problem: "is missing: payments are checked with WeChat Pay's public key".into(),
    })?;
    Ok(WechatPaySettings {
        base_url: pay.base_url.to_string(),
        mch_id: pay.mch_id.clone(),
        app_id: wechat.app_id.clone(),
        merchant_serial_no: pay.merchant_serial_no.clone(),
        merchant_key_pem: pay.merchant_private_key.clone(),
        api_v3_key: api_v3_key(&pay.api_v3_key)?,
        public_key_id: key.id.clone(),
        public_key_pem: key.pem.clone(),
    })
}

fn api_v3_key(key: &Key32) -> Result<SecretString, InvalidSetting> {
    let text = str::from_utf8(key.expose()).map_err(|_| InvalidSetting {
        field: "api_v3_key",
        problem: "must be 32 ASCII characters".into(),
    })?;
    Ok(SecretString::from(text))
}
