//! The home page: one request.

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

/// Who is signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Me {
    identity: IdentityBody,
    binding: Option<BindingBody>,
    /// `null` while nobody is bound, or the default password must be changed first.
    card: Option<CardView>,
    /// Newest first, at most 20, of the last 90 days.
    notices: Vec<NoticeBody>,
    pending: Pending,
    /// The phone that is enrolled on this platform; `null` where none is. A phone whose generation
    /// or end of keys is another one was replaced, or has ended.
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

/// Something that happened in this person's name elsewhere.
#[derive(Serialize, utoipa::ToSchema)]
struct NoticeBody {
    #[schema(value_type = uuid::Uuid)]
    id: NoticeId,
    kind: NoticeKind,
    /// Fit to show.
    text: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What waits for the student.
#[derive(Serialize, utoipa::ToSchema)]
struct Pending {
    /// Orders that nobody has paid yet.
    orders: u64,
}

/// Who is signed in, as whom, with what on the card, and what waits for them: the home page in one
/// request.
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
