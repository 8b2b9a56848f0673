//! Which requests members of staff list.

use super::{Approval, ApprovalKind, ApprovalState, store::listing as store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset},
    ids::SchoolId,
};
use serde::Deserialize;

/// Which requests somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApprovalQuery {
    /// `requested`, `approved`, `rejected`, `withdrawn` or `expired`.
    pub state: Option<String>,
    /// `yes` for what one asked for oneself, `no` for what others did.
    pub mine: Option<String>,
    /// The login or the staff number of who asked.
    pub by: Option<String>,
}

/// Which requests of a school.
#[derive(Clone, Debug)]
pub struct ApprovalFilter {
    /// The school.
    pub school: SchoolId,
    /// Of these kinds.
    pub kinds: &'static [ApprovalKind],
    /// In this state now.
    pub state: Option<ApprovalState>,
    /// Of this staff number, or, with `false`, of all others.
    pub own: Option<(bool, String)>,
    /// Of this login or staff number.
    pub by: Option<String>,
    /// When it is asked.
    pub now: Timestamp,
}

impl ApprovalQuery {
    /// The filter that is asked for by somebody with this staff number; or the name of what is wrong.
    pub fn filter(
        &self,
        (school, kinds): (SchoolId, &'static [ApprovalKind]),
        staff_no: &str,
        now: Timestamp,
    ) -> Result<ApprovalFilter, &'static str> {
        let asked = |text: &Option<String>| -> Option<String> {
            let text = text.as_deref().unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let state = asked(&self.state).map(|text| ApprovalState::from_code(&text).ok_or("state"));
        let own = asked(&self.mine).map(|text| match &*text {
            "yes" => Ok((true, staff_no.to_owned())),
            "no" => Ok((false, staff_no.to_owned())),
            _ => Err("mine"),
        });
        Ok(ApprovalFilter {
            school,
            kinds,
            state: state.transpose()?,
            own: own.transpose()?,
            by: asked(&self.by),
            now,
        })
    }
}

impl ApprovalFilter {
    /// A page of them, in one query.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<Approval>, DbError> {
        store::page(db, self, page).await
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count(db, self, most).await
    }
}
