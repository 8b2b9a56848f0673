//! What explains the postings of adjustments. Law: behind each stands an authentic request that two persons agreed
//! on, about this person and this amount, and each such request has exactly one posting.

use super::postings::{ADJUSTED, Adjustment};
use crate::{
    approvals::{self, Approval, ApprovalId, ApprovalState},
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    ledger::{
        transfer::{Kind, Record},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
};
use async_trait::async_trait;
use std::collections::HashMap;
use uuid::Uuid;

/// The most requests that are named.
const NAMED: usize = 1000;

/// Adjustments, as `verify` asks about them.
#[derive(Clone, Copy, Debug)]
pub struct AdjustmentsExplain;

#[async_trait]
impl Explains for AdjustmentsExplain {
    fn title(&self) -> &'static str {
        "adjustments"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[ADJUSTED]
    }

    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        let ids = transfers.iter().filter_map(|record| record.reference.parse().ok());
        let requests = approvals::authentic(tx, ids.collect()).await?;
        let requests: HashMap<Uuid, Approval> =
            requests.into_iter().map(|request| (request.id.uuid(), request)).collect();
        let explain = |record: &&Record| {
            let id = record.reference.parse().ok();
            of_request(record, id.and_then(|id: Uuid| requests.get(&id)))
        };
        Ok(transfers.iter().map(explain).collect())
    }

    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError> {
        let counted = Approval::count_approved(tx, &Adjustment::KINDS).await?;
        Ok(counted.into_iter().map(|(school, count)| ((school, ADJUSTED), count)).collect())
    }

    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError> {
        let (mut found, mut after) = (Vec::new(), None);
        while found.len() < NAMED {
            let page = Approval::approved_after(tx, &Adjustment::KINDS, after).await?;
            let Some((_, last)) = page.last() else { break };
            after = Some(*last);
            let asked = page.iter().map(|(school, id)| (*school, id.to_string()));
            let missing = not_posted(tx, ADJUSTED, asked).await?;
            found
                .extend(missing.iter().map(|id| format!("adjustment {id}: agreed on, not posted")));
        }
        found.truncate(NAMED);
        Ok(found)
    }

    async fn contradictions(&self, _: &Tx, _: Option<Timestamp>) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }
}

/// Compares a posting with what two persons agreed on.
fn of_request(record: &Record, request: Option<&Approval>) -> Explanation {
    let nothing = |why: &str| Explanation::Nothing(format!("posted, and {why}"));
    let Some(request) = request else {
        return nothing("there is no authentic request for it");
    };
    let Some(asked) = Adjustment::of(request) else {
        return nothing("its request is about something else");
    };
    if asked.digest(&request.reason) != request.request_digest {
        return nothing("its request is not as it was asked");
    }
    let approved = request.decided_state() == Some(ApprovalState::Approved);
    let Some(decision) = request.decision.as_ref().filter(|_| approved) else {
        return nothing("its request was not approved");
    };
    let id: ApprovalId = request.id;
    let Some(expected) = asked.transfer(id, decision.at.day()) else {
        return nothing("its request moves nothing");
    };
    match record.differences(&expected).as_deref() {
        Ok([]) => Explanation::Row,
        Ok(fields) => {
            Explanation::Nothing(format!("differs from its request in {}", fields.join(", ")))
        }
        Err(error) => Explanation::Nothing(format!("its request cannot be posted: {error}")),
    }
}
