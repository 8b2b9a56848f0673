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
    payments::{
        audit::{PaymentsExplain, refunds::RefundsExplain},
        gateways::Gateways,
    },
    spend::audit::ChargesExplain,
    wiring::{Settings, proof},
};
use std::sync::Arc;

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

/// The report of `verify`, with the kinds `test` and `opening` for what tests post. Without the rest
/// of the configuration no message of a provider can be checked.
pub async fn report(db: &Db) -> Report {
    report_of(db, None, None).await
}

/// The same with signed heads, or from closing records on.
pub async fn report_of(db: &Db, anchor: Option<Anchor<'_>>, since: Option<Anchor<'_>>) -> Report {
    let payments = PaymentsExplain { gateways: Arc::new(Gateways::new(String::new())) };
    let refunds = RefundsExplain { gateways: Arc::clone(&payments.gateways) };
    let rooms: [&dyn Explains; 4] = [&payments, &refunds, &ChargesExplain, &TestKinds];
    verify(db, Checks { rooms: &rooms, anchor, since }, &mut |_| ()).await.unwrap()
}

/// The same with the rooms and the keys of this configuration.
pub(crate) async fn report_with(db: &Db, settings: &Settings) -> Report {
    let rooms = proof::rooms(settings, db).await.unwrap();
    let of_tests: &dyn Explains = &TestKinds;
    let rooms = rooms.iter().map(AsRef::as_ref).chain([of_tests]);
    let rooms: Vec<_> = rooms.collect();
    let checks = Checks { rooms: &rooms, ..Checks::default() };
    verify(db, checks, &mut |_| ()).await.unwrap()
}
