//! The phone number that a platform tells of its user.

use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, Principal, ValidJson,
            problem::{self, Problem, problem_kinds},
        },
    },
    identity::{
        Identities,
        guard::NOT_BOUND,
        login::PhoneError,
        phone::{PHONE_CONSENT_TEXT, PHONE_CONSENT_VERSION, PhoneFault},
    },
    sessions::{
        Student,
        phones::{PhoneStoreError, StoredPhone},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;

problem_kinds! {
    PROOF_REFUSED = "phone_proof_refused", 422, "手机号授权已失效，请重新点击授权";
    NO_NUMBER = "phone_missing", 422, "你的平台账号没有绑定手机号";
    DENIED = "phone_denied", 503, "平台暂未向本小程序提供手机号";
    UNAVAILABLE = "phone_unavailable", 503, "平台暂时没有响应，请重新点击授权";
}

/// What the client got by the platform's button.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PhoneRequest {
    /// In WeChat the `code` of `getPhoneNumber`, in Alipay the text `response` of `my.getPhoneNumber`.
    #[garde(length(bytes, min = 1, max = 8192))]
    proof: String,
    /// The version of the text that was agreed to.
    #[garde(length(bytes, min = 1, max = 32))]
    consent_version: String,
}

/// The number, and what is agreed to before it is told.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PhoneView {
    /// `null` if there is none.
    phone: Option<PhoneNumberBody>,
    consent: PhoneConsentBody,
}

/// A number.
#[derive(Serialize, utoipa::ToSchema)]
struct PhoneNumberBody {
    #[schema(example = "138****8000")]
    number_masked: String,
    /// The version of the text that was agreed to.
    consent_version: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    consented_at: Timestamp,
}

/// The present text.
#[derive(Serialize, utoipa::ToSchema)]
struct PhoneConsentBody {
    version: &'static str,
    /// In Chinese, to be shown before the button is.
    text: &'static str,
}

impl From<Option<StoredPhone>> for PhoneView {
    fn from(stored: Option<StoredPhone>) -> Self {
        let body = |stored: StoredPhone| PhoneNumberBody {
            number_masked: stored.number.masked(),
            consent_version: stored.consent_version,
            consented_at: stored.consented_at,
        };
        let consent = PhoneConsentBody { version: PHONE_CONSENT_VERSION, text: PHONE_CONSENT_TEXT };
        Self { phone: stored.map(body), consent }
    }
}

/// The phone number that is stored of this identity, masked.
#[utoipa::path(tag = "binding", security(("bearer" = [])), responses(
    (status = 200, body = PhoneView), (status = 401, body = Problem),
    (status = 403, body = Problem)))]
#[get("/api/v1/me/phone")]
pub(super) async fn show_phone(
    student: Principal<Student>,
    identities: Data<Identities>,
) -> Result<Json<PhoneView>, ApiError> {
    Ok(Json(identities.phone(&student).await?.into()))
}

/// Stores the number that the platform tells of its user, in place of the one before. What the client
/// hands over is taken from one identity alone; from that one Alipay's is good again.
#[utoipa::path(tag = "binding", request_body = PhoneRequest, security(("bearer" = [])), responses(
    (status = 200, body = PhoneView),
    (status = 409, description = "`consent_outdated`", body = Problem),
    (status = 422, description = "`phone_proof_refused`, `phone_missing`", body = Problem),
    (status = 503, description = "`phone_denied`, `phone_unavailable`", body = Problem)))]
#[post("/api/v1/me/phone")]
pub(super) async fn set_phone(
    student: Principal<Student>,
    body: ValidJson<PhoneRequest>,
    identities: Data<Identities>,
) -> Result<Json<PhoneView>, ApiError> {
    let PhoneRequest { proof, consent_version } = body.into_inner();
    let stored = identities.set_phone(&student, &proof, &consent_version).await?;
    Ok(Json(Some(stored).into()))
}

/// Deletes the number and withdraws the consent. Nothing happens where there is none.
#[utoipa::path(tag = "binding", security(("bearer" = [])), responses(
    (status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[post("/api/v1/me/phone/remove")]
pub(super) async fn remove_phone(
    student: Principal<Student>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    identities.remove_phone(&student).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<PhoneFault> for ApiError {
    fn from(fault: PhoneFault) -> Self {
        match fault {
            PhoneFault::ConsentOutdated => {
                Self::new(super::problems::CONSENT_OUTDATED).field("/consent_version", "条款已更新")
            }
            PhoneFault::Platform(PhoneError::ProofRefused)
            | PhoneFault::Store(PhoneStoreError::Taken) => Self::new(PROOF_REFUSED),
            PhoneFault::Platform(PhoneError::NoNumber) => Self::new(NO_NUMBER),
            PhoneFault::Platform(PhoneError::Denied) | PhoneFault::NoSuchApp => Self::new(DENIED),
            PhoneFault::Platform(PhoneError::Throttled) => {
                Self::new(problem::RATE_LIMITED).retry_after(Duration::from_mins(1))
            }
            PhoneFault::Platform(PhoneError::Unavailable) => Self::new(UNAVAILABLE),
            PhoneFault::Store(PhoneStoreError::NotBound) => Self::new(NOT_BOUND),
            PhoneFault::Store(PhoneStoreError::Seal(_) | PhoneStoreError::Db(_))
            | PhoneFault::Db(_) => Self::internal(&fault),
        }
    }
}
