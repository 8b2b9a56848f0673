//! Alipay for mini-programs: authorisation codes, trades, refunds, bills, the cashier, and signed
//! notifications; apps in public key mode and in certificate mode, with and without content
//! encryption, and with user ids, open ids or both.
//!
//! Invariant: a request is accepted only after its signature and time were checked.
//! Invariant: every answer to a request that was checked is signed with the key of its app, and so
//! is every notification.
//! Invariant: an app sees only its own trades.
//! Invariant: a trade is paid at most once, and never after it was closed; never more goes back than
//! was paid.
//!
//! Absent on purpose: `alipay.trade.cancel`, which refunds what was paid meanwhile.

mod acts;
mod answer;
mod apps;
mod bill;
mod bill_rows;
mod book;
mod cashier;
mod certificate;
mod charset;
mod cipher;
mod control;
mod create;
mod create_fields;
pub mod endpoints;
mod form;
mod gateway;
mod kept;
pub(crate) mod keys;
mod message;
mod notification;
mod operations;
mod panel;
mod people;
mod phone;
mod query;
mod refund;
mod refusal;
mod sign_in;
mod token;
mod trade;
mod view;
mod zip;

use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, ServiceConfig};
use chrono::{DateTime, TimeDelta, Utc};

pub use acts::TradeActRefusal;
pub use apps::{AppSettings, AppView, NewAppSettings, RefundCourse};
pub use kept::KeptTrade;
pub use keys::Identities;
pub use message::SentTemplateMessage;
pub use people::AlipayUser;
pub use phone::PhoneNumber;
pub use trade::TradeNotPayable;
pub use view::{RefundView, TradeSummary, TradeView};

use super::codes::Codes;
use super::{ReadOperation, StandIn};
use crate::callbacks::Callbacks;
use crate::chance;
use crate::changes::Changes;
use crate::clock::AdjustableClock;
use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;
use crate::state::{Shared, lock};
use apps::App;
use bill::Links;
use book::Trades;
use message::TemplateMessages;

/// An authorisation code lives from three minutes to a day; the shortest of that.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(3);

#[derive(Debug)]
pub struct Alipay {
    /// The general one first; none where the keys have none.
    apps: Vec<Arc<App>>,
    codes: Mutex<Codes>,
    trades: Mutex<Trades>,
    links: Mutex<Links>,
    messages: Mutex<TemplateMessages>,
    clock: Arc<AdjustableClock>,
    callbacks: Arc<Callbacks>,
    changes: Arc<Changes>,
}

impl Alipay {
    pub(crate) fn new(shared: &Shared) -> Self {
        let apps = shared.keys.alipay.iter().flat_map(|alipay| &alipay.apps);
        Self {
            apps: apps.map(|keys| Arc::new(App::new(keys))).collect(),
            codes: Mutex::new(Codes::good_for(CODE_LIFETIME)),
            trades: Mutex::default(),
            links: Mutex::default(),
            messages: Mutex::default(),
            clock: shared.clock.clone(),
            callbacks: shared.callbacks.clone(),
            changes: shared.changes.clone(),
        }
    }

    /// The users that the sign-in page offers, as the general app knows them.
    pub fn demo_users(&self) -> Vec<AlipayUser> {
        self.apps.first().map(|app| app.people.demo()).unwrap_or_default()
    }

    /// The same, as that app knows them; `None` if there is no such app.
    pub fn demo_users_of(&self, app_id: &str) -> Option<Vec<AlipayUser>> {
        self.app(app_id).map(|app| app.people.demo())
    }

    /// The user of this number, as the general app knows them: the same person as WeChat's user of
    /// the number.
    pub fn user(&self, index: u32) -> Option<AlipayUser> {
        self.apps.first()?.people.user(index)
    }

    /// The same, as that app knows them.
    pub fn user_of(&self, app_id: &str, index: u32) -> Option<AlipayUser> {
        self.app(app_id)?.people.user(index)
    }

    /// What `my.getAuthCode` gives the mini-program of this user.
    pub fn issue_code(&self, user: &AlipayUser, now: DateTime<Utc>) -> String {
        let code = chance::hex_digits(32);
        lock(&self.codes).issue(&code, &user.app_id, &user.open_id, now);
        code
    }

    /// A user of the app, or one that another app has met: a user id is the same everywhere.
    fn buyer(&self, app: &App, user_id: &str) -> Option<AlipayUser> {
        let elsewhere = || self.apps.iter().find_map(|other| other.people.by_id(user_id));
        let known = app.people.by_id(user_id).or_else(elsewhere)?;
        app.people.user(known.index)
    }
}

impl StandIn for Alipay {
    fn endpoints(&self) -> &'static [Endpoint] {
        endpoints::ENDPOINTS
    }

    fn gateway(&self) -> Option<(&'static str, ReadOperation)> {
        Some((endpoints::GATEWAY, gateway::operation))
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        const SIGN_IN: &str = "/sandbox/alipay/sign-in";
        config
            .app_data(Data::from(self))
            .route(endpoints::GATEWAY, web::post().to(gateway::gateway))
            .route(bill::FILE, web::get().to(bill::file))
            .route(SIGN_IN, web::get().to(sign_in::page))
            .route(SIGN_IN, web::post().to(sign_in::choose))
            .route("/sandbox/alipay/codes", web::post().to(sign_in::make_code))
            .route("/sandbox/alipay/phone-numbers", web::post().to(phone::make))
            .route(cashier::CASHIER, web::get().to(cashier::show))
            .route(cashier::CASHIER, web::post().to(cashier::act))
            .route("/sandbox/api/alipay/messages", web::get().to(message::list))
            .route("/sandbox/api/alipay/messages", web::post().to(message::set))
            .configure(control::routes);
    }

    fn panel(&self, visit: &Visit) -> Panel {
        panel::panel(self, visit)
    }
}
