//! Law: every signed head is still in the history.
//!
//! The chain alone does not protect against an attacker who rebuilds or truncates it; signatures by
//! a key outside the database do.

use super::{
    VerifyError,
    report::{Finding, Law, Subject, counted},
};
use crate::{
    base::{db::Tx, ids::SchoolId},
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
    /// Ed25519 public keys: the current one and earlier ones.
    pub trusted: &'a [[u8; 32]],
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

fn signed(line: &str, trusted: &[[u8; 32]]) -> Result<SignedHead, &'static str> {
    let head = SignedHead::parse(line).map_err(|_| "is not a signed head")?;
    head.verify(trusted).map_err(|_| "its signature is wrong, or of a key that is not trusted")?;
    Ok(head)
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
