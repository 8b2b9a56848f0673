//! `GET /sns/jscode2session`: a login code becomes an openid and a session key.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::super::codes::CodeError;
use super::WeChat;
use crate::chance;
use crate::endpoint::{Endpoint, Excuse};
use crate::faults::RequestFault;
use crate::state::lock;

/// `jscode2session`. Its answers are not signed, so nothing can be wrong with their signatures.
pub const LOGIN: Endpoint = Endpoint {
    name: "login",
    label: "登录",
    matches: |_, path| path.starts_with("/sns/"),
    faults: RequestFault::UNSIGNED_ANSWERS,
    excuse,
};

/// The only grant there is.
const GRANT: &str = "authorization_code";

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoginQuery {
    appid: String,
    secret: String,
    js_code: String,
    grant_type: String,
}

/// WeChat's `errcode` and the beginning of its `errmsg`.
#[derive(Debug, PartialEq, Eq)]
struct LoginError(i32, &'static str);

const APPID_MISSING: LoginError = LoginError(41002, "appid missing");

pub(super) async fn code_to_session(
    request: HttpRequest,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let query = web::Query::<LoginQuery>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .unwrap_or_default();
    let now = wechat.clock.now();
    let openid = wechat.check(&query).and_then(|()| {
        let mut codes = lock(&wechat.codes);
        codes.take(&query.appid, &query.js_code, now).map_err(LoginError::from)
    });
    answer(openid)
}

/// WeChat looks for the parameters in the query of a GET alone.
pub(super) async fn posted() -> HttpResponse {
    answer(Err(APPID_MISSING))
}

impl WeChat {
    fn check(&self, query: &LoginQuery) -> Result<(), LoginError> {
        let app = self.app(&query.appid);
        let secret = app.map(|app| app.secret.as_str());
        let rules = [
            (!query.appid.is_empty(), APPID_MISSING),
            (app.is_some(), LoginError(40013, "invalid appid")),
            (!query.secret.is_empty(), LoginError(41004, "appsecret missing")),
            (Some(query.secret.as_str()) == secret, LoginError(40125, "invalid appsecret")),
            (query.grant_type == GRANT, LoginError(40002, "invalid grant_type")),
            (!query.js_code.is_empty(), LoginError(41008, "missing code")),
        ];
        let broken = rules.into_iter().find(|(kept, _)| !kept);
        broken.map_or(Ok(()), |(_, error)| Err(error))
    }
}

impl From<CodeError> for LoginError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Invalid | CodeError::OtherApp => Self(40029, "invalid code"),
            CodeError::Used => Self(40163, "code been used"),
        }
    }
}

fn excuse(why: Excuse) -> HttpResponse {
    let (code, message) = match why {
        Excuse::TooManyRequests => (45011, "api minute-quota reach limit"),
        // The login has no list of addresses.
        Excuse::SystemError | Excuse::AddressNotAllowed => (-1, "system error"),
    };
    let body = json!({ "errcode": code, "errmsg": message }).to_string();
    HttpResponse::Ok().content_type("text/plain").body(body)
}

/// HTTP 200 and `text/plain` whatever happened; a success carries no `errcode`.
fn answer(openid: Result<String, LoginError>) -> HttpResponse {
    let body = match openid {
        Ok(openid) => {
            let session_key = STANDARD.encode(rand::random::<[u8; 16]>());
            json!({ "session_key": session_key, "openid": openid })
        }
        Err(LoginError(code, message)) => {
            json!({ "errcode": code, "errmsg": format!("{message}, rid: {}", rid()) })
        }
    };
    // WeChat escapes the slash, which JSON allows.
    let body = body.to_string().replace('/', r"\/");
    HttpResponse::Ok().content_type("text/plain").body(body)
}

/// A trace id, which WeChat puts into error texts.
pub(super) fn rid() -> String {
    [8, 8, 8].map(chance::hex_digits).join("-")
}
