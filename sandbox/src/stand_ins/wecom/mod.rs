//! WeCom (企业微信): sign-in by its OAuth. The token, who a code is of, and the two pages on which a member
//! agrees: within the messenger and as a QR code in another browser.
//!
//! Invariant: a code is of one person, good once, within five minutes of being made.
//! Invariant: of somebody who is no member `openid` is told, with `errcode` 0.

mod api;
mod keys;
mod pages;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, ServiceConfig};
use chrono::{DateTime, TimeDelta, Utc};

pub use api::{MEMBER, TOKEN};
pub use keys::{WECOM_FILE, WecomCredentials, WecomFile};

use super::StandIn;
use super::codes::Codes;
use crate::chance;
use crate::clock::AdjustableClock;
use crate::control::{Panel, Visit};
use crate::endpoint::Endpoint;
use crate::state::{Shared, lock};

const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// The people on the page: userids with their names, and one from outside, who has none.
pub const MEMBERS: [(&str, &str); 4] =
    [("ZhangWei", "张伟"), ("LiNa", "李娜"), ("wang.fang", "王芳"), (OUTSIDER, "外部联系人")];
/// In place of a userid: somebody who is no member.
pub const OUTSIDER: &str = "";

pub struct Wecom {
    credentials: Option<WecomCredentials>,
    codes: Mutex<Codes>,
    /// Oldest first, each with when it ends.
    tokens: Mutex<VecDeque<(String, DateTime<Utc>)>>,
    clock: Arc<AdjustableClock>,
}

impl fmt::Debug for Wecom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wecom").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Wecom {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            credentials: shared.keys.wecom.clone(),
            codes: Mutex::new(Codes::good_for(CODE_LIFETIME)),
            tokens: Mutex::default(),
            clock: shared.clock.clone(),
        }
    }

    /// What the messenger gives the page of this member, or of somebody from outside.
    pub fn issue_code(&self, userid: &str) -> String {
        let code = chance::alphanumeric(43);
        let corp = self.credentials.as_ref().map_or("", |credentials| &credentials.corp_id);
        lock(&self.codes).issue(&code, corp, userid, self.clock.now());
        code
    }

    /// Ends every access token, as WeCom may at any time.
    pub fn end_tokens(&self) {
        lock(&self.tokens).clear();
    }

    fn is_app(&self, corp_id: &str, agent_id: &str) -> bool {
        let mut known = self.credentials.iter();
        known.any(|known| known.corp_id == corp_id && known.agent_id == agent_id)
    }
}

impl StandIn for Wecom {
    fn endpoints(&self) -> &'static [Endpoint] {
        &[TOKEN, MEMBER]
    }

    fn mount(self: Arc<Self>, config: &mut ServiceConfig) {
        config
            .app_data(Data::from(self))
            .route("/cgi-bin/gettoken", web::get().to(api::get_token))
            .route("/cgi-bin/auth/getuserinfo", web::get().to(api::get_member))
            .route("/connect/oauth2/authorize", web::get().to(pages::within))
            .route("/wwlogin/sso/login", web::get().to(pages::elsewhere))
            .route("/sandbox/wecom/agree", web::post().to(pages::agree));
    }

    fn panel(&self, _: &Visit) -> Panel {
        Panel::default()
    }
}
