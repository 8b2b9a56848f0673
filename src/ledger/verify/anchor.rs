//! Law: every signed head is still in the history.
//!
//! The chain alone does not protect against an attacker who rebuilds or truncates it; signatures by
//! a key outside the database do.

use super::{
    VerifyError,
    report::{Finding, Law, Subject, counted},
};
use crate::{
    base::{crypto::heads::TrustedKey, db::Tx, ids::SchoolId},
    ledger::{
        heads::{HeadLines, SignedHead},
        store,
    },
};
use std::{collections::BTreeMap, fmt, io::BufRead};

/// How many lines are compared with the history at a time.
const LINES: usize = 1000;

/// Signed heads or closing records, one on each line, and the public keys that may verify them.
pub struct Anchor<'a> {
    /// The lines of the file.
    pub lines: Box<dyn BufRead + Send + 'a>,
    /// The keys that may have signed them: the current one and earlier ones.
    pub trusted: &'a [TrustedKey],
}

impl fmt::Debug for Anchor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchor").field("trusted", &self.trusted.len()).finish_non_exhaustive()
    }
}

/// Compares every line with the history.
pub(super) async fn check(tx: &Tx, anchor: Anchor<'_>) -> Result<Finding, VerifyError> {
    let mut finding = Finding::new(Law::Anchor);
    let mut furthest: BTreeMap<SchoolId, i64> = BTreeMap::new();
    let (mut heads, mut number) = (Vec::with_capacity(LINES), 0);
    let mut lines = HeadLines::new(anchor.lines);
    loop {
        let line = lines.next().transpose()?;
        let ended = line.is_none();
        if let Some(line) = line {
            number += 1;
            match signed(&line, anchor.trusted) {
                Ok(head) => heads.push((number, head)),
                Err(what) => finding.report(Subject::Line(number), what),
            }
        }
        if ended || heads.len() == LINES {
            compare(tx, &heads, &mut finding).await?;
            for (_, head) in heads.drain(..) {
                let furthest = furthest.entry(head.school).or_default();
                *furthest = head.head.position.max(*furthest);
            }
        }
        if ended {
            break;
        }
    }
    if number == 0 {
        finding.report(Subject::File, "holds no signed head");
    }
    let reach = furthest.iter().map(|(s, p)| format!("school {} up to seal {p}", s.number()));
    let reach: Vec<String> = std::iter::once(counted(number, "head")).chain(reach).collect();
    finding.checked = reach.join(", ");
    Ok(finding)
}

fn signed(line: &str, trusted: &[TrustedKey]) -> Result<SignedHead, String> {
    let head = SignedHead::parse(line).map_err(|_| "is not a signed head".to_owned())?;
    if head.verify(trusted).is_ok() {
        return Ok(head);
    }
    // A valid signature of a key that is not trusted: the operator may have retired it.
    if head.verify(&[TrustedKey::lasting(head.public_key)]).is_ok() {
        return Err(not_trusted(head.head.position, &head.public_key));
    }
    Err("its signature is wrong".to_owned())
}

/// What is said of a valid signature of a key that is not trusted.
pub(super) fn not_trusted(position: i64, public_key: &[u8; 32]) -> String {
    let key = hex::encode(public_key);
    format!(
        "seal {position} is signed by the key {key}, which is not trusted there: if it was yours, \
         ledger.trusted_heads must name it"
    )
}

async fn compare(
    tx: &Tx,
    heads: &[(u64, SignedHead)],
    finding: &mut Finding,
) -> Result<(), VerifyError> {
    let keys: Vec<_> = heads.iter().map(|(_, head)| (head.school, head.head.position)).collect();
    let hashes = store::seal_hashes(tx, &keys).await?;
    for ((line, signed), key) in heads.iter().zip(keys) {
        let here = Subject::Seal { school: key.0, position: key.1 };
        let at = signed.at.to_rfc3339();
        match hashes.get(&key) {
            Some(hash) if *hash == signed.head.hash => {}
            Some(_) => {
                let what = format!(
                    "was signed with another hash at {at} (line {line}): the history was rebuilt"
                );
                finding.report(here, what);
            }
            None => {
                let what =
                    format!("was signed at {at} (line {line}) and is gone: the history was cut");
                finding.report(here, what);
            }
        }
    }
    Ok(())
}
