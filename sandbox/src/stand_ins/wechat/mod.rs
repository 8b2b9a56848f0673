//! WeChat's mini-program server API: the login, access tokens, phone numbers, subscribe messages and
//! delivered orders.
//!
//! Invariant: a code opens one session, once, within five minutes of being made.
//! Invariant: an openid belongs to one app id and is the same every time.
//!
//! Absent on purpose: `wx.login` itself has no wire protocol. The sign-in page and
//! `POST /sandbox/wechat/codes` take the place of the phone.

mod control;
mod keys;
mod login;
mod messages;
mod panel;
mod people;
mod phone;
mod server_api;
mod shipping;
mod sign_in;

use std::fmt;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, ServiceConfig};
use chrono::{DateTime, TimeDelta, Utc};

pub use keys::WechatCredentials;
pub use login::LOGIN;
pub use messages::{Consents, SentMessage};
pub use people::{DEMO_USERS, User};
pub(crate) use people::{POPULATION, name_of, surname_of};
pub use server_api::{MESSAGE, PHONE, SHIPPING, TOKEN};
pub use shipping::Shipment;

use super::StandIn;
use super::codes::Codes;
use crate::chance;
use crate::clock::AdjustableClock;
use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;
use crate::state::{Shared, lock};
use people::People;
use server_api::ServerApi;

const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug)]
pub struct WeChat {
    general: App,
    /// Those of schools that have one of their own.
    others: Vec<App>,
    codes: Mutex<Codes>,
    server_api: Mutex<ServerApi>,
    clock: Arc<AdjustableClock>,
}

/// A mini-program and the people who use it.
struct App {
    secret: String,
    people: People,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("app_id", &self.people.app_id()).finish_non_exhaustive()
    }
}

impl App {
    fn new(credentials: &WechatCredentials) -> Self {
        let people = People::new(&credentials.app_id);
        Self { secret: credentials.app_secret.clone(), people }
    }
}

impl WeChat {
    pub(crate) fn new(shared: &Shared) -> Self {
        let keys = &shared.keys;
        let own = keys.schools.values().filter_map(|school| school.wechat.as_ref());
        Self {
            general: App::new(&keys.credentials.wechat),
            others: own.map(App::new).collect(),
            codes: Mutex::new(Codes::good_for(CODE_LIFETIME)),
            server_api: Mutex::default(),
            clock: shared.clock.clone(),
        }
    }

    /// The users that the sign-in page offers, as the general app knows them.
    pub fn demo_users(&self) -> Vec<User> {
        demo_users(&self.general)
    }

    /// The same, as that app knows them; `None` if there is no such app.
    pub fn demo_users_of(&self, app_id: &str) -> Option<Vec<User>> {
        self.app(app_id).map(demo_users)
    }

    /// The user of this number, as the general app knows them. The first [`DEMO_USERS`] have
    /// names; 100,000 exist in all, so that load tests find a crowd.
    pub fn user(&self, index: u32) -> Option<User> {
        self.general.people.user(index)
    }

    /// The same, as that app knows them.
    pub fn user_of(&self, app_id: &str, index: u32) -> Option<User> {
        self.app(app_id)?.people.user(index)
    }

    /// A known user: a demo user, or one that was asked for by number.
    pub fn user_by_openid(&self, openid: &str) -> Option<User> {
        self.apps().find_map(|app| app.people.by_openid(openid))
    }

    /// What `wx.login` gives the mini-program of this user.
    pub fn issue_code(&self, user: &User, now: DateTime<Utc>) -> String {
        let code = format!("0{}", chance::alphanumeric(31));
        lock(&self.codes).issue(&code, &user.app_id, &user.openid, now);
        code
    }

    /// The app ids, the general one first.
    pub fn app_ids(&self) -> impl Iterator<Item = &str> {
        self.apps().map(|app| app.people.app_id())
    }

    fn apps(&self) -> impl Iterator<Item = &App> {
        std::iter::once(&self.general).chain(&self.others)
    }

    fn app(&self, app_id: &str) -> Option<&App> {
        self.apps().find(|app| app.people.app_id() == app_id)
    }
}

fn api_routes(config: &mut ServiceConfig) {
    const TOKEN_PATH: &str = "/cgi-bin/stable_token";
    config
        .route(TOKEN_PATH, web::post().to(server_api::stable_token))
        .route(TOKEN_PATH, web::get().to(server_api::must_post))
        .route("/wxa/business/getuserphonenumber", web::post().to(phone::get_user_phone_number))
        .route("/cgi-bin/message/subscribe/send", web::post().to(messages::send))
        .route("/wxa/sec/order/upload_shipping_info", web::post().to(shipping::upload));
}

fn demo_users(app: &App) -> Vec<User> {
    (0..).map_while(|index| app.people.demo(index)).collect()
}

impl StandIn for WeChat {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[LOGIN, TOKEN, PHONE, MESSAGE, SHIPPING]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config
            .app_data(Data::from(self))
            .route("/sns/jscode2session", web::get().to(login::code_to_session))
            .route("/sns/jscode2session", web::post().to(login::posted))
            .route("/sandbox/wechat/sign-in", web::get().to(sign_in::page))
            .route("/sandbox/wechat/sign-in", web::post().to(sign_in::choose))
            .route("/sandbox/wechat/codes", web::post().to(sign_in::make_code))
            .route("/sandbox/api/users", web::get().to(panel::list))
            .configure(api_routes)
            .configure(control::routes);
    }

    fn panel(&self, _: &Visit) -> Panel {
        panel::panel(self)
    }
}
