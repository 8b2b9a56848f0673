//! Where the check begins: before the first seal, or at the newest closing record.
//!
//! Law: every closing record is signed, and its seal is still in the history.

use super::{
    VerifyError,
    anchor::{Anchor, not_trusted},
    report::{Finding, Law, Subject, counted},
    rooms::RowsSoFar,
};
use crate::{
    base::{clock::Timestamp, crypto::heads::TrustedKey, db::Tx, ids::SchoolId},
    ledger::{
        closing::{Closing, SignedClosing},
        heads::HeadLines,
        store,
    },
};
use std::collections::BTreeMap;

/// The start of each school; a school without a record is checked from its first seal on.
#[derive(Clone, Debug, Default)]
pub(super) struct Starts {
    of: BTreeMap<SchoolId, Closing>,
    oldest: Option<Timestamp>,
}

impl Starts {
    /// Reads the newest record of each school from a file, and compares it with the history.
    pub(super) async fn read(tx: &Tx, file: Anchor<'_>) -> Result<(Self, Finding), VerifyError> {
        let mut finding = Finding::new(Law::Closing);
        let mut newest: BTreeMap<SchoolId, (u64, SignedClosing)> = BTreeMap::new();
        for (number, line) in (1..).zip(HeadLines::new(file.lines)) {
            let Ok(signed) = SignedClosing::parse(&line?) else {
                finding.report(Subject::Line(number), "is not a closing record");
                continue;
            };
            if signed.verify(file.trusted).is_err() {
                let (position, key) = (signed.closing.head.position, signed.public_key);
                let what = if signed.verify(&[TrustedKey::lasting(key)]).is_ok() {
                    not_trusted(position, &key)
                } else {
                    "its signature is wrong".to_owned()
                };
                finding.report(Subject::Line(number), what);
                continue;
            }
            let school = signed.closing.school;
            let known = newest.get(&school).map(|(_, known)| known.closing.head.position);
            if known.is_none_or(|position| position <= signed.closing.head.position) {
                newest.insert(school, (number, signed));
            }
        }
        if newest.is_empty() {
            finding.report(Subject::File, "holds no closing record");
        }
        compare(tx, &newest, &mut finding).await?;
        let from = newest.values().map(|(_, signed)| {
            let Closing { school, head, .. } = &signed.closing;
            format!("school {} from seal {} on", school.number(), head.position)
        });
        let records = counted(super::books::count(newest.len()), "record");
        finding.checked = std::iter::once(records).chain(from).collect::<Vec<_>>().join(", ");
        let oldest = newest.values().map(|(_, signed)| signed.at).min();
        let of = newest.into_iter().map(|(school, (_, signed))| (school, signed.closing));
        Ok((Self { of: of.collect(), oldest }, finding))
    }

    /// The start of a school.
    pub(super) fn of(&self, school: SchoolId) -> Closing {
        self.of.get(&school).cloned().unwrap_or_else(|| Closing::genesis(school))
    }

    /// The record of a school, if it has one.
    pub(super) fn record(&self, school: SchoolId) -> Option<&Closing> {
        self.of.get(&school)
    }

    /// All records.
    pub(super) fn records(&self) -> impl Iterator<Item = &Closing> {
        self.of.values()
    }

    /// When the oldest of the records was signed.
    pub(super) const fn oldest(&self) -> Option<Timestamp> {
        self.oldest
    }

    /// The rows that explain the transfers before the starts.
    pub(super) fn rows(&self) -> RowsSoFar {
        let of = |closing: &Closing| {
            let school = closing.school;
            let rows = closing.rows.clone().into_iter();
            rows.map(move |(kind, rows)| ((school, kind), rows)).collect::<Vec<_>>()
        };
        self.of.values().flat_map(of).collect()
    }
}

async fn compare(
    tx: &Tx,
    newest: &BTreeMap<SchoolId, (u64, SignedClosing)>,
    finding: &mut Finding,
) -> Result<(), VerifyError> {
    let sealed = newest.values().filter(|(_, signed)| signed.closing.head.position > 0);
    let keys: Vec<_> =
        sealed.clone().map(|(_, s)| (s.closing.school, s.closing.head.position)).collect();
    let hashes = store::seal_hashes(tx, &keys).await?;
    for ((line, signed), key) in sealed.zip(keys) {
        let what = match hashes.get(&key) {
            Some(hash) if *hash == signed.closing.head.hash => continue,
            Some(_) => "with another hash: the history was rebuilt",
            None => "and is gone: the history was cut",
        };
        let here = Subject::Seal { school: key.0, position: key.1 };
        finding.report(here, format!("was closed (line {line}) {what}"));
    }
    Ok(())
}
