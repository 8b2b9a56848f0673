//! Requests, as members of staff list them.

use super::{checked, is_of, is_requested};
use crate::{
    approvals::{Approval, ApprovalFilter, ApprovalState},
    base::db::{Db, DbError, Keyset},
};
use entity::approval;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};
use uuid::Uuid;

/// See [`ApprovalFilter::page`].
pub(in crate::approvals) async fn page(
    db: &Db,
    filter: &ApprovalFilter,
    page: Keyset,
) -> Result<Vec<Approval>, DbError> {
    let id = approval::Column::Id;
    let mut found = listed(filter);
    if let Some(beyond) = page.beyond {
        found = found.filter(if page.descending { id.lt(beyond) } else { id.gt(beyond) });
    }
    let found = if page.descending { found.order_by_desc(id) } else { found.order_by_asc(id) };
    let rows = found.limit(u64::from(page.most)).all(db.conn()).await?;
    rows.into_iter().map(|row| checked(db.macs(), row)).collect()
}

/// See [`ApprovalFilter::count`].
pub(in crate::approvals) async fn count(
    db: &Db,
    filter: &ApprovalFilter,
    most: u32,
) -> Result<u64, DbError> {
    let ids = listed(filter).select_only().column(approval::Column::Id).limit(u64::from(most));
    let ids: Vec<Uuid> = ids.into_tuple().all(db.conn()).await?;
    Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

fn listed(filter: &ApprovalFilter) -> Select<approval::Entity> {
    use approval::Column::{AskedLogin, AskedNo, SchoolId};
    let mut found = approval::Entity::find()
        .filter(SchoolId.eq(filter.school.number()))
        .filter(Expr::cust(is_of(filter.kinds)));
    if let Some(state) = filter.state {
        found = found.filter(in_state(filter, state));
    }
    if let Some(by) = &filter.by {
        let by = by.as_str();
        found = found.filter(Condition::any().add(AskedLogin.eq(by)).add(AskedNo.eq(by)));
    }
    match &filter.own {
        Some((true, staff_no)) => found.filter(AskedNo.eq(staff_no.as_str())),
        Some((false, staff_no)) => found.filter(AskedNo.ne(staff_no.as_str())),
        None => found,
    }
}

/// What nobody decided in time has expired, also before the sweep has written that.
fn in_state(filter: &ApprovalFilter, state: ApprovalState) -> Condition {
    use approval::Column::{ExpiresAt, State};
    let stored = |state: ApprovalState| Condition::all().add(State.eq(state.code()));
    let (requested, now) = (Condition::all().add(is_requested()), filter.now.micros());
    match state {
        ApprovalState::Requested => requested.add(ExpiresAt.gt(now)),
        ApprovalState::Expired => {
            Condition::any().add(stored(state)).add(requested.add(ExpiresAt.lte(now)))
        }
        ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Withdrawn => {
            stored(state)
        }
    }
}
