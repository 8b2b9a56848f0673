//! Decisions under the lock of the person's row, in one transaction: all that
//! [`at_once`](super::at_once) does not make.
//!
//! | phase | statements |
//! | --- | --- |
//! | hold the terminal | 1 |
//! | read the stored answers for the number and the nonce | 1 |
//! | lock and read the person | 1 |
//! | use the code up | 1 |
//! | read the rights, and earlier readings of the code here | 1 |
//! | whether the device of a code that was read before is live | (1) |
//! | a library's reader, and a new one | (1 or 3) |
//! | write answer, log and event | 1 (SQLite: 3) |
//! | begin and commit | 2 |

use super::{
    Access, AccessError,
    decide::{AccessView, Decided, Facts},
    log,
    refusal::DoorRefusal,
    request::DoorRequest,
    rights::{self, PassVerdict},
};
use crate::{
    base::db::{DbError, Source, Tx},
    events,
    passcode::{self, Scan, ScanRefusal, ScanVerdict, ShownCode},
    schools::{People, PersonSummary},
    terminals::{
        Accepted, known,
        seq::{SeqCheck, StoredResponse, check_seq},
        write_of,
    },
};

impl Access {
    /// Decides and commits, or returns what was decided before under this number.
    pub async fn decide_under_lock(
        &self,
        door: &DoorRequest,
    ) -> Result<StoredResponse, AccessError> {
        self.db.in_tx(async |tx| self.decide_in(tx, door).await).await
    }

    /// Decides, uses the code up, and stores the answer. Nothing is durable until the caller commits.
    async fn decide_in(&self, tx: &Tx, door: &DoorRequest) -> Result<StoredResponse, AccessError> {
        if Accepted::hold(tx, &[door.terminal.accepted()]).await?.is_empty() {
            return Err(AccessError::Withdrawn);
        }
        let kept = known(Source::Tx(tx), &[&door.asked]).await?;
        match check_seq(&door.asked, &kept) {
            SeqCheck::First => {}
            SeqCheck::Repeat(answer) => return Ok(answer),
            SeqCheck::Conflict => return Err(AccessError::Conflict),
            SeqCheck::NonceReused => return Err(AccessError::NonceReused),
        }
        let Some(shown) = door.scan.shown() else {
            let why = match door.scan.verdict(None) {
                ScanVerdict::Refused(why, _) => why,
                ScanVerdict::Good(_) | ScanVerdict::DeviceEnded(_) => ScanRefusal::Invalid,
            };
            let view = AccessView::refuse(DoorRefusal::Code(why));
            return keep(tx, Decided::of(door, &view, None, self.clock.now())?).await;
        };
        let facts = self.facts(tx, door, shown).await?;
        let view = match facts.refusal(door, verdict(tx, door, &facts).await?) {
            Some(why) => AccessView::refuse(why),
            None => self.welcome(tx, door, &facts).await?,
        };
        keep(tx, Decided::of(door, &view, Some((shown, &facts)), facts.now)?).await
    }

    /// Locks the person, uses the code up and reads the rights and the log.
    async fn facts(
        &self,
        tx: &Tx,
        door: &DoorRequest,
        shown: &ShownCode,
    ) -> Result<Facts, AccessError> {
        let person = PersonSummary::from(&People::hold(tx, shown.person).await?);
        // Read under the lock, which may have been waited for.
        let now = self.clock.now();
        door.left(now).ok_or(AccessError::Late)?;
        let scope = door.scope(shown);
        let used = passcode::use_up(tx, &[(*shown, &scope)], now).await?;
        let used = used.first().copied().ok_or(NOT_USED)?;
        let questions = [
            rights::question(door.school.id, shown.person, door.group()),
            log::reads_question(door.terminal.id.uuid(), shown),
        ];
        let [found, reads] = Source::Tx(tx).ask(questions).await?;
        let pass = if door.needs_right() {
            rights::verdict(rights::times(&rights::in_force(tx.macs(), &found)?), now)
        } else {
            PassVerdict::Pass
        };
        Ok(Facts { person, used, pass, reads: log::reads(&reads)?, now })
    }

    async fn welcome(
        &self,
        tx: &Tx,
        door: &DoorRequest,
        facts: &Facts,
    ) -> Result<AccessView, AccessError> {
        let reader = if DoorRequest::tells_reader(&door.terminal) {
            Some(self.readers.of_held(tx, (door.school.id, facts.person.person)).await?)
        } else {
            None
        };
        AccessView::open(&facts.person, &self.names, reader.as_ref())
    }
}

/// Stores the answer with its entry in the log and the event.
async fn keep(tx: &Tx, decided: Decided) -> Result<StoredResponse, AccessError> {
    let Decided { answer, entry, event, at } = decided;
    let answers = write_of(std::slice::from_ref(&answer), at);
    log::add(tx, entry.as_slice(), vec![answers, events::write_of(event.as_slice())?]).await?;
    Ok(answer.answer)
}

/// What the scan is good for. Another reading of one showing is decided like the first, by the person's
/// state as it is now.
async fn verdict(tx: &Tx, door: &DoorRequest, facts: &Facts) -> Result<ScanVerdict, AccessError> {
    let verdict = door.scan.verdict(Some(facts.used));
    let again = match (verdict, door.scan) {
        (ScanVerdict::Refused(ScanRefusal::Used, _), Scan::Good(shown)) => {
            door.is_double_read(&facts.reads, facts.now).then_some(shown)
        }
        (ScanVerdict::Refused(..) | ScanVerdict::Good(_) | ScanVerdict::DeviceEnded(_), _) => None,
    };
    Ok(match again {
        None => verdict,
        Some(shown) if passcode::is_live(tx, &shown, facts.now).await? => ScanVerdict::Good(shown),
        Some(shown) => ScanVerdict::DeviceEnded(shown),
    })
}

const NOT_USED: DbError = DbError::Inconsistent { table: "code_use", what: "no use" };
