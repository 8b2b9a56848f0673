//! WeChat's mini-program server API: who is in front of the phone.
//!
//! Invariant: a code opens one session, once, within five minutes of being made.
//! Invariant: an openid belongs to one app id and is the same every time.
//!
//! Absent on purpose: `wx.login` itself has no wire protocol. The sign-in page and
//! `POST /sandbox/wechat/codes` stand where the phone would be.

mod codes;
mod login;
mod people;
mod sign_in;

use std::sync::Mutex;

use actix_web::web;
use chrono::{DateTime, Utc};

pub use people::{DEMO_USERS, User};

use crate::keys::WechatCredentials;
use crate::state::lock;
use codes::Codes;
use people::People;

#[derive(Debug)]
pub struct WeChat {
    app: WechatCredentials,
    people: People,
    codes: Mutex<Codes>,
}

impl WeChat {
    pub(crate) fn new(app: WechatCredentials) -> Self {
        let people = People::new(&app.app_id);
        Self { app, people, codes: Mutex::default() }
    }

    /// The users that the sign-in page offers.
    pub fn demo_users(&self) -> Vec<User> {
        (0..).map_while(|index| self.people.demo(index)).collect()
    }

    /// The user of this number. The first [`DEMO_USERS`] have names; 100,000 exist in all, so
    /// that load tests find a crowd.
    pub fn user(&self, index: u32) -> Option<User> {
        self.people.user(index)
    }

    /// A user that has been met: a demo user, or one that was asked for by number.
    pub fn user_by_openid(&self, openid: &str) -> Option<User> {
        self.people.by_openid(openid)
    }

    /// What `wx.login` gives the mini-program of this user.
    pub fn issue_code(&self, user: &User, now: DateTime<Utc>) -> String {
        lock(&self.codes).issue(&user.openid, now)
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/sns/jscode2session", web::get().to(login::code_to_session))
        .route("/sns/jscode2session", web::post().to(login::posted))
        .route("/sandbox/wechat/sign-in", web::get().to(sign_in::page))
        .route("/sandbox/wechat/sign-in", web::post().to(sign_in::choose))
        .route("/sandbox/wechat/codes", web::post().to(sign_in::make_code));
}
