//! Enrolment and issued codes over HTTP.

use super::{DeviceError, Devices, EnrolmentRequest, PhoneKeys, PurposeKeys};
use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, Principal, ValidJson,
            problem::{Problem, problem_kinds},
        },
    },
    passcode::{CodePurpose, IssuedCode, barcode_svg, qr_svg},
    sessions::Student,
};
use actix_web::{
    get, post,
    web::{Data, Json},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

problem_kinds! {
    NOT_BOUND = "not_bound", 403, "请先绑定校园卡";
    LOST = "account_lost", 422, "校园卡已挂失";
    NOT_OFFERED = "enrolment_not_offered", 403, "请在小程序中使用付款码";
    PASSWORD_REQUIRED = "password_required", 422, "请输入查询密码";
    USED_UP = "codes_used_up", 429, "刷新过于频繁，请稍候再试";
    TOO_MANY = "too_many_enrolments", 429, "今天启用付款码的次数过多，请明天再试";
}

/// Mounts the paths of this journey; needs `Data<Devices>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(enrol).service(pay).service(id);
}

/// A phone's request to be enrolled.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
struct EnrolRequest {
    /// The client's own id of the device: random, generated once, stored with the keys. 16 to 64
    /// visible ASCII characters.
    #[garde(length(bytes, min = 16, max = 64), ascii)]
    device_id: String,
    /// The name its owner gave it.
    #[garde(inner(length(chars, min = 1, max = 64)))]
    device_name: Option<String>,
    /// Required if the device is new to the person, or was enrolled 20 times without it in a day.
    /// Verified wherever it is given.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    query_password: Option<String>,
}

/// A phone's keys, sent once.
#[derive(Serialize, utoipa::ToSchema)]
struct EnrolmentBody {
    /// The number of this enrolment of the device.
    generation: u32,
    /// How long one code is shown.
    step_seconds: u16,
    /// For correcting the device's clock.
    #[schema(value_type = String, format = DateTime)]
    server_time: Timestamp,
    /// When the keys expire; the phone must enrol again before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    pay: KeysBody,
    id: KeysBody,
}

/// The keys with which codes of one purpose are computed.
#[derive(Serialize, utoipa::ToSchema)]
struct KeysBody {
    /// Two digits.
    prefix: String,
    /// 32 bytes, base64.
    otp_key: String,
    /// 32 bytes, base64.
    handle_key: String,
}

/// A code to show, with its pictures.
#[derive(Serialize, utoipa::ToSchema)]
struct CodeBody {
    /// 20 digits.
    code: String,
    /// When terminals stop accepting it.
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
    /// When to ask for the next code, in milliseconds.
    refresh_after_ms: u64,
    /// A QR code.
    qr_svg: String,
    /// A bar code (Code 128).
    barcode_svg: String,
}

/// Enrols this phone: issues the keys with which it computes codes offline, and ends the person's
/// other phones on this platform.
#[utoipa::path(
    tag = "passcode",
    request_body = EnrolRequest,
    responses(
        (status = 200, description = "The keys, sent once", body = EnrolmentBody),
        (status = 403, description = "`enrolment_not_offered`, `not_bound`", body = Problem),
        (status = 422, description = "`password_required`, `password_wrong`", body = Problem),
        (status = 429, description = "`too_many_tries`, `too_many_enrolments`; with `Retry-After`", body = Problem),
    ),
    security(("bearer" = []))
)]
#[post("/api/v1/passcode/enrolments")]
async fn enrol(
    student: Principal<Student>,
    body: ValidJson<EnrolRequest>,
    devices: Data<Devices>,
) -> Result<Json<EnrolmentBody>, ApiError> {
    let keys = devices.enrol(&student, body.into_inner().into()).await?;
    Ok(Json(EnrolmentBody::of(&keys, devices.clock.now())))
}

/// A payment code, for clients that cannot compute codes. Each is issued once, four per step.
#[utoipa::path(
    tag = "passcode",
    responses(
        (status = 200, description = "A code, never cached", body = CodeBody),
        (status = 403, description = "`enrolment_not_offered`, `not_bound`", body = Problem),
        (status = 429, description = "`codes_used_up`, with `Retry-After`", body = Problem),
    ),
    security(("bearer" = []))
)]
#[get("/api/v1/passcode/pay")]
async fn pay(
    student: Principal<Student>,
    devices: Data<Devices>,
) -> Result<Json<CodeBody>, ApiError> {
    CodeBody::of(&devices.issue(&student, CodePurpose::Pay).await?)
}

/// An identity code, for clients that cannot compute codes. Each is issued once, four per step.
#[utoipa::path(
    tag = "passcode",
    responses(
        (status = 200, description = "A code, never cached", body = CodeBody),
        (status = 403, description = "`enrolment_not_offered`, `not_bound`", body = Problem),
        (status = 429, description = "`codes_used_up`, with `Retry-After`", body = Problem),
    ),
    security(("bearer" = []))
)]
#[get("/api/v1/passcode/id")]
async fn id(
    student: Principal<Student>,
    devices: Data<Devices>,
) -> Result<Json<CodeBody>, ApiError> {
    CodeBody::of(&devices.issue(&student, CodePurpose::Id).await?)
}

impl From<EnrolRequest> for EnrolmentRequest {
    fn from(body: EnrolRequest) -> Self {
        Self {
            device_id: body.device_id.into(),
            device_name: body.device_name,
            query_password: body.query_password.map(Into::into),
        }
    }
}

impl EnrolmentBody {
    fn of(keys: &PhoneKeys, server_time: Timestamp) -> Self {
        let enrolled = &keys.enrolled;
        Self {
            generation: enrolled.generation,
            step_seconds: enrolled.step.seconds(),
            server_time,
            expires_at: enrolled.expires_at,
            pay: (&keys.pay).into(),
            id: (&keys.id).into(),
        }
    }
}

impl From<&PurposeKeys> for KeysBody {
    fn from(keys: &PurposeKeys) -> Self {
        Self {
            prefix: format!("{:02}", keys.prefix),
            otp_key: BASE64_STANDARD.encode(keys.otp.expose()),
            handle_key: BASE64_STANDARD.encode(keys.handle.expose()),
        }
    }
}

impl CodeBody {
    fn of(made: &IssuedCode) -> Result<Json<Self>, ApiError> {
        let code = made.code.digits();
        Ok(Json(Self {
            qr_svg: qr_svg(&code).map_err(|error| ApiError::internal(&error))?,
            barcode_svg: barcode_svg(&code).map_err(|error| ApiError::internal(&error))?,
            code,
            valid_until: made.valid_until,
            refresh_after_ms: u64::try_from(made.refresh_after.as_millis()).unwrap_or(u64::MAX),
        }))
    }
}

impl From<DeviceError> for ApiError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::NotOffered => Self::new(NOT_OFFERED),
            DeviceError::NotBound => Self::new(NOT_BOUND),
            DeviceError::Lost => Self::new(LOST),
            DeviceError::PasswordRequired => {
                Self::new(PASSWORD_REQUIRED).field("/query_password", "请输入查询密码")
            }
            DeviceError::TooManyEnrolments { wait } => Self::new(TOO_MANY).retry_after(wait),
            DeviceError::UsedUp { retry_after } => Self::new(USED_UP).retry_after(retry_after),
            DeviceError::Password(fault) => fault.into(),
            DeviceError::NoCode(_) | DeviceError::Db(_) => Self::internal(&error),
        }
    }
}
