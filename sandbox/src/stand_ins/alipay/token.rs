//! `alipay.system.oauth.token`: an authorisation code becomes ids of a user and tokens.

use serde_json::{Value, json};

use super::Alipay;
use super::gateway::{Call, TIME};
use super::operations::{Answer, members};
use super::refusal::Refusal;
use crate::chance;
use crate::clock::china;
use crate::stand_ins::codes::CodeError;
use crate::state::lock;

/// In seconds: 15 days, and 30 for the refreshing token.
const EXPIRES_IN: &str = "1296000";
const REFRESH_EXPIRES_IN: &str = "2592000";

pub(super) fn exchange(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    match call.parameter("grant_type") {
        "authorization_code" => {}
        // Nothing here uses a token, so that none is remembered.
        "refresh_token" => {
            return Err(Refusal::invalid("isv.refresh-token-invalid", "刷新令牌无效"));
        }
        _ => return Err(Refusal::invalid("isv.grant-type-invalid", "授权类型无效")),
    }
    let now = pay.clock.now();
    let app = &call.app;
    let taken = lock(&pay.codes).take(app.app_id(), call.parameter("code"), now);
    let user = taken.map_err(Refusal::from)?;
    let user = app.people.by_id(&user).ok_or_else(Refusal::unavailable)?;
    let identities = app.settings().identities;
    let mut answer = json!({
        "access_token": token(),
        "refresh_token": token(),
        "expires_in": EXPIRES_IN,
        "re_expires_in": REFRESH_EXPIRES_IN,
        "auth_start": china(now).format(TIME).to_string(),
    });
    if let Some(id) = user.user_id_for(identities) {
        put(&mut answer, "user_id", id);
    }
    if let Some(id) = user.open_id_for(identities) {
        put(&mut answer, "open_id", id);
    }
    Ok(members(answer))
}

pub(super) fn put(object: &mut Value, name: &str, text: &str) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), json!(text));
    }
}

/// A token in the shape of Alipay's.
fn token() -> String {
    format!("authbseB{}", chance::hex_digits(32))
}

impl From<CodeError> for Refusal {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Invalid | CodeError::Used => {
                Self::invalid("isv.code-invalid", "授权码code无效")
            }
            CodeError::OtherApp => {
                Self::invalid("isv.unmatched-app-id", "授权码不是颁发给这个应用的")
            }
        }
    }
}
