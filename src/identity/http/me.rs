//! The home page in one request.

use super::BindingBody;
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Principal, problem::Problem},
    },
    cards::CardView,
    identity::{
        Identities,
        home::{Home, Phone},
    },
    sessions::{Notice, NoticeId, NoticeKind, Platform, SignedIn},
};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use std::sync::Arc;

/// The signed-in user.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Me {
    identity: IdentityBody,
    binding: Option<BindingBody>,
    /// `null` if unbound, or while the default password must be changed.
    card: Option<CardView>,
    /// Newest first, at most 20, from the last 90 days.
    notices: Vec<NoticeBody>,
    pending: Pending,
    /// The phone enrolled on this platform, or `null`. A phone with another generation or expiry
    /// was replaced or has ended.
    passcode: Option<PhoneBody>,
}

/// The phone that shows the person's codes.
#[derive(Serialize, utoipa::ToSchema)]
struct PhoneBody {
    generation: u32,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The identity.
#[derive(Serialize, utoipa::ToSchema)]
struct IdentityBody {
    platform: Platform,
}

/// An action of another identity for this person.
#[derive(Serialize, utoipa::ToSchema)]
struct NoticeBody {
    #[schema(value_type = uuid::Uuid)]
    id: NoticeId,
    kind: NoticeKind,
    /// In Chinese, for the user.
    text: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What awaits the student.
#[derive(Serialize, utoipa::ToSchema)]
struct Pending {
    /// The number of unpaid orders.
    orders: u64,
}

/// The home page in one request: the identity, its binding, the card, notices and pending orders.
#[utoipa::path(tag = "binding", security(("bearer" = [])), responses(
    (status = 200, body = Me), (status = 401, body = Problem)))]
#[get("/api/v1/me")]
pub(super) async fn me(
    who: Principal<Arc<SignedIn>>,
    identities: Data<Identities>,
) -> Result<Json<Me>, ApiError> {
    let identity = IdentityBody { platform: who.user.platform };
    let Some(Home { binding, card, notices, orders, phone }) = identities.home(&who).await? else {
        let (notices, pending) = (Vec::new(), Pending { orders: 0 });
        let (binding, card, passcode) = (None, None, None);
        return Ok(Json(Me { identity, binding, card, notices, pending, passcode }));
    };
    Ok(Json(Me {
        identity,
        binding: Some(binding.into()),
        card,
        notices: notices.into_iter().map(NoticeBody::from).collect(),
        pending: Pending { orders },
        passcode: phone.map(PhoneBody::from),
    }))
}

impl From<Phone> for PhoneBody {
    fn from(phone: Phone) -> Self {
        Self { generation: phone.generation, expires_at: phone.expires_at }
    }
}

impl From<Notice> for NoticeBody {
    fn from(notice: Notice) -> Self {
        Self { id: notice.id, kind: notice.kind, text: notice.text(), at: notice.at }
    }
}
