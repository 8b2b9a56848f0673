//! `verify`, as tests ask it.

use async_trait::async_trait;
use onecard::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx},
    },
    ledger::{
        transfer::{Kind, Record},
        verify::{Anchor, Checks, Explains, Explanation, Report, RowCounts, verify},
    },
    wiring::proof,
};

/// Explains what tests post by themselves: any transfer of these kinds.
#[derive(Debug)]
struct TestKinds;

#[async_trait]
impl Explains for TestKinds {
    fn title(&self) -> &'static str {
        "what tests post"
    }

    fn kinds(&self) -> &'static [Kind] {
        const { &[Kind::new("test"), Kind::new("opening")] }
    }

    async fn explain(&self, _: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        Ok(vec![Explanation::Case; transfers.len()])
    }

    async fn rows(&self, _: &Tx) -> Result<RowCounts, DbError> {
        Ok(RowCounts::new())
    }

    async fn unposted(&self, _: &Tx) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }

    async fn contradictions(&self, _: &Tx, _: Option<Timestamp>) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }
}

/// The report of `verify` with every room, and with the kinds `test` and `opening` for what tests post.
pub async fn report(db: &Db) -> Report {
    report_of(db, None, None).await
}

/// The same with signed heads, or from closing records on.
pub async fn report_of(db: &Db, anchor: Option<Anchor<'_>>, since: Option<Anchor<'_>>) -> Report {
    let rooms: Vec<_> = proof::rooms().into_iter().chain([&TestKinds as &dyn Explains]).collect();
    verify(db, Checks { rooms: &rooms, anchor, since }, &mut |_| ()).await.unwrap()
}
