//! What there is at a school.

use crate::base::{
    db::{Db, DbError, Source},
    ids::SchoolId,
};

/// What there is.
pub(in crate::policies) struct Started {
    pub(in crate::policies) people: bool,
    pub(in crate::policies) terminals: bool,
    /// How many people may approve what is about money.
    pub(in crate::policies) approvers: i64,
    /// Whether somebody has paid.
    pub(in crate::policies) paid: bool,
}

const STARTED: &str = "SELECT \
    (SELECT COUNT(*) FROM (SELECT 1 FROM person WHERE school_id = $1 LIMIT 1) AS p) AS people, \
    (SELECT COUNT(*) FROM (SELECT 1 FROM terminal WHERE school_id = $1 LIMIT 1) AS t) AS terminals, \
    (SELECT COUNT(DISTINCT staff_no) FROM staff_member WHERE school_id = $1 AND enabled \
    AND roles LIKE '%finance%') AS approvers, \
    (SELECT COUNT(*) FROM (SELECT 1 FROM orders WHERE school_id = $1 AND paid_at IS NOT NULL \
    LIMIT 1) AS o) AS paid";

/// One statement; each part reads one row of an index, or the few logins.
pub(in crate::policies) async fn started(db: &Db, school: SchoolId) -> Result<Started, DbError> {
    let found = Source::Db(db).select(STARTED, vec![school.number().into()]).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "school", what: "no count" })?;
    let count = |name| row.try_get::<i64>("", name);
    Ok(Started {
        people: count("people")? > 0,
        terminals: count("terminals")? > 0,
        approvers: count("approvers")?,
        paid: count("paid")? > 0,
    })
}
