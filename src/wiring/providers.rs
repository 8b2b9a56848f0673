//! The providers, built from their settings: the only file that names their modules.

use super::JobContext;
use crate::{
    base::crypto::keyring::Key32,
    config::{self, Config, WeChat, WeChatPay},
    identity::login::{Apps, MiniProgramLogin},
    payments::gateways::Gateways,
    providers::{
        settings::InvalidSetting,
        wechat_login::{WechatLogin, WechatLoginSettings},
        wechat_pay::{WechatPay, WechatPayPublicKey, WechatPaySettings, upkeep::FetchPace},
    },
};
use secrecy::SecretString;
use std::{collections::HashMap, sync::Arc};

/// Every provider that is configured.
pub(super) struct Providers {
    /// The mini-programs.
    pub(super) apps: Apps,
    wechat_pays: WechatPays,
}

impl Providers {
    /// Builds the providers; a setting that cannot work is named.
    pub(super) fn build(config: &Config, http: &reqwest::Client) -> Result<Self, InvalidSetting> {
        Ok(Self { apps: apps(config, http)?, wechat_pays: WechatPays::build(config, http)? })
    }

    /// The payment gateways of all schools.
    pub(super) fn gateways(&self, config: &Config) -> Gateways {
        self.wechat_pays.gateways(config.server.public_url.to_string())
    }

    /// What the providers need beside the requests.
    pub(super) fn jobs(&self) -> ProviderJobs {
        ProviderJobs { certificates: self.wechat_pays.with_certificates() }
    }
}

/// What the providers do in the background.
#[derive(Clone, Debug)]
pub(super) struct ProviderJobs {
    certificates: Vec<Arc<WechatPay>>,
}

impl ProviderJobs {
    pub(super) fn start(&self, context: &JobContext<'_>) {
        for gateway in &self.certificates {
            let (gateway, clock) = (Arc::clone(gateway), Arc::clone(context.clock));
            context.jobs.spawn("WeChat Pay certificates", move || {
                let (gateway, clock) = (Arc::clone(&gateway), Arc::clone(&clock));
                async move { gateway.keep_certificates(clock.as_ref(), FetchPace::default()).await }
            });
        }
    }
}

/// The mini-program of all schools, and those of single schools.
fn apps(config: &Config, http: &reqwest::Client) -> Result<Apps, InvalidSetting> {
    let mut apps = Apps::default();
    for (_, providers) in config.schools() {
        if let Some(own) = &providers.wechat {
            apps.add(wechat_login(own, http)?);
        }
    }
    if let Some(general) = &config.providers().wechat {
        apps.add_general(wechat_login(general, http)?);
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

    /// Those whose platform certificates are fetched and kept fresh.
    fn with_certificates(&self) -> Vec<Arc<WechatPay>> {
        let all = self.general.iter().chain(self.of_schools.values());
        all.filter(|gateway| gateway.fetches_certificates()).map(Arc::clone).collect()
    }

    fn gateways(&self, public_url: String) -> Gateways {
        let mut gateways = Gateways::new(public_url);
        if let Some(general) = &self.general {
            gateways.add_general(Arc::<WechatPay>::clone(general));
        }
        for (code, own) in &self.of_schools {
            gateways.add_of_school(code, Arc::<WechatPay>::clone(own));
        }
        gateways
    }
}

fn wechat_pay(
    providers: &config::Providers,
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
