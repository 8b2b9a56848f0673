//! The pseudonyms of a library's readers: the library knows a person by one that no other place knows,
//! and that tells nobody else who it is.
//!
//! A pseudonym is made of a digest under `keys.index` when it is first needed, and stored: it outlives
//! the key. The library's own table says whose it is, which an operator exports.

pub(super) use super::store::readers::{question, readers};

use super::store;
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::blind::BlindIndex,
        db::{Db, DbError, Source, Tx},
        ids::{PersonId, SchoolId},
    },
    schools::People,
};
use std::fmt;

/// The field of the digests.
const FIELD: &str = "library_reader";

/// A reader's pseudonym: `R` and 20 capital hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader(pub(super) String);

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line of the table that a library holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderRow {
    /// The pseudonym.
    pub reader: Reader,
    /// 学号 or 工号.
    pub student_no: String,
}

/// Makes and remembers pseudonyms.
#[derive(Clone, Debug)]
pub struct Readers {
    index: BlindIndex,
}

impl Readers {
    /// Made under `keys.index`.
    pub const fn new(index: BlindIndex) -> Self {
        Self { index }
    }

    /// The pseudonym of a person whose row is held.
    pub(super) async fn of_held(
        &self,
        tx: &Tx,
        (school, person): (SchoolId, PersonId),
    ) -> Result<Reader, DbError> {
        let new = self.made(school, person);
        let found = store::readers::keep(tx, school, &[(person, new)]).await?;
        found.into_iter().next().map(|(_, reader)| reader).ok_or(MISSING)
    }

    /// The table that the library of a school holds: everybody on the roster, in small commits. Everybody
    /// gets a pseudonym; the export is an entry of the audit log, written before the first row is known.
    pub async fn export(
        &self,
        db: &Db,
        school: SchoolId,
        now: Timestamp,
    ) -> Result<Vec<ReaderRow>, DbError> {
        let entry = Entry {
            act: AuditAct::ReadersExported,
            school: Some(school),
            subject: "the library's readers".to_owned(),
            detail: String::new(),
        };
        db.in_tx(async |tx| audit::record(tx, &entry, now).await).await?;
        let (mut rows, mut after) = (Vec::new(), String::new());
        loop {
            let page = People::page(Source::Db(db), school, &after).await?;
            let Some((_, last)) = page.last() else { return Ok(rows) };
            after.clone_from(last);
            let new: Vec<_> =
                page.iter().map(|(person, _)| (*person, self.made(school, *person))).collect();
            let keep = async |tx: &Tx| store::readers::keep(tx, school, &new).await;
            let mut kept = db.in_tx(keep).await?;
            for (person, student_no) in page {
                let reader = kept.remove(&person).ok_or(MISSING)?;
                rows.push(ReaderRow { reader, student_no });
            }
        }
    }

    fn made(&self, school: SchoolId, person: PersonId) -> Reader {
        let digest = self.index.index(school, FIELD, &person.to_string()).digest;
        Reader(format!("R{}", hex::encode_upper(digest.get(..10).unwrap_or_default())))
    }
}

const MISSING: DbError =
    DbError::Inconsistent { table: "library_reader", what: "a reader is missing" };
