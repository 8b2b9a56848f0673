//! The providers, built from their settings: the only file that names their modules.

use super::JobContext;
use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::Sealer,
        db::{Db, DbError},
        kv::Kv,
    },
    config::{Config, ConfigError, PerSchool, ProviderSections},
    identity::login::{Apps, MiniProgramLogin},
    key_trials::{KeyTrial, KeyTrialSet},
    keyring::LockVendors,
    messages::{Messenger, Messengers},
    payments::gateways::Gateways,
    providers::{
        alipay::{Alipay, AlipaySettings},
        locks::{HttpLocks, LockSettings},
        wechat_login::{WechatLogin, WechatLoginSettings},
        wechat_pay::{WechatPay, WechatPaySettings, upkeep::FetchPace},
        wecom::{Wecom, WecomSettings},
    },
    reconciliation::BillSources,
    work_login::{WorkDirectories, WorkDirectory},
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
    /// `[alipay]`
    pub alipay: PerSchool<AlipaySettings>,
    /// `[locks]`
    pub locks: PerSchool<LockSettings>,
    /// `[wecom]`
    pub wecom: PerSchool<WecomSettings>,
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
        Self {
            wechat: sections.read(),
            wechat_pay: sections.read(),
            alipay: sections.read(),
            locks: sections.read(),
            wecom: sections.read(),
        }
    }
}

/// Every provider that is configured.
pub(super) struct Providers {
    wechats: PerSchool<Arc<WechatLogin>>,
    wechat_pays: WechatPays,
    alipays: PerSchool<Arc<Alipay>>,
    locks: PerSchool<Arc<HttpLocks>>,
    wecoms: PerSchool<Arc<Wecom>>,
}

impl Providers {
    pub(super) fn build(
        settings: &ProviderSettings,
        http: &Client,
        clock: &Arc<dyn Clock>,
        (kv, sealer): (&Arc<dyn Kv>, &Sealer),
    ) -> Self {
        let wechat = |settings: &WechatLoginSettings| {
            Arc::new(WechatLogin::new(settings.clone(), http.clone(), Arc::clone(clock)))
        };
        let alipay =
            |settings: &AlipaySettings| Arc::new(Alipay::new(settings.clone(), http.clone()));
        let locks = |settings: &LockSettings| {
            Arc::new(HttpLocks::new(settings.clone(), http.clone(), Arc::clone(clock)))
        };
        let wecom = |settings: &WecomSettings| {
            let kept = (Arc::clone(kv), sealer.clone());
            Arc::new(Wecom::new(settings.clone(), http.clone(), kept, Arc::clone(clock)))
        };
        Self {
            wecoms: each(&settings.wecom, wecom),
            wechats: each(&settings.wechat, wechat),
            wechat_pays: WechatPays::build(settings, http),
            alipays: each(&settings.alipay, alipay),
            locks: each(&settings.locks, locks),
        }
    }

    /// The mini-programs.
    pub(super) fn apps(&self, clock: &Arc<dyn Clock>) -> Apps {
        let mut apps = Apps::default();
        let wechats = each(&self.wechats, |wechat| -> Arc<dyn MiniProgramLogin> {
            Arc::<WechatLogin>::clone(wechat)
        });
        add_apps(&mut apps, wechats);
        let alipays = each(&self.alipays, |alipay| -> Arc<dyn MiniProgramLogin> {
            Arc::new(alipay.login(Arc::clone(clock)))
        });
        add_apps(&mut apps, alipays);
        apps
    }

    /// The payment gateways of all schools.
    pub(super) fn gateways(&self, config: &Config) -> Gateways {
        let mut gateways = Gateways::new(config.server.public_url.to_string());
        self.wechat_pays.add_to(&mut gateways);
        if let Some(general) = &self.alipays.general {
            gateways.add_general(Arc::<Alipay>::clone(general));
        }
        for (code, own) in &self.alipays.own {
            gateways.add_of_school(code, Arc::<Alipay>::clone(own));
        }
        gateways
    }

    /// Who tells students of their payments.
    pub(super) fn messengers(&self) -> Messengers {
        let mut messengers = Messengers::default();
        let wechats = each(&self.wechats, |wechat| -> Arc<dyn Messenger> { wechat.messenger() });
        add_messengers(&mut messengers, wechats);
        let alipays =
            each(&self.alipays, |alipay| -> Arc<dyn Messenger> { Arc::<Alipay>::clone(alipay) });
        add_messengers(&mut messengers, alipays);
        messengers
    }

    /// Trusts the keys that providers signed with once, for checking what is kept.
    pub(super) async fn recall_keys(&self, db: &Db) -> Result<(), DbError> {
        for gateway in self.wechat_pays.all() {
            gateway.recall_certificates(db).await?;
        }
        Ok(())
    }

    /// Where the bills of all schools come from.
    pub(super) fn bills(&self) -> BillSources {
        let mut bills = BillSources::default();
        self.wechat_pays.add_bills_to(&mut bills);
        if let Some(general) = &self.alipays.general {
            bills.add_general(Arc::<Alipay>::clone(general));
        }
        for (code, own) in &self.alipays.own {
            bills.add_of_school(code, Arc::<Alipay>::clone(own));
        }
        bills
    }

    /// The keys that can be tried.
    pub(super) fn key_trials(&self) -> KeyTrialSet {
        let mut set = KeyTrialSet::default();
        add_trials(&mut set, each(&self.wechats, |wechat| wechat.key_trial()));
        let alipay = |alipay: &Arc<Alipay>| -> Arc<dyn KeyTrial> { Arc::<Alipay>::clone(alipay) };
        add_trials(&mut set, each(&self.alipays, alipay));
        self.wechat_pays.add_trials_to(&mut set);
        let wecom = |wecom: &Arc<Wecom>| -> Arc<dyn KeyTrial> { Arc::<Wecom>::clone(wecom) };
        add_trials(&mut set, each(&self.wecoms, wecom));
        set
    }

    /// Where members of staff sign in beside the password.
    pub(super) fn work_directories(&self) -> WorkDirectories {
        let wecom = |wecom: &Arc<Wecom>| -> Arc<dyn WorkDirectory> { Arc::<Wecom>::clone(wecom) };
        let PerSchool { general, own } = each(&self.wecoms, wecom);
        WorkDirectories { general, own: own.into_iter().collect() }
    }

    /// The adapters of the schools' door locks.
    pub(super) fn locks(&self) -> LockVendors {
        let mut vendors = LockVendors::default();
        if let Some(general) = &self.locks.general {
            vendors.add_general(Arc::<HttpLocks>::clone(general));
        }
        for (code, own) in &self.locks.own {
            vendors.add_of_school(code, Arc::<HttpLocks>::clone(own));
        }
        vendors
    }

    /// What the providers need beside the requests.
    pub(super) fn jobs(&self) -> ProviderJobs {
        let all = self.wechat_pays.all().map(Arc::clone).collect();
        ProviderJobs { certificates: self.wechat_pays.with_certificates(), all }
    }
}

/// What the providers do in the background.
#[derive(Clone, Debug)]
pub(super) struct ProviderJobs {
    certificates: Vec<Arc<WechatPay>>,
    all: Vec<Arc<WechatPay>>,
}

impl ProviderJobs {
    /// Trusts the keys that providers sign with, where no job keeps them.
    pub(super) async fn ready_keys(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        for gateway in &self.all {
            gateway.ready_certificates(db, now).await?;
        }
        Ok(())
    }

    pub(super) fn start(&self, context: &JobContext<'_>) {
        for gateway in &self.certificates {
            let (gateway, clock) = (Arc::clone(gateway), Arc::clone(context.clock));
            let db = context.db.clone();
            context.jobs.spawn("provider certificates", move || {
                let (gateway, clock) = (Arc::clone(&gateway), Arc::clone(&clock));
                let (db, pace) = (db.clone(), FetchPace::default());
                async move { gateway.keep_certificates(&db, clock.as_ref(), pace).await }
            });
        }
    }
}

/// What `build` makes of each of the settings.
fn each<S, T>(settings: &PerSchool<S>, build: impl Fn(&S) -> T) -> PerSchool<T> {
    let own = settings.own.iter().map(|(code, own)| (code.clone(), build(own)));
    PerSchool { own: own.collect(), general: settings.general.as_ref().map(&build) }
}

/// Adds the mini-program of all schools, and those of single schools.
fn add_apps(apps: &mut Apps, logins: PerSchool<Arc<dyn MiniProgramLogin>>) {
    for own in logins.own.into_values() {
        apps.add(own);
    }
    if let Some(general) = logins.general {
        apps.add_general(general);
    }
}

fn add_messengers(messengers: &mut Messengers, all: PerSchool<Arc<dyn Messenger>>) {
    for (code, own) in all.own {
        messengers.add_of_school(&code, own);
    }
    if let Some(general) = all.general {
        messengers.add_general(general);
    }
}

fn add_trials(set: &mut KeyTrialSet, all: PerSchool<Arc<dyn KeyTrial>>) {
    for (code, own) in all.own {
        set.add_of_school(&code, own);
    }
    if let Some(general) = all.general {
        set.add_general(general);
    }
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
        let fetching = self.all().filter(|gateway| gateway.fetches_certificates());
        fetching.map(Arc::clone).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<WechatPay>> {
        self.general.iter().chain(self.of_schools.values())
    }

    fn add_bills_to(&self, bills: &mut BillSources) {
        if let Some(general) = &self.general {
            bills.add_general(Arc::<WechatPay>::clone(general));
        }
        for (code, own) in &self.of_schools {
            bills.add_of_school(code, Arc::<WechatPay>::clone(own));
        }
    }

    fn add_trials_to(&self, set: &mut KeyTrialSet) {
        if let Some(general) = &self.general {
            set.add_general(Arc::<WechatPay>::clone(general));
        }
        for (code, own) in &self.of_schools {
            set.add_of_school(code, Arc::<WechatPay>::clone(own));
        }
    }

    fn add_to(&self, gateways: &mut Gateways) {
        if let Some(general) = &self.general {
            gateways.add_general(Arc::<WechatPay>::clone(general));
        }
        for (code, own) in &self.of_schools {
            gateways.add_of_school(code, Arc::<WechatPay>::clone(own));
        }
    }
}
