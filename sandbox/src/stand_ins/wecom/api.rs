//! What the application asks: a token, and who a code is of.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Wecom;
use crate::chance;
use crate::endpoint::{Endpoint, Excuse};
use crate::faults::RequestFault;
use crate::state::lock;

const TOKEN_LIFETIME: TimeDelta = TimeDelta::seconds(7200);
const MOST_TOKENS: usize = 1000;
const LONGEST_CODE: usize = 512;

pub const TOKEN: Endpoint =
    endpoint("wecom_token", "企业微信：凭证", |_, path| path == "/cgi-bin/gettoken");
pub const MEMBER: Endpoint = endpoint("wecom_member", "企业微信：身份", |_, path| {
    path == "/cgi-bin/auth/getuserinfo"
});

const fn endpoint(
    name: &'static str,
    label: &'static str,
    matches: fn(&actix_web::http::Method, &str) -> bool,
) -> Endpoint {
    Endpoint { name, label, matches, faults: RequestFault::UNSIGNED_AND_LISTED, excuse }
}

/// WeCom's `errcode` and the beginning of its `errmsg`.
struct ApiError(i32, &'static str);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenQuery {
    corpid: String,
    corpsecret: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MemberQuery {
    access_token: String,
    code: String,
}

pub(super) async fn get_token(
    query: web::Query<TokenQuery>,
    wecom: web::Data<Wecom>,
) -> HttpResponse {
    answer(wecom.token(&query))
}

pub(super) async fn get_member(
    query: web::Query<MemberQuery>,
    wecom: web::Data<Wecom>,
) -> HttpResponse {
    answer(wecom.member(&query))
}

impl Wecom {
    /// The present token; asked again it is the same.
    fn token(&self, query: &TokenQuery) -> Result<Value, ApiError> {
        let known = self.credentials.as_ref().filter(|known| known.corp_id == query.corpid);
        let rules = [
            (!query.corpid.is_empty(), ApiError(41002, "corpid missing")),
            (!query.corpsecret.is_empty(), ApiError(41004, "corpsecret missing")),
            (known.is_some(), ApiError(40013, "invalid corpid")),
            (
                known.is_some_and(|known| known.secret == query.corpsecret),
                ApiError(40001, "invalid credential"),
            ),
        ];
        if let Some((_, error)) = rules.into_iter().find(|(kept, _)| !kept) {
            return Err(error);
        }
        let (now, mut tokens) = (self.clock.now(), lock(&self.tokens));
        tokens.retain(|(_, until)| *until > now);
        if let Some((token, until)) = tokens.back() {
            return Ok(
                json!({ "access_token": token, "expires_in": (*until - now).num_seconds() }),
            );
        }
        if tokens.len() >= MOST_TOKENS {
            tokens.pop_front();
        }
        let token = chance::alphanumeric(200);
        tokens.push_back((token.clone(), now + TOKEN_LIFETIME));
        Ok(json!({ "access_token": token, "expires_in": TOKEN_LIFETIME.num_seconds() }))
    }

    fn member(&self, query: &MemberQuery) -> Result<Value, ApiError> {
        let now = self.clock.now();
        let known =
            lock(&self.tokens).iter().find(|(token, _)| *token == query.access_token).cloned();
        match known {
            None if query.access_token.is_empty() => {
                return Err(ApiError(41001, "access_token missing"));
            }
            None => return Err(ApiError(40014, "invalid access_token")),
            Some((_, until)) if until <= now => {
                return Err(ApiError(42001, "access_token expired"));
            }
            Some(_) => {}
        }
        let refused = || ApiError(40029, "invalid code");
        if query.code.is_empty() || query.code.len() > LONGEST_CODE {
            return Err(refused());
        }
        let corp = self.credentials.as_ref().map_or("", |credentials| &credentials.corp_id);
        let userid = lock(&self.codes).take(corp, &query.code, now).map_err(|_| refused())?;
        Ok(if userid.is_empty() {
            json!({ "openid": format!("o{}", chance::alphanumeric(27)), "external_userid": "wm" })
        } else {
            json!({ "userid": userid })
        })
    }
}

/// HTTP 200 whatever happened.
fn answer(told: Result<Value, ApiError>) -> HttpResponse {
    let (code, message, mut body) = match told {
        Ok(body) => (0, "ok".to_owned(), body),
        Err(ApiError(code, message)) => {
            let hint = chance::digits(20);
            (code, format!("{message}, hint: [{hint}], from ip: 127.0.0.1"), json!({}))
        }
    };
    if let Some(members) = body.as_object_mut() {
        members.insert("errcode".to_owned(), json!(code));
        members.insert("errmsg".to_owned(), json!(message));
    }
    HttpResponse::Ok().content_type("application/json; charset=UTF-8").body(body.to_string())
}

fn excuse(why: Excuse) -> HttpResponse {
    answer(Err(match why {
        Excuse::TooManyRequests => ApiError(45033, "api concurrent out of limit"),
        Excuse::SystemError => ApiError(-1, "system busy"),
        Excuse::AddressNotAllowed => ApiError(60020, "not allow to access from your ip"),
    }))
}
