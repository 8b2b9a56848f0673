//! Phone numbers that platforms told of their users, each with the consent that it was told under.
//!
//! Invariant: an identity has one at most, sealed for its row; what shows it masks it.
//! Invariant: a number is there only while its consent is: the version of the text that was agreed to,
//! and when.
//! Invariant: what a platform signed for one identity is not taken from another that presents it too.
//! Absent on purpose: a lookup by number. Nobody signs in, is bound or pays by one.

use super::{IdentityId, Student, hold_binding, store::phones as store};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::seal::{Aad, SealError, Sealer},
        db::{Db, DbError, Tx},
    },
};
use secrecy::{ExposeSecret, SecretString};

/// The digits of a country's code, and of a number without it.
const COUNTRY_DIGITS: std::ops::RangeInclusive<usize> = 1..=4;
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
const CHINA: &str = "86";

/// A phone number as its platform tells it: `13800138000`, or with another country's code in front,
/// `+85291234567`. Not printed.
#[derive(Clone, Debug)]
pub struct PlatformPhone(SecretString);

impl PlatformPhone {
    /// From a country's code and a number; `None` where they are none.
    pub fn new(country: &str, number: &str) -> Option<Self> {
        let country = country.trim_start_matches('+');
        let digits = |text: &str, range: &std::ops::RangeInclusive<usize>| {
            range.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(country, &COUNTRY_DIGITS) || !digits(number, &NUMBER_DIGITS) {
            return None;
        }
        let text = if country == CHINA { number.to_owned() } else { format!("+{country}{number}") };
        Some(Self(text.into()))
    }

    /// `138****8000`: the first three and the last four characters of eleven or more, else the last two.
    pub fn masked(&self) -> String {
        let text = self.0.expose_secret();
        let (first, last) = if text.len() >= 11 { (3, 4) } else { (0, 2) };
        let head = text.get(..first).unwrap_or_default();
        let tail = text.get(text.len().saturating_sub(last)..).unwrap_or_default();
        format!("{head}****{tail}")
    }
}

/// What an identity agreed to, and the number that it let its platform tell.
#[derive(Debug)]
pub struct NewPhone<'a> {
    /// Whose number it is, by the identity that is bound.
    pub student: &'a Student,
    /// The number.
    pub number: PlatformPhone,
    /// A digest of what the platform gave, which one identity alone presents.
    pub proof: [u8; 32],
    /// The version of the text that was agreed to.
    pub consent_version: &'static str,
}

/// A stored number.
#[derive(Clone, Debug)]
pub struct StoredPhone {
    /// The number.
    pub number: PlatformPhone,
    /// The version of the text that was agreed to.
    pub consent_version: String,
    /// When it was agreed to, and the number told.
    pub consented_at: Timestamp,
}

/// Why a number was not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum PhoneStoreError {
    /// The identity is not bound any more.
    #[error("not bound")]
    NotBound,
    /// Another identity has presented the same.
    #[error("presented by another identity")]
    Taken,
    /// It could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Stores a number in place of the one before, while the identity is bound.
pub async fn set(
    db: &Db,
    sealer: &Sealer,
    new: &NewPhone<'_>,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), PhoneStoreError> {
    let closed =
        sealer.seal(new.number.0.expose_secret().as_bytes(), &place(new.student.identity))?;
    let stored = db
        .in_tx_once(async |tx| -> Result<bool, DbError> {
            let bound = hold_binding(tx, new.student).await?;
            if bound {
                store::set(tx, new, &closed, now).await?;
                audit::record(tx, entry, now).await?;
            }
            Ok(bound)
        })
        .await;
    match stored {
        Ok(true) => Ok(()),
        Ok(false) => Err(PhoneStoreError::NotBound),
        Err(error) if error.is_unique_violation() => Err(PhoneStoreError::Taken),
        Err(error) => Err(error.into()),
    }
}

/// The number of an identity.
pub async fn of(
    db: &Db,
    sealer: &Sealer,
    identity: IdentityId,
) -> Result<Option<StoredPhone>, PhoneStoreError> {
    let Some(row) = store::find(db, identity).await? else { return Ok(None) };
    let opened = sealer.open(&row.sealed, &place(identity))?;
    let text = str::from_utf8(&opened).map_err(|_| SealError::Malformed)?;
    Ok(Some(StoredPhone {
        number: PlatformPhone(text.to_owned().into()),
        consent_version: row.consent_version,
        consented_at: row.consented_at,
    }))
}

/// Deletes the number of an identity, and with it the consent. The entry is recorded if there was one.
pub async fn remove(
    tx: &Tx,
    identity: IdentityId,
    entry: &Entry,
    now: Timestamp,
) -> Result<bool, DbError> {
    let removed = store::remove(tx, identity).await?;
    if removed {
        audit::record(tx, entry, now).await?;
    }
    Ok(removed)
}

/// Seals all numbers under the current key of `keys.data`, in bounded steps; returns how many were
/// written, and those that cannot be opened.
pub async fn reseal(
    db: &Db,
    sealer: &Sealer,
    now: Timestamp,
) -> Result<(u64, Vec<(IdentityId, SealError)>), DbError> {
    let (mut after, mut written, mut failed) = (None, 0, Vec::new());
    loop {
        let step = db.in_tx(async |tx| reseal_page(tx, sealer, after, now).await).await?;
        let Some(last) = step.reached else { return Ok((written, failed)) };
        after = Some(last);
        written += step.written;
        failed.extend(step.failed);
    }
}

#[derive(Default)]
struct Resealed {
    reached: Option<IdentityId>,
    written: u64,
    failed: Vec<(IdentityId, SealError)>,
}

async fn reseal_page(
    tx: &Tx,
    sealer: &Sealer,
    after: Option<IdentityId>,
    now: Timestamp,
) -> Result<Resealed, DbError> {
    let page = store::lock_page(tx, after).await?;
    let mut step = Resealed { reached: page.last().map(|(id, _)| *id), ..Resealed::default() };
    for (identity, sealed) in &page {
        if Sealer::key_of(sealed) == Some(sealer.key_id()) {
            continue;
        }
        let place = place(*identity);
        match sealer.open(sealed, &place).and_then(|opened| sealer.seal(&opened, &place)) {
            Ok(again) => {
                store::reseal(tx, *identity, &again).await?;
                step.written += 1;
            }
            Err(error) => step.failed.push((*identity, error)),
        }
    }
    if step.written > 0 {
        let (subject, detail) =
            ("phones of identities".to_owned(), format!("{} phones", step.written));
        let entry = Entry { act: AuditAct::Rekeyed, school: None, subject, detail };
        audit::record(tx, &entry, now).await?;
    }
    Ok(step)
}

const fn place(identity: IdentityId) -> Aad {
    Aad { table: "identity_phone", column: "phone_sealed", row: identity.uuid() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_and_do_not_print() {
        for (country, number, masked) in [
            ("86", "13800138000", Some("138****8000")),
            ("+86", "13800138000", Some("138****8000")),
            ("852", "91234567", Some("+85****4567")),
            ("86", "12345678", Some("****78")),
            ("86", "1234", None),
            ("86", "1380013800x", None),
            ("", "13800138000", None),
            ("86", "1234567890123456", None),
            ("cn", "13800138000", None),
        ] {
            let phone = PlatformPhone::new(country, number);
            assert!(!format!("{phone:?}").contains("8000"));
            assert_eq!(phone.map(|phone| phone.masked()).as_deref(), masked, "{country} {number}");
        }
    }
}
