//! Binding, unbinding and the query password over HTTP.

use super::BindingBody;
use crate::{
    base::http::{ApiError, Principal, ValidJson, problem::Problem},
    identity::{Identities, bind::BindingClaim},
    schools::policy::{ConsentItem, IdKind},
    sessions::{SignedIn, Student},
};
use actix_web::{HttpResponse, post, web::Data};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use std::sync::Arc;

/// The data for binding.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct BindRequest {
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    school: String,
    /// One of the school's kinds; `id_number` together with the name at every school.
    #[garde(skip)]
    id_kind: IdKind,
    #[garde(length(chars, min = 1, max = 32))]
    id_value: String,
    /// Required if the school asks for it. Compared then, and where the number is an ID number.
    #[garde(inner(length(chars, min = 1, max = 64)))]
    name: Option<String>,
    #[garde(length(bytes, min = 1, max = 64))]
    query_password: String,
    #[garde(dive)]
    consent: ConsentBody,
}

/// The consent given.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ConsentBody {
    #[garde(length(bytes, min = 1, max = 32))]
    version: String,
    #[garde(length(min = 1, max = 8))]
    items: Vec<ConsentItem>,
}

/// Confirms unbinding with the query password.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct UnbindRequest {
    #[garde(length(bytes, min = 1, max = 64))]
    query_password: String,
}

/// The current query password and the new one.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ChangeRequest {
    #[garde(length(bytes, min = 1, max = 64))]
    old_password: String,
    /// Must satisfy the school's `password.rule`.
    #[garde(length(bytes, min = 1, max = 64))]
    new_password: String,
}

/// Binds the identity to a person. If number, name or password is wrong, the response is
/// `binding_refused` in every case. Where others have used up the attempts by number
/// (`too_many_tries`), binding goes on by ID number and name together.
#[utoipa::path(tag = "binding", request_body = BindRequest, security(("bearer" = [])), responses(
    (status = 201, body = BindingBody), (status = 409, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/api/v1/bindings")]
pub(super) async fn bind(
    who: Principal<Arc<SignedIn>>,
    body: ValidJson<BindRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    let view = identities.bind(&who, body.into_inner().into()).await?;
    Ok(HttpResponse::Created().json(BindingBody::from(view)))
}

/// Ends the binding. Earlier orders, payments and postings remain.
#[utoipa::path(tag = "binding", request_body = UnbindRequest, security(("bearer" = [])), responses(
    (status = 204), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
#[post("/api/v1/bindings/current/unbind")]
pub(super) async fn unbind(
    student: Principal<Student>,
    body: ValidJson<UnbindRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    identities.unbind(&student, body.into_inner().query_password.into()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes the query password.
#[utoipa::path(tag = "binding", request_body = ChangeRequest, security(("bearer" = [])), responses(
    (status = 204), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
#[post("/api/v1/me/query-password")]
pub(super) async fn change_password(
    student: Principal<Student>,
    body: ValidJson<ChangeRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    let ChangeRequest { old_password, new_password } = body.into_inner();
    identities.change_password(&student, old_password.into(), new_password.into()).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<BindRequest> for BindingClaim {
    fn from(body: BindRequest) -> Self {
        Self {
            school: body.school,
            id_kind: body.id_kind,
            id_value: body.id_value,
            name: body.name,
            query_password: SecretString::from(body.query_password),
            consent_version: body.consent.version,
            consent_items: body.consent.items,
        }
    }
}
