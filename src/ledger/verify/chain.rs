//! Law: seals follow each other without a gap, each with the right hash, up to the head.
//!
//! An altered seal is reported alone: the next seal is compared with both the stored and the
//! computed hash of its predecessor.

use super::{
    report::{Finding, Law, Reach, Subject, counted},
    start::Starts,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        seal::{GENESIS, Head},
        store::{self, FoundSeal, SealKey},
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

/// The seals after the starts, page by page.
#[derive(Debug)]
pub(super) struct Seals<'a> {
    starts: &'a Starts,
    after: Option<SealKey>,
}

impl<'a> Seals<'a> {
    pub(super) const fn new(starts: &'a Starts) -> Self {
        Self { starts, after: None }
    }

    /// The next page, by school and position; empty at the end.
    pub(super) async fn next(&mut self, tx: &Tx) -> Result<Vec<FoundSeal>, DbError> {
        loop {
            let mut page = store::seals_after(tx, self.after).await?;
            let Some(last) = page.last().map(|last| last.key) else {
                return Ok(page);
            };
            // A page ends before what a start skips, and the next one begins behind it.
            let skipped = |found: &FoundSeal| {
                let start = self.starts.record(found.key.0);
                start.is_some_and(|start| found.key.1 <= start.head.position)
            };
            match page.iter().position(skipped) {
                None => {
                    self.after = Some(last);
                    return Ok(page);
                }
                Some(n) => {
                    let school = page.get(n).map(|found| found.key.0);
                    let start = school.and_then(|school| self.starts.record(school));
                    self.after = start.map(|start| (start.school, start.head.position));
                    page.truncate(n);
                    if !page.is_empty() {
                        return Ok(page);
                    }
                }
            }
        }
    }
}

impl Walk {
    fn new(school: SchoolId, starts: &Starts) -> Self {
        let head = starts.of(school).head;
        Self { school, position: head.position, before: vec![head.hash], end: None, seals: 0 }
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

    fn finish(self, head: Option<Head>, start: Head, finding: &mut Finding) -> Option<Reach> {
        let subject = Subject::Head(self.school);
        let end = self.end.map_or(start, |(end, _)| end);
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

/// Walks every chain from its start.
pub(super) async fn check(tx: &Tx, starts: &Starts) -> Result<(Finding, Vec<Reach>), DbError> {
    let mut finding = Finding::new(Law::Chain);
    let mut heads: BTreeMap<SchoolId, Head> = store::heads(tx.conn()).await?.into_iter().collect();
    let (mut reaches, mut checked) = (Vec::new(), Vec::new());
    let mut walk: Option<Walk> = None;
    let mut end = |walk: Walk, finding: &mut Finding| {
        let (school, seals) = (walk.school, walk.seals);
        checked.push(format!("school {}: {}", school.number(), counted(seals, "seal")));
        let start = starts.of(school).head;
        reaches.extend(walk.finish(heads.remove(&school), start, finding));
    };
    let mut seals = Seals::new(starts);
    loop {
        let page = seals.next(tx).await?;
        if page.is_empty() {
            break;
        }
        for found in &page {
            let school = found.key.0;
            if walk.as_ref().is_none_or(|walk| walk.school != school)
                && let Some(done) = walk.replace(Walk::new(school, starts))
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
        let start = starts.of(school).head;
        if head != start {
            Walk::new(school, starts).finish(Some(head), start, &mut finding);
        }
    }
    finding.checked = if checked.is_empty() { "no seals".into() } else { checked.join(", ") };
    Ok((finding, reaches))
}
