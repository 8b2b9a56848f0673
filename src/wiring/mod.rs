//! The journeys, built from the configuration: the one place that names providers.

use crate::{
    base::{
        clock::Clock,
        crypto::{hasher::PasswordHasher, keyring::Key32, seal::Sealer},
        db::Db,
        http::signature::Authorities,
        jobs::Jobs,
        kv::Kv,
        lane::Lanes,
    },
    cards::Cards,
    config::{Config, Providers, WeChat, WeChatPay},
    devices::Devices,
    feed::{Feed, LONGEST_WAIT},
    identity::{
        Identities, IdentitiesSetup,
        login::{Apps, MiniProgramLogin},
        tokens::Tokens,
    },
    orders::gateway::PaymentGateway,
    overview::Overview,
    passcode::{self, CodeMasters, Codes},
    passwords::Passwords,
    providers::{
        settings::InvalidSetting,
        wechat_login::{WechatLogin, WechatLoginSettings},
        wechat_pay::{WechatPay, WechatPayPublicKey, WechatPaySettings, upkeep::FetchPace},
    },
    schools::{People, PersonKeys, Schools},
    spend::{
        Spending,
        charging::{self, Charging},
    },
    terminals::{self, Terminals},
    topup::{TopUps, gateways::Gateways, pace::Pace, settle::Settling},
};
use secrecy::SecretString;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

/// How many passwords of strangers are checked at a time: no more than a small machine has cores
/// to spare.
const STRANGERS_AT_ONCE: usize = 4;
/// As many beside them of those who are bound.
const HOLDERS_AT_ONCE: usize = 2;
/// How long a check waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
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
    pub overview: Overview,
    /// What happens, as it happens.
    pub feed: Feed,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// Tills, doors, desks and meters.
    pub terminals: Terminals,
    /// Spending at tills.
    pub spending: Spending,
    /// Whose code a terminal reads.
    pub codes: Codes,
    /// What shows codes.
    pub devices: Devices,
    certificates: Vec<Arc<WechatPay>>,
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
        let Ground { config, clock, db, .. } = *ground;
        let schools = Arc::new(Schools::new(db.clone(), Arc::clone(clock)));
        let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
        let passwords = passwords(ground, &keys);
        let overview = Overview {
            db: db.clone(),
            cards: Cards::new(db.clone()),
            people: People::new(db.clone(), keys.index.clone()),
            schools: Arc::clone(&schools),
            clock: Arc::clone(clock),
        };
        let codes = codes(ground);
        let parts = IdentitiesSetup {
            db: db.clone(),
            schools: Arc::clone(&schools),
            passwords: passwords.clone(),
            cards: Cards::new(db.clone()),
            codes: codes.clone(),
            sealer: keys.sealer.clone(),
            wechat: wechat_apps(config, ground.http)?,
            tokens: Tokens::new(config.keys.jwt.clone()),
            clock: Arc::clone(clock),
        };
        let wechat_pays = WechatPays::build(config, ground.http)?;
        let certificates = wechat_pays.with_certificates();
        let gateways = wechat_pays.into_gateways(config.server.public_url.to_string());
        let topups = topups(ground, (&schools, &passwords), gateways);
        let identities = Identities::new(parts);
        let terminals = terminals(ground, &schools);
        let devices = devices(ground, &codes, (&schools, &passwords));
        let spending = spending(ground, &codes, (&schools, &passwords, keys.sealer));
        Ok(Self {
            identities,
            topups,
            overview,
            feed: Feed::new(db.clone(), Arc::clone(clock), LONGEST_WAIT),
            schools,
            passwords,
            terminals,
            spending,
            codes,
            devices,
            certificates,
        })
    }

    /// Starts what the providers need beside the requests.
    pub fn start_jobs(&self, jobs: &Jobs, clock: &Arc<dyn Clock>) {
        let codes = self.codes.clone();
        jobs.spawn("codes", move || codes.clone().maintain());
        for gateway in &self.certificates {
            let (gateway, clock) = (Arc::clone(gateway), Arc::clone(clock));
            jobs.spawn("WeChat Pay certificates", move || {
                let (gateway, clock) = (Arc::clone(&gateway), Arc::clone(&clock));
                async move { gateway.keep_certificates(clock.as_ref(), FetchPace::default()).await }
            });
        }
    }
}

fn passwords(ground: &Ground<'_>, keys: &PersonKeys) -> Passwords {
    Passwords {
        db: ground.db.clone(),
        people: People::new(ground.db.clone(), keys.index.clone()),
        sealer: keys.sealer.clone(),
        index: keys.index.clone(),
        for_strangers: PasswordHasher::new(STRANGERS_AT_ONCE, TURN_PATIENCE),
        for_holders: PasswordHasher::new(HOLDERS_AT_ONCE, TURN_PATIENCE),
        clock: Arc::clone(ground.clock),
    }
}

fn terminals(ground: &Ground<'_>, schools: &Arc<Schools>) -> Terminals {
    let server = &ground.config.server;
    let https = server.public_url.scheme() == "https";
    Terminals::new(terminals::TerminalsSetup {
        db: ground.db.clone(),
        kv: Arc::clone(ground.kv),
        schools: Arc::clone(schools),
        clock: Arc::clone(ground.clock),
        authorities: Authorities::new(&server.authorities, https),
    })
}

fn topups(
    ground: &Ground<'_>,
    (schools, passwords): (&Arc<Schools>, &Passwords),
    gateways: Gateways,
) -> TopUps {
    let Ground { config, clock, db, kv, .. } = *ground;
    let wake: Arc<Notify> = Arc::default();
    let settling = Settling {
        db: ground.lane_db.clone(),
        clock: Arc::clone(clock),
        sealer: Arc::clone(ground.sealer),
        sweep: Arc::clone(&wake),
    };
    TopUps {
        db: db.clone(),
        kv: Arc::clone(kv),
        schools: Arc::clone(schools),
        gateways: Arc::new(gateways),
        passwords: passwords.clone(),
        settling: Lanes::start(ground.threads, settling, config.ledger.lanes, SETTLE_BATCH),
        clock: Arc::clone(clock),
        pace: Pace::new(config.payments.first_look),
        most_open_orders: config.payments.most_open_orders.into(),
        wake,
    }
}

fn devices(
    ground: &Ground<'_>,
    codes: &Codes,
    (schools, passwords): (&Arc<Schools>, &Passwords),
) -> Devices {
    Devices {
        db: ground.db.clone(),
        codes: codes.clone(),
        schools: Arc::clone(schools),
        passwords: passwords.clone(),
        clock: Arc::clone(ground.clock),
    }
}

fn spending(
    ground: &Ground<'_>,
    codes: &Codes,
    (schools, passwords, names): (&Arc<Schools>, &Passwords, Sealer),
) -> Spending {
    let charging = Charging {
        db: ground.lane_db.clone(),
        clock: Arc::clone(ground.clock),
        names,
        codes: codes.clone(),
        sealer: Arc::clone(ground.sealer),
    };
    let lanes = ground.config.ledger.lanes;
    Spending {
        db: ground.db.clone(),
        codes: codes.clone(),
        schools: Arc::clone(schools),
        passwords: passwords.clone(),
        charging: Lanes::start(ground.threads, charging, lanes, charging::BATCH),
        clock: Arc::clone(ground.clock),
        sealer: Arc::clone(ground.sealer),
    }
}

fn codes(ground: &Ground<'_>) -> Codes {
    Codes::new(passcode::CodesSetup {
        db: ground.db.clone(),
        kv: Arc::clone(ground.kv),
        clock: Arc::clone(ground.clock),
        masters: CodeMasters::new(&ground.config.keys.master),
    })
}

/// The mini-program of all schools, and those of single schools.
fn wechat_apps(config: &Config, http: &reqwest::Client) -> Result<Apps, InvalidSetting> {
    let mut apps = Apps::default();
    for (_, providers) in config.schools() {
        if let Some(own) = &providers.wechat {
            apps.by_id.insert(own.app_id.clone(), wechat_login(own, http)?);
        }
    }
    if let Some(general) = &config.providers().wechat {
        let login = wechat_login(general, http)?;
        apps.by_id.insert(general.app_id.clone(), Arc::clone(&login));
        apps.general = Some(login);
    }
    Ok(apps)
}

fn wechat_login(
    wechat: &WeChat,
    http: &reqwest::Client,
) -> Result<Arc<dyn MiniProgramLogin>, InvalidSetting> {
    let settings = WechatLoginSettings {
        base_url: wechat.api_base_url.to_string(),
        app_id: wechat.app_id.clone(),
        app_secret: wechat.app_secret.clone(),
    };
    Ok(Arc::new(WechatLogin::new(settings, http.clone())?))
}

/// Every gateway of WeChat Pay's: the general one, and those of schools that are their own
/// merchants.
struct WechatPays {
    general: Option<Arc<WechatPay>>,
    of_schools: HashMap<String, Arc<WechatPay>>,
}

impl WechatPays {
    fn build(config: &Config, http: &reqwest::Client) -> Result<Self, InvalidSetting> {
        let mut of_schools = HashMap::new();
        for (code, providers) in config.schools() {
            if let Some(own) = wechat_pay(providers, http)? {
                of_schools.insert(code.to_owned(), own);
            }
        }
        Ok(Self { general: wechat_pay(config.providers(), http)?, of_schools })
    }

    /// Those whose platform certificates somebody must keep.
    fn with_certificates(&self) -> Vec<Arc<WechatPay>> {
        let all = self.general.iter().chain(self.of_schools.values());
        all.filter(|gateway| gateway.fetches_certificates()).map(Arc::clone).collect()
    }

    fn into_gateways(self, public_url: String) -> Gateways {
        let gateway = |gateway: Arc<WechatPay>| -> Arc<dyn PaymentGateway> { gateway };
        let of_schools = self.of_schools.into_iter();
        Gateways {
            general: self.general.map(gateway),
            of_schools: of_schools.map(|(code, own)| (code, gateway(own))).collect(),
            public_url,
        }
    }
}

fn wechat_pay(
    providers: &Providers,
    http: &reqwest::Client,
) -> Result<Option<Arc<WechatPay>>, InvalidSetting> {
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
    let public_key = pay.public_key.as_ref();
    Ok(WechatPaySettings {
        base_url: pay.base_url.to_string(),
        mch_id: pay.mch_id.clone(),
        app_id: wechat.app_id.clone(),
        merchant_serial_no: pay.merchant_serial_no.clone(),
        merchant_key_pem: pay.merchant_private_key.clone(),
        api_v3_key: api_v3_key(&pay.api_v3_key)?,
        public_key: public_key
            .map(|key| WechatPayPublicKey { id: key.id.clone(), pem: key.pem.clone() }),
        platform_certificates: pay.platform_certificates.clone(),
        fetch_certificates: pay.fetch_platform_certificates,
    })
}

fn api_v3_key(key: &Key32) -> Result<SecretString, InvalidSetting> {
    let text = str::from_utf8(key.expose()).map_err(|_| InvalidSetting {
        field: "api_v3_key",
        problem: "must be 32 ASCII characters".into(),
    })?;
    Ok(SecretString::from(text))
}
