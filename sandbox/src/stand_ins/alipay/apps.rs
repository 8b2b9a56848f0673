//! The apps, with the people who use them and what can be set for tests.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::keys::{AppKeys, Identities};
use super::people::People;
use super::{Alipay, TradeActRefusal};
use crate::state::lock;

#[derive(Debug)]
pub(super) struct App {
    pub(super) keys: Arc<AppKeys>,
    pub(super) people: People,
    settings: Mutex<AppSettings>,
}

/// How refunds of an app go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundCourse {
    /// The money goes back at once.
    #[default]
    AtOnce,
    /// Accepted, and nothing moves until it is completed or failed by hand.
    Pending,
    /// Refused: the seller's balance is not enough.
    NoBalance,
}

/// What can be set about an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSettings {
    pub identities: Identities,
    pub refunds: RefundCourse,
    /// Whether refunds are notified; the first setting of real products differs.
    pub notify_refunds: bool,
    /// Whether it is notified that a trade timed out; the same.
    pub notify_closed: bool,
}

/// New settings; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewAppSettings {
    pub identities: Option<Identities>,
    pub refunds: Option<RefundCourse>,
    pub notify_refunds: Option<bool>,
    pub notify_closed: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppView {
    pub app_id: String,
    pub seller_id: String,
    /// The code of the school that it belongs to; `None` for the general one.
    pub school: Option<String>,
    /// In certificate mode; in public key mode else.
    pub certificates: bool,
    /// Whether contents can be encrypted.
    pub encrypts: bool,
    pub settings: AppSettings,
}

impl App {
    pub(super) fn new(keys: &Arc<AppKeys>) -> Self {
        let settings = AppSettings {
            identities: keys.identities,
            refunds: RefundCourse::default(),
            notify_refunds: true,
            notify_closed: false,
        };
        let people = People::new(&keys.credentials.app_id);
        Self { keys: keys.clone(), people, settings: Mutex::new(settings) }
    }

    pub(super) fn app_id(&self) -> &str {
        &self.keys.credentials.app_id
    }

    pub(super) fn seller_id(&self) -> &str {
        &self.keys.credentials.seller_id
    }

    pub(super) fn settings(&self) -> AppSettings {
        *lock(&self.settings)
    }

    fn set(&self, new: NewAppSettings) {
        let mut settings = lock(&self.settings);
        let old = *settings;
        *settings = AppSettings {
            identities: new.identities.unwrap_or(old.identities),
            refunds: new.refunds.unwrap_or(old.refunds),
            notify_refunds: new.notify_refunds.unwrap_or(old.notify_refunds),
            notify_closed: new.notify_closed.unwrap_or(old.notify_closed),
        };
    }

    fn view(&self) -> AppView {
        AppView {
            app_id: self.app_id().to_owned(),
            seller_id: self.seller_id().to_owned(),
            school: self.keys.school.clone(),
            certificates: self.keys.certificates.is_some(),
            encrypts: self.keys.content.is_some(),
            settings: self.settings(),
        }
    }
}

impl Alipay {
    /// The general app first.
    pub fn apps(&self) -> Vec<AppView> {
        self.apps.iter().map(|app| app.view()).collect()
    }

    /// Changes an app from now on; trades and refunds that exist keep what they are.
    pub fn set(&self, app_id: &str, new: NewAppSettings) -> Result<AppView, TradeActRefusal> {
        let app = self.app(app_id).ok_or(TradeActRefusal::NoSuchApp)?;
        app.set(new);
        Ok(app.view())
    }

    /// Which ids of its users the app is told from now on.
    pub fn set_identities(
        &self,
        app_id: &str,
        identities: Identities,
    ) -> Result<AppView, TradeActRefusal> {
        self.set(app_id, NewAppSettings { identities: Some(identities), ..Default::default() })
    }

    /// How the app's refunds go from now on.
    pub fn set_refunds(
        &self,
        app_id: &str,
        refunds: RefundCourse,
    ) -> Result<AppView, TradeActRefusal> {
        self.set(app_id, NewAppSettings { refunds: Some(refunds), ..Default::default() })
    }

    pub(super) fn app(&self, app_id: &str) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.app_id() == app_id)
    }
}
