//! What the service counter does for a person who comes in: `onecard card lost` and `card found`, and the
//! pages of staff.

use super::loss::{LossChange, LossError, LossReason};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::Sealer,
        db::{Db, Tx},
    },
    ledger::HeldPersons,
    schools::{People, Person, School},
};

/// Where the audit log says that it was done.
const COUNTER: &str = "the counter";

/// Reports a person's card as lost; `false` if it was before.
pub async fn lost(
    db: &Db,
    school: &School,
    person: &Person,
    sealer: &Sealer,
    now: Timestamp,
) -> Result<bool, LossError> {
    db.in_tx(async |tx| {
        let (held, person) = hold(tx, person).await?;
        lost_in(tx, school, (&held, &person), sealer, now).await
    })
    .await
}

/// The same for a person who is held, in a transaction that does more.
pub async fn lost_in(
    tx: &Tx,
    school: &School,
    (held, person): (&HeldPersons, &Person),
    sealer: &Sealer,
    now: Timestamp,
) -> Result<bool, LossError> {
    if person.lost_at.is_some() {
        return Ok(false);
    }
    let change = LossChange { school, person, by: COUNTER };
    change.report(tx, held, (sealer, LossReason::Lost), now).await?;
    Ok(true)
}

/// Takes the report of a person's card back; `false` if there was none.
pub async fn found(
    db: &Db,
    school: &School,
    person: &Person,
    now: Timestamp,
) -> Result<bool, LossError> {
    db.in_tx(async |tx| {
        let (held, person) = hold(tx, person).await?;
        found_in(tx, school, (&held, &person), now).await
    })
    .await
}

/// The same for a person who is held, in a transaction that does more.
pub async fn found_in(
    tx: &Tx,
    school: &School,
    (held, person): (&HeldPersons, &Person),
    now: Timestamp,
) -> Result<bool, LossError> {
    if person.lost_at.is_none() {
        return Ok(false);
    }
    LossChange { school, person, by: COUNTER }.cancel(tx, held, now).await?;
    Ok(true)
}

async fn hold(tx: &Tx, person: &Person) -> Result<(HeldPersons, Person), LossError> {
    let held = HeldPersons::hold(tx, [(person.school, person.id)].into()).await?;
    Ok((held, People::hold(tx, person.id).await?))
}
