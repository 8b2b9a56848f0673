//! What is called with an access token: the token itself, its check, and the form of answers.

use std::collections::{HashMap, VecDeque};

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::WeChat;
use super::login::rid;
use super::messages::Messages;
use super::shipping::Shipments;
use crate::chance;
use crate::endpoint::{Endpoint, Excuse};
use crate::faults::RequestFault;
use crate::stand_ins::codes::Codes;
use crate::state::lock;

/// Two hours; in the last five minutes the next one is good as well.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::seconds(7200);
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
const PHONE_CODE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
const MOST_TOKENS: usize = 1000;
/// Longer bodies are refused.
pub(super) const MOST_BYTES: usize = 64 * 1024;

pub const TOKEN: Endpoint = Endpoint {
    faults: RequestFault::UNSIGNED_AND_LISTED,
    ..endpoint("wechat_token", "接口凭证", |_, path| path == "/cgi-bin/stable_token")
};
pub const PHONE: Endpoint =
    endpoint("wechat_phone", "手机号", |_, path| path == "/wxa/business/getuserphonenumber");
pub const MESSAGE: Endpoint =
    endpoint("wechat_message", "订阅消息", |_, path| path == "/cgi-bin/message/subscribe/send");
pub const SHIPPING: Endpoint = endpoint("wechat_shipping", "发货信息", |_, path| {
    path == "/wxa/sec/order/upload_shipping_info"
});

const fn endpoint(
    name: &'static str,
    label: &'static str,
    matches: fn(&actix_web::http::Method, &str) -> bool,
) -> Endpoint {
    let faults = RequestFault::UNSIGNED_ANSWERS;
    Endpoint { name, label, matches, faults, excuse }
}

/// WeChat's `errcode` and the beginning of its `errmsg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError(pub(super) i32, pub(super) String);

pub(super) fn error(code: i32, message: &str) -> ApiError {
    ApiError(code, message.to_owned())
}

/// The members of an answer beside `errcode` and `errmsg`.
pub(super) type Members = Map<String, Value>;

/// Of all apps.
#[derive(Debug)]
pub(super) struct ServerApi {
    /// Oldest first, each with its app and when it ends.
    tokens: VecDeque<(String, String, DateTime<Utc>)>,
    pub(super) phone_codes: Codes,
    pub(super) messages: Messages,
    pub(super) shipments: Shipments,
}

impl Default for ServerApi {
    fn default() -> Self {
        Self {
            tokens: VecDeque::new(),
            phone_codes: Codes::good_for(PHONE_CODE_LIFETIME),
            messages: Messages::default(),
            shipments: Shipments::default(),
        }
    }
}

impl ServerApi {
    /// The present token of an app with the seconds that it is good for; a new one in the last minutes of
    /// the old, which stays good.
    fn token(&mut self, app_id: &str, now: DateTime<Utc>) -> (String, i64) {
        self.tokens.retain(|(_, _, until)| *until > now);
        let newest = self.tokens.iter().rev().find(|(_, app, _)| app == app_id);
        if let Some((token, _, until)) = newest
            && *until - now >= OVERLAP
        {
            return (token.clone(), (*until - now).num_seconds());
        }
        if self.tokens.len() >= MOST_TOKENS {
            self.tokens.pop_front();
        }
        let token = format!("99_{}", chance::alphanumeric(120));
        self.tokens.push_back((token.clone(), app_id.to_owned(), now + TOKEN_LIFETIME));
        (token, TOKEN_LIFETIME.num_seconds())
    }

    /// Ends every token, as a forced refresh elsewhere would.
    pub(super) fn end_tokens(&mut self) -> usize {
        let ended = self.tokens.len();
        self.tokens.clear();
        ended
    }

    /// The app whose token that is.
    fn app_of(&self, token: &str, now: DateTime<Utc>) -> Result<String, ApiError> {
        if token.is_empty() {
            return Err(error(41001, "access_token missing"));
        }
        let known = self.tokens.iter().find(|(known, _, _)| known == token);
        match known {
            Some((_, app, until)) if *until > now => Ok(app.clone()),
            Some(_) => Err(error(42001, "access_token expired")),
            None => Err(error(40001, "invalid credential, access_token is invalid or not latest")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenWanted {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    appid: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    force_refresh: bool,
}

impl WeChat {
    /// Ends every access token, as a forced refresh elsewhere would; returns how many there were.
    pub fn end_tokens(&self) -> usize {
        lock(&self.server_api).end_tokens()
    }

    fn check_app(&self, wanted: &TokenWanted) -> Result<(), ApiError> {
        let app = self.app(&wanted.appid);
        let secret = app.map(|app| app.secret.as_str());
        let rules = [
            (wanted.grant_type == "client_credential", 40002, "invalid grant_type"),
            (!wanted.appid.is_empty(), 41002, "appid missing"),
            (app.is_some(), 40013, "invalid appid"),
            (!wanted.secret.is_empty(), 41004, "appsecret missing"),
            (Some(wanted.secret.as_str()) == secret, 40125, "invalid appsecret"),
        ];
        let broken = rules.into_iter().find(|(kept, ..)| !kept);
        broken.map_or(Ok(()), |(_, code, message)| Err(error(code, message)))
    }

    /// The app that calls, and what it asks.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        request: &HttpRequest,
        body: &web::Bytes,
    ) -> Result<(String, T), ApiError> {
        let query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
        let query = query.map(web::Query::into_inner).unwrap_or_default();
        let token = query.get("access_token").map(String::as_str).unwrap_or_default();
        let app_id = lock(&self.server_api).app_of(token, self.clock.now())?;
        Ok((app_id, parse(body)?))
    }
}

fn parse<T: DeserializeOwned>(body: &web::Bytes) -> Result<T, ApiError> {
    if body.len() > MOST_BYTES {
        return Err(error(47001, "data format error"));
    }
    serde_json::from_slice(body).map_err(|_| error(47001, "data format error"))
}

/// `POST /cgi-bin/stable_token`. A forced refresh ends the tokens of its app.
pub(super) async fn stable_token(body: web::Bytes, wechat: web::Data<WeChat>) -> HttpResponse {
    let told = parse::<TokenWanted>(&body).and_then(|wanted| {
        wechat.check_app(&wanted)?;
        let mut api = lock(&wechat.server_api);
        if wanted.force_refresh {
            api.tokens.retain(|(_, app, _)| *app != wanted.appid);
        }
        let (token, expires_in) = api.token(&wanted.appid, wechat.clock.now());
        Ok(json!({ "access_token": token, "expires_in": expires_in }))
    });
    match told {
        Ok(token) => plain(&token),
        Err(error) => answer(Err(error)),
    }
}

pub(super) async fn must_post() -> HttpResponse {
    answer(Err(error(43002, "require POST method")))
}

/// HTTP 200 and `text/plain` whatever happened.
pub(super) fn answer(told: Result<Members, ApiError>) -> HttpResponse {
    match told {
        Ok(mut members) => {
            members.insert("errcode".to_owned(), json!(0));
            members.insert("errmsg".to_owned(), json!("ok"));
            plain(&Value::Object(members))
        }
        Err(ApiError(code, message)) => {
            plain(&json!({ "errcode": code, "errmsg": format!("{message} rid: {}", rid()) }))
        }
    }
}

fn plain(value: &Value) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body(value.to_string())
}

fn excuse(why: Excuse) -> HttpResponse {
    answer(Err(match why {
        Excuse::TooManyRequests => error(45011, "api minute-quota reach limit"),
        Excuse::SystemError => error(-1, "system error"),
        Excuse::AddressNotAllowed => {
            error(40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist")
        }
    }))
}
