//! Merchants and their keys, for the JSON twin and for the page.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Json, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::status_of;
use crate::page;
use crate::state::Sandbox;
use crate::wechat_pay::{ActRefusal, MerchantView, WechatPay};

const BACK: &str = "/sandbox#merchants";

/// What can be done to a certificate; the last part of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CertificateAct {
    Sign,
    Expire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    public_key_percent: u32,
}

impl CertificateAct {
    fn perform(
        self,
        pay: &WechatPay,
        (mch_id, serial_no): (&str, &str),
    ) -> Result<MerchantView, ActRefusal> {
        match self {
            Self::Sign => pay.sign_with_certificate(mch_id, serial_no),
            Self::Expire => pay.expire_certificate(mch_id, serial_no),
        }
    }
}

pub(super) async fn list(sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": sandbox.wechat_pay.merchants() }))
}

pub(super) async fn one(mch_id: Path<String>, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.wechat_pay.merchant(&mch_id) {
        Some(merchant) => HttpResponse::Ok().json(merchant),
        None => told(StatusCode::OK, Err(ActRefusal::NoSuchMerchant)),
    }
}

pub(super) async fn set(
    mch_id: Path<String>,
    share: Json<Share>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let percent = share.public_key_percent;
    told(StatusCode::OK, sandbox.wechat_pay.set_public_key_percent(&mch_id, percent))
}

pub(super) async fn add(mch_id: Path<String>, sandbox: Data<Sandbox>) -> HttpResponse {
    told(StatusCode::CREATED, add_off_thread(mch_id.into_inner(), &sandbox).await)
}

pub(super) async fn act(
    path: Path<(String, String, CertificateAct)>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let (mch_id, serial_no, act) = path.into_inner();
    told(StatusCode::OK, act.perform(&sandbox.wechat_pay, (&mch_id, &serial_no)))
}

pub(super) async fn set_by_form(
    mch_id: Path<String>,
    share: Form<Share>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let percent = share.public_key_percent;
    shown(sandbox.wechat_pay.set_public_key_percent(&mch_id, percent))
}

pub(super) async fn add_by_form(mch_id: Path<String>, sandbox: Data<Sandbox>) -> HttpResponse {
    shown(add_off_thread(mch_id.into_inner(), &sandbox).await)
}

pub(super) async fn act_by_form(
    path: Path<(String, String, CertificateAct)>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let (mch_id, serial_no, act) = path.into_inner();
    shown(act.perform(&sandbox.wechat_pay, (&mch_id, &serial_no)))
}

/// An RSA key is made, which would hold up the other requests of the thread.
async fn add_off_thread(
    mch_id: String,
    sandbox: &Data<Sandbox>,
) -> Result<MerchantView, ActRefusal> {
    let pay = sandbox.wechat_pay.clone();
    let made = web::block(move || {
        pay.add_certificate(&mch_id)?;
        pay.merchant(&mch_id).ok_or(ActRefusal::NoSuchMerchant)
    });
    made.await.unwrap_or(Err(ActRefusal::Stopped))
}

fn told(status: StatusCode, done: Result<MerchantView, ActRefusal>) -> HttpResponse {
    match done {
        Ok(merchant) => HttpResponseBuilder::new(status).json(merchant),
        Err(refusal) => HttpResponseBuilder::new(status_of(&refusal))
            .json(json!({ "message": refusal.to_string() })),
    }
}

fn shown(done: Result<MerchantView, ActRefusal>) -> HttpResponse {
    match done {
        Ok(_) => page::see_other(BACK),
        Err(refusal) => {
            page::refused(status_of(&refusal), "没有执行", &refusal.to_string(), "/sandbox")
        }
    }
}
