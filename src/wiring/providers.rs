//! The providers, built from their settings: the only file that names their modules.

use super::JobContext;
use crate::{
    config::{Config, ConfigError, PerSchool, ProviderSections},
    identity::login::{Apps, MiniProgramLogin},
    payments::gateways::Gateways,
    providers::{
        wechat_login::{WechatLogin, WechatLoginSettings},
        wechat_pay::{WechatPay, WechatPaySettings, upkeep::FetchPace},
    },
};
use reqwest::Client;
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

/// Everything that an operator sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's own.
    pub config: Config,
    /// Those of providers.
    pub providers: ProviderSettings,
}

/// The settings of every provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// `[wechat]`
    pub wechat: PerSchool<WechatLoginSettings>,
    /// `[wechat_pay]`
    pub wechat_pay: PerSchool<WechatPaySettings>,
}

impl Settings {
    /// Reads `file`, where there is one, and the variables that begin with `ONECARD__`.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (config, providers) = Config::load(file, env, ProviderSettings::read)?;
        Ok(Self { config, providers })
    }
}

impl ProviderSettings {
    fn read(sections: &mut ProviderSections<'_, '_>) -> Self {
        Self { wechat: sections.read(), wechat_pay: sections.read() }
    }
}

/// Every provider that is configured.
pub(super) struct Providers {
    /// The mini-programs.
    pub(super) apps: Apps,
    wechat_pays: WechatPays,
}

impl Providers {
    pub(super) fn build(settings: &ProviderSettings, http: &Client) -> Self {
        Self { apps: apps(&settings.wechat, http), wechat_pays: WechatPays::build(settings, http) }
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
fn apps(settings: &PerSchool<WechatLoginSettings>, http: &Client) -> Apps {
    let login = |settings: &WechatLoginSettings| -> Arc<dyn MiniProgramLogin> {
        Arc::new(WechatLogin::new(settings.clone(), http.clone()))
    };
    let mut apps = Apps::default();
    for own in settings.own.values() {
        apps.add(login(own));
    }
    if let Some(general) = &settings.general {
        apps.add_general(login(general));
    }
    apps
}

/// Every gateway of WeChat Pay: the general one, and those of schools that are their own merchant
/// or have their own mini-program.
struct WechatPays {
    general: Option<Arc<WechatPay>>,
    of_schools: HashMap<String, Arc<WechatPay>>,
}

impl WechatPays {
    fn build(settings: &ProviderSettings, http: &Client) -> Self {
        let ProviderSettings { wechat, wechat_pay, .. } = settings;
        let gateway = |app: Option<&WechatLoginSettings>, pay: Option<&WechatPaySettings>| {
            let gateway = WechatPay::new(pay?.clone(), &app?.app_id, http.clone());
            Some(Arc::new(gateway))
        };
        let codes: BTreeSet<&String> = wechat.own.keys().chain(wechat_pay.own.keys()).collect();
        let own = codes.into_iter().filter_map(|code| {
            Some((code.clone(), gateway(wechat.of(code), wechat_pay.of(code))?))
        });
        Self {
            of_schools: own.collect(),
            general: gateway(wechat.general.as_ref(), wechat_pay.general.as_ref()),
        }
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
