//! What becomes of the rows of a roster: the one place that decides it.

use super::{Indexed, RefusedRow, RosterError, RosterImport, RosterReport, count};
use crate::{
    base::{crypto::seal::SealError, db::Tx},
    schools::{
        people::ID_NUMBER,
        person,
        store::{self, OnRoster},
    },
};

const OTHER_PERSON: &str = "student_no: belongs to another person: name and id_number both differ";

/// What was decided about some rows.
#[derive(Default)]
pub(super) struct Decided<'r> {
    pub(super) added: Vec<&'r Indexed>,
    pub(super) changed: Vec<(&'r Indexed, OnRoster)>,
    /// Rows that match only with an older key, or whose name is not indexed: they are written again, with
    /// the current keys, and count as unchanged.
    pub(super) rewritten: Vec<(&'r Indexed, OnRoster)>,
    /// Rows of which nothing is written.
    same: u64,
    refused: Vec<RefusedRow>,
}

impl Decided<'_> {
    /// The counts.
    pub(super) fn report(&self) -> RosterReport {
        let refused = self.refused.clone();
        let (added, changed) = (count(self.added.len()), count(self.changed.len()));
        let unchanged = self.same + count(self.rewritten.len());
        RosterReport { added, changed, unchanged, refused, ..RosterReport::default() }
    }
}

impl RosterImport<'_> {
    /// Decides about rows by the people that there are now.
    pub(super) async fn decide<'r>(
        &self,
        tx: &Tx,
        rows: &'r [Indexed],
    ) -> Result<Decided<'r>, RosterError> {
        let student_nos = rows.iter().map(|indexed| indexed.row.student_no.as_str());
        let mut known = store::on_roster(tx, self.school, student_nos).await?;
        let mut decided = Decided::default();
        for indexed in rows {
            let Some(stored) = known.remove(&indexed.row.student_no) else {
                decided.added.push(indexed);
                continue;
            };
            let newest = indexed.digests.first();
            let is_newest = newest.is_some_and(|newest| newest.digest == *stored.digest);
            if is_newest && stored.has_name_index {
                decided.same += 1;
            } else if indexed.digests.iter().any(|digest| digest.digest == *stored.digest) {
                decided.rewritten.push((indexed, stored));
            } else if self.is_other_person(indexed, &stored)? {
                decided.refused.push(RefusedRow {
                    line: indexed.line,
                    student_no: indexed.row.student_no.clone(),
                    reason: OTHER_PERSON.to_owned(),
                });
            } else {
                decided.changed.push((indexed, stored));
            }
        }
        Ok(decided)
    }

    /// Numbers are reused, those of temporary cards each year. An ID number that is added or
    /// removed counts as changed.
    fn is_other_person(&self, from: &Indexed, stored: &OnRoster) -> Result<bool, SealError> {
        let same_number = match (&from.row.id_number, &stored.id_number_index) {
            (Some(number), Some(stored)) => {
                let candidates = self.keys.index.candidates(self.school, ID_NUMBER, number);
                candidates.iter().any(|candidate| candidate.digest == **stored)
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same_number {
            return Ok(false);
        }
        Ok(!person::is_named(&self.keys.sealer, stored.id, &stored.name, &from.row.name)?)
    }
}
