//! What explains the transfers of each kind: the room that posts a kind registers it, and a kind
//! that nobody registered is a break.

use super::{
    books::count,
    report::{Finding, Law, Subject, counted},
    start::Starts,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        store,
        transfer::{Kind, Record},
    },
};
use async_trait::async_trait;
use std::{collections::BTreeMap, fmt};

/// What a room says about a transfer of one of its kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// A row of the room says exactly the same, and belongs to no other transfer.
    Row,
    /// Something that may belong to several transfers or to none: a case.
    Case,
    /// Nothing; the text says why.
    Nothing(String),
}

/// How many rows of a room must have a transfer, by school and kind.
pub type RowCounts = BTreeMap<(SchoolId, Kind), u64>;

/// A room that posts transfers, as `verify` asks it.
#[async_trait]
pub trait Explains: fmt::Debug + Send + Sync {
    /// The title of the room's line in the report.
    fn title(&self) -> &'static str;

    /// The kinds of transfer that the room posts.
    fn kinds(&self) -> &'static [Kind];

    /// Explains transfers of these kinds, in their order. The room builds the transfer that it would
    /// post for its row, and compares it with [`Record::differences`].
    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError>;

    /// Counts the rows that must have a transfer.
    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError>;

    /// Rows without a transfer; at most a thousand. Asked only where the counts differ.
    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError>;

    /// Rows of the room that contradict each other, among those that may have changed since the
    /// time, if one is given; at most a thousand.
    async fn contradictions(
        &self,
        tx: &Tx,
        since: Option<Timestamp>,
    ) -> Result<Vec<String>, DbError>;
}

/// One room and what was found of its kinds so far.
#[derive(Debug)]
struct Asked<'a> {
    room: &'a dyn Explains,
    finding: Finding,
    /// Rows that must have a transfer.
    rows: RowCounts,
    explained: u64,
}

/// All rooms.
#[derive(Debug)]
pub(super) struct Rooms<'a> {
    asked: Vec<Asked<'a>>,
    kinds: Finding,
    /// Transfers since the starts that a row explains, sealed and waiting.
    by_row: BTreeMap<(SchoolId, &'static str), [u64; 2]>,
}

impl<'a> Rooms<'a> {
    /// Counts the rows of all rooms and looks for rows that contradict each other.
    pub(super) async fn open(
        tx: &Tx,
        rooms: &[&'a dyn Explains],
        since: Option<Timestamp>,
    ) -> Result<Self, DbError> {
        let mut asked = Vec::with_capacity(rooms.len());
        for room in rooms {
            let mut finding = Finding::new(Law::Room(room.title()));
            for what in room.contradictions(tx, since).await? {
                finding.report(Subject::Row, what);
            }
            let rows = room.rows(tx).await?;
            asked.push(Asked { room: *room, finding, rows, explained: 0 });
        }
        Ok(Self { asked, kinds: Finding::new(Law::Kinds), by_row: BTreeMap::new() })
    }

    /// Asks the rooms about some transfers, all of them sealed or all of them waiting.
    pub(super) async fn explain(
        &mut self,
        tx: &Tx,
        records: &[Record],
        sealed: bool,
    ) -> Result<(), DbError> {
        for Asked { room, finding, explained, .. } in &mut self.asked {
            let of_room = |record: &&Record| kind_of(*room, record).is_some();
            let ours: Vec<&Record> = records.iter().filter(of_room).collect();
            if ours.is_empty() {
                continue;
            }
            let answers = room.explain(tx, &ours).await?;
            if answers.len() != ours.len() {
                return Err(DbError::Inconsistent { table: "transfer", what: "not all explained" });
            }
            for (record, answer) in ours.iter().zip(answers) {
                *explained += 1;
                match (answer, kind_of(*room, record)) {
                    (Explanation::Row, Some(kind)) => {
                        let rows = self.by_row.entry((record.school, kind.name())).or_default();
                        let [of_sealed, of_waiting] = rows;
                        *(if sealed { of_sealed } else { of_waiting }) += 1;
                    }
                    (Explanation::Row | Explanation::Case, _) => {}
                    (Explanation::Nothing(why), _) => {
                        let what = format!("{} {}: {why}", record.kind, record.reference);
                        finding.report(Subject::Transfer(record.id), what);
                    }
                }
            }
        }
        self.report_unregistered(records);
        Ok(())
    }

    fn report_unregistered(&mut self, records: &[Record]) {
        let rooms: Vec<_> = self.asked.iter().map(|asked| asked.room).collect();
        let unknown = |record: &&Record| rooms.iter().all(|r| kind_of(*r, record).is_none());
        for record in records.iter().filter(unknown) {
            let what = format!("no room posts transfers of the kind {:?}", record.kind);
            self.kinds.report(Subject::Transfer(record.id), what);
        }
    }

    /// Compares how many transfers rows explained with how many rows there are. Answers the
    /// findings, and how many sealed transfers rows explain.
    pub(super) async fn close(
        self,
        tx: &Tx,
        starts: &Starts,
    ) -> Result<(Vec<Finding>, RowsSoFar), DbError> {
        let (mut sealed, mut all) = (starts.rows(), starts.rows());
        for ((school, kind), [of_sealed, of_waiting]) in self.by_row {
            let key = (school, kind.to_owned());
            *sealed.entry(key.clone()).or_default() += of_sealed;
            *all.entry(key).or_default() += of_sealed + of_waiting;
        }
        let mut kinds = self.kinds;
        let registered = self.asked.iter().map(|asked| asked.room.kinds().len()).sum();
        kinds.checked = format!("{} registered", counted(count(registered), "kind"));
        let mut findings = vec![kinds];
        for Asked { room, mut finding, rows, explained } in self.asked {
            finding.checked = format!("{}, each way", counted(explained, "transfer"));
            if !agree(room, rows, &all) {
                let unposted = room.unposted(tx).await?;
                if unposted.is_empty() && finding.total == 0 {
                    finding.report(Subject::Row, "more transfers than rows, or fewer");
                }
                for what in unposted {
                    finding.report(Subject::Row, what);
                }
            }
            findings.push(finding);
        }
        Ok((findings, sealed))
    }
}

/// True if a room has as many rows as transfers that a row explains, of each kind and school.
fn agree(room: &dyn Explains, rows: RowCounts, explained: &RowsSoFar) -> bool {
    let rows: RowsSoFar =
        rows.into_iter().map(|((school, kind), n)| ((school, kind.name().to_owned()), n)).collect();
    let of_room = |kind: &str| room.kinds().iter().any(|known| known.name() == kind);
    let number = |of: &RowsSoFar, key| of.get(key).copied().unwrap_or_default();
    let keys = rows.keys().chain(explained.keys().filter(|(_, kind)| of_room(kind)));
    keys.into_iter().all(|key| number(&rows, key) == number(explained, key))
}

/// How many transfers of each kind a row explains, by school and name of the kind.
pub(super) type RowsSoFar = BTreeMap<(SchoolId, String), u64>;

fn kind_of(room: &dyn Explains, record: &Record) -> Option<Kind> {
    room.kinds().iter().copied().find(|kind| kind.name() == record.kind)
}

/// Those of the references, each with its school, that were not posted under this kind.
pub async fn not_posted(
    tx: &Tx,
    kind: Kind,
    of: impl Iterator<Item = (SchoolId, String)>,
) -> Result<Vec<String>, DbError> {
    let mut schools: BTreeMap<SchoolId, Vec<String>> = BTreeMap::new();
    for (school, reference) in of {
        schools.entry(school).or_default().push(reference);
    }
    let mut missing = Vec::new();
    for (school, references) in schools {
        let posted = store::references_among(tx, school, kind, references.clone()).await?;
        missing.extend(references.into_iter().filter(|reference| !posted.contains(reference)));
    }
    Ok(missing)
}
