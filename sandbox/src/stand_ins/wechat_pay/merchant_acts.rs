//! Merchants and their keys in the control API and behind the buttons of the control page.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Json, Path, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ActRefusal, MerchantView, WechatPay};
use crate::control::refuse;
use crate::page;

const BACK: &str = "/sandbox#merchants";

/// What can be done to a certificate; the last part of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CertificateAct {
    Sign,
    Expire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeyShare {
    public_key_percent: u32,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    const CERTIFICATE: &str = "/certificates/{serial_no}/{act}";
    let form = |under: &str| format!("/sandbox/merchants/{{mch_id}}{under}");
    let api = |under: &str| format!("/sandbox/api/merchants/{{mch_id}}{under}");
    config
        .route("/sandbox/api/merchants", web::get().to(list))
        .route(&api(""), web::get().to(one))
        .route(&api(""), web::post().to(set))
        .route(&api("/certificates"), web::post().to(add))
        .route(&api(CERTIFICATE), web::post().to(act))
        .route(&form(""), web::post().to(set_by_form))
        .route(&form("/certificates"), web::post().to(add_by_form))
        .route(&form(CERTIFICATE), web::post().to(act_by_form));
}

impl CertificateAct {
    fn perform(
        self,
        pay: &WechatPay,
        mch_id: &str,
        serial_no: &str,
    ) -> Result<MerchantView, ActRefusal> {
        match self {
            Self::Sign => pay.sign_with_certificate(mch_id, serial_no),
            Self::Expire => pay.expire_certificate(mch_id, serial_no),
        }
    }
}

async fn list(pay: Data<WechatPay>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": pay.merchants() }))
}

async fn one(mch_id: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    match pay.merchant(&mch_id) {
        Some(merchant) => HttpResponse::Ok().json(merchant),
        None => answer(StatusCode::OK, Err(ActRefusal::NoSuchMerchant)),
    }
}

async fn set(
    mch_id: Path<String>,
    share: Json<PublicKeyShare>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let percent = share.public_key_percent;
    answer(StatusCode::OK, pay.set_public_key_percent(&mch_id, percent))
}

async fn add(mch_id: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    answer(StatusCode::CREATED, add_off_thread(mch_id.into_inner(), &pay).await)
}

async fn act(path: Path<(String, String, CertificateAct)>, pay: Data<WechatPay>) -> HttpResponse {
    let (mch_id, serial_no, act) = path.into_inner();
    answer(StatusCode::OK, act.perform(&pay, &mch_id, &serial_no))
}

async fn set_by_form(
    mch_id: Path<String>,
    share: Form<PublicKeyShare>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let percent = share.public_key_percent;
    back(pay.set_public_key_percent(&mch_id, percent))
}

async fn add_by_form(mch_id: Path<String>, pay: Data<WechatPay>) -> HttpResponse {
    back(add_off_thread(mch_id.into_inner(), &pay).await)
}

async fn act_by_form(
    path: Path<(String, String, CertificateAct)>,
    pay: Data<WechatPay>,
) -> HttpResponse {
    let (mch_id, serial_no, act) = path.into_inner();
    back(act.perform(&pay, &mch_id, &serial_no))
}

/// Off the web thread: making an RSA key would delay its other requests.
async fn add_off_thread(mch_id: String, pay: &Data<WechatPay>) -> Result<MerchantView, ActRefusal> {
    let pay = pay.clone();
    let made = web::block(move || {
        pay.add_certificate(&mch_id)?;
        pay.merchant(&mch_id).ok_or(ActRefusal::NoSuchMerchant)
    });
    made.await.unwrap_or(Err(ActRefusal::Stopped))
}

fn answer(status: StatusCode, done: Result<MerchantView, ActRefusal>) -> HttpResponse {
    match done {
        Ok(merchant) => HttpResponseBuilder::new(status).json(merchant),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

fn back(done: Result<MerchantView, ActRefusal>) -> HttpResponse {
    match done {
        Ok(_) => page::see_other(BACK),
        Err(refusal) => page::not_done(refusal.status(), &refusal),
    }
}
