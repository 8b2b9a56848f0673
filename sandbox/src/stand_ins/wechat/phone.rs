//! `POST /wxa/business/getuserphonenumber`, and the button whose code it takes.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::server_api::{ApiError, Members, answer, error};
use super::sign_in::CodeWanted;
use super::{User, WeChat};
use crate::chance;
use crate::stand_ins::codes::CodeError;
use crate::state::lock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneWanted {
    code: String,
    #[serde(default)]
    openid: Option<String>,
}

impl WeChat {
    /// What the button `getPhoneNumber` gives the mini-program of this user.
    pub fn issue_phone_code(&self, user: &User, now: DateTime<Utc>) -> String {
        let code = chance::hex_digits(64);
        lock(&self.server_api).phone_codes.issue(&code, &user.app_id, &user.openid, now);
        code
    }

    fn tell_phone(&self, app_id: &str, wanted: &PhoneWanted) -> Result<Members, ApiError> {
        let now = self.clock.now();
        let taken = lock(&self.server_api).phone_codes.take(app_id, &wanted.code, now);
        let openid = taken.map_err(|refused| match refused {
            CodeError::Invalid | CodeError::Used => error(40029, "invalid code"),
            CodeError::OtherApp => error(40013, "invalid appid"),
        })?;
        if wanted.openid.as_ref().is_some_and(|named| *named != openid) {
            return Err(error(40003, "invalid openid"));
        }
        let user = self.user_by_openid(&openid).ok_or_else(|| error(40003, "invalid openid"))?;
        let number = format!("1390000{:04}", user.index % 10_000);
        let told = json!({
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": 86,
            "watermark": { "timestamp": now.timestamp(), "appid": app_id },
        });
        Ok(Members::from_iter([("phone_info".to_owned(), told)]))
    }
}

pub(super) async fn get_user_phone_number(
    request: HttpRequest,
    body: web::Bytes,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let read = wechat.read::<PhoneWanted>(&request, &body);
    answer(read.and_then(|(app_id, wanted)| wechat.tell_phone(&app_id, &wanted)))
}

pub(super) async fn make_code(
    wanted: web::Json<CodeWanted>,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let Some(user) = wechat.find(&wanted) else {
        return HttpResponse::NotFound().json(json!({ "message": "没有这个用户" }));
    };
    let code = wechat.issue_phone_code(&user, wechat.clock.now());
    HttpResponse::Created().json(json!({ "code": code, "user": user }))
}
