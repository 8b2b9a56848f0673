//! The usual batch of charges, without locks: scans under new numbers, of codes that nobody used,
//! of people who pay once. Read in one statement, it is decided on what was read, and written if
//! that still holds, in one statement that is its own transaction. Whatever is otherwise is left to
//! [`charge_all`](super::charging::charge_all), which knows the history; nothing is written then.
//!
//! What holds it together when others write meanwhile (`docs/adr/0015`):
//!
//! | what could change | what refuses the write |
//! | --- | --- |
//! | a balance, what was spent today, whether the card is stopped | the version of the person |
//! | the code is used elsewhere; the device ends | the guard of its use |
//! | the number or the nonce is used elsewhere | the keys and the guard of the answers |
//! | somebody else tells the phone something | the key of the events |

use super::{
    asking::{Asking, Told, touched},
    charging::{ChargeError, Done},
    desk::{Desk, Papers, place},
    store,
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::seal::Sealer,
        db::{Db, Source},
    },
    cards::charges,
    events,
    ledger::Watched,
    passcode::{self, CodeUse, ShownCode},
    terminals::write_of_first,
};
use std::collections::HashSet;

/// Decides charges and has committed when it answers; `None`, with nothing written, when this is
/// not the usual batch.
pub(super) async fn charge_at_once(
    db: &Db,
    now: Timestamp,
    names: &Sealer,
    askings: &[Asking],
) -> Result<Option<Done>, ChargeError> {
    let codes: Vec<ShownCode> = askings.iter().filter_map(Asking::shown).copied().collect();
    if !db.has_row_locks() || !are_usual(askings, now) || !are_different(&codes) {
        return Ok(None);
    }
    let (persons, merchants) = touched(askings)?;
    let open: Vec<&Asking> = askings.iter().collect();
    let [who, what] = Papers::questions(now, &open);
    let questions = [Watched::question(&persons, &merchants), who, what];
    let [accounts, who, what] = Source::Db(db).ask(questions).await?;
    let watched = Watched::of(persons, &accounts)?;
    let with_code = open.iter().filter(|asking| asking.shown().is_some());
    let papers = Papers {
        uses: with_code.map(|asking| (place(asking), CodeUse::Fresh)).collect(),
        ..Papers::of([who, what])?
    };
    let mut desk = Desk::new(now, names, watched.held(), papers);
    for asking in askings {
        desk.decide(asking)?;
    }
    let orders = desk.close();
    let uses: Vec<(ShownCode, &str)> = codes.iter().map(|shown| (*shown, "")).collect();
    let beside = vec![
        write_of_first(&orders.kept, now),
        passcode::write_of_first(&uses, now),
        charges::write_of(&orders.charges),
        store::write_of(&orders.challenges),
        events::write_of(&orders.events)?,
    ];
    let written = watched.post(db, now, &orders.transfers, beside).await?;
    let told = orders.kept.into_iter().map(|kept| Told::Answer(kept.answer));
    Ok(written.then(|| Done { told: told.collect(), used: codes }))
}

/// Scans that are in time. Passwords change challenges, which are read under lock.
fn are_usual(askings: &[Asking], now: Timestamp) -> bool {
    askings.iter().all(|asking| asking.is_scan() && !asking.is_late(now))
}

/// Of two scans of one code, one is refused.
fn are_different(codes: &[ShownCode]) -> bool {
    codes.iter().collect::<HashSet<_>>().len() == codes.len()
}
