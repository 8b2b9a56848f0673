//! Law: seals follow each other without a gap, each with the right hash, up to the head.
//!
//! An altered seal is reported alone: the next seal is compared with both the stored and the
//! computed hash of its predecessor.

use super::report::{Finding, Law, Reach, Subject, counted};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        seal::{GENESIS, Head},
        store::{self, FoundSeal},
        transfer::Hash,
    },
};
use std::collections::BTreeMap;

/// The state of the walk along one school's chain.
#[derive(Debug)]
struct Walk {
    school: SchoolId,
    /// The last position visited.
    position: i64,
    /// The acceptable hashes at that position: the stored and the computed one. Empty if not known.
    before: Vec<Hash>,
    /// The last readable seal.
    end: Option<(Head, Timestamp)>,
    seals: u64,
}

impl Walk {
    fn new(school: SchoolId) -> Self {
        let before = vec![GENESIS.hash];
        Self { school, position: GENESIS.position, before, end: None, seals: 0 }
    }

    fn step(&mut self, found: &FoundSeal, finding: &mut Finding) {
        let (school, (_, position)) = (self.school, found.key);
        self.seals += 1;
        let here = Subject::Seal { school, position };
        if position <= GENESIS.position {
            finding.report(here, "seals are numbered from 1");
            return;
        }
        let (first, last) = (self.position + 1, position - 1);
        if first <= last {
            finding.report(Subject::Seals { school, first, last }, "missing");
            self.before.clear();
        }
        self.position = position;
        self.check_hash(here, found, finding);
        if let (Some(seal), Some(hash)) = (&found.seal, found.hash) {
            self.end = Some((Head { position, hash }, seal.sealed_at));
        }
    }

    fn check_hash(&mut self, here: Subject, found: &FoundSeal, finding: &mut Finding) {
        let before = std::mem::take(&mut self.before);
        self.before.extend(found.hash);
        let Some(seal) = &found.seal else {
            finding.report(here, "cannot be read");
            return;
        };
        let computed: Vec<Hash> = before.iter().map(|before| seal.hash(before)).collect();
        match found.hash {
            _ if before.is_empty() => {
                finding.report(here, "cannot be proven: what stood before it is lost");
            }
            Some(hash) if computed.contains(&hash) => {}
            Some(_) | None => {
                finding.report(here, "its hash does not fit its fields and the hash before it");
                self.before.extend(computed);
            }
        }
    }

    fn finish(self, head: Option<Head>, finding: &mut Finding) -> Option<Reach> {
        let subject = Subject::Head(self.school);
        let end = self.end.map_or(GENESIS, |(end, _)| end);
        if let Some(Head { position: last, .. }) = head.filter(|h| h.position > self.position) {
            let (school, first) = (self.school, self.position + 1);
            finding.report(Subject::Seals { school, first, last }, "missing at the end");
        }
        match head {
            None => finding.report(subject, "missing, though there are seals"),
            Some(head) if head.position != self.position => finding.report(
                subject,
                format!("says {}, the last seal is {}", head.position, self.position),
            ),
            Some(head) if head != end => finding.report(subject, "its hash is not the last seal's"),
            Some(_) => {}
        }
        self.end.map(|(head, sealed_at)| Reach { school: self.school, head, sealed_at })
    }
}

/// Walks every chain.
pub(super) async fn check(tx: &Tx) -> Result<(Finding, Vec<Reach>), DbError> {
    let mut finding = Finding::new(Law::Chain);
    let mut heads: BTreeMap<SchoolId, Head> = store::heads(tx.conn()).await?.into_iter().collect();
    let (mut reaches, mut checked) = (Vec::new(), Vec::new());
    let mut walk: Option<Walk> = None;
    let mut end = |walk: Walk, finding: &mut Finding| {
        let (school, seals) = (walk.school, walk.seals);
        checked.push(format!("school {}: {}", school.number(), counted(seals, "seal")));
        reaches.extend(walk.finish(heads.remove(&school), finding));
    };
    let mut after = None;
    loop {
        let page = store::seals_after(tx, after).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.key);
        for found in &page {
            let school = found.key.0;
            if walk.as_ref().is_none_or(|walk| walk.school != school)
                && let Some(done) = walk.replace(Walk::new(school))
            {
                end(done, &mut finding);
            }
            if let Some(walk) = &mut walk {
                walk.step(found, &mut finding);
            }
        }
    }
    if let Some(done) = walk {
        end(done, &mut finding);
    }
    for (school, head) in heads {
        if head != GENESIS {
            Walk::new(school).finish(Some(head), &mut finding);
        }
    }
    finding.checked = if checked.is_empty() { "no seals".into() } else { checked.join(", ") };
    Ok((finding, reaches))
}
