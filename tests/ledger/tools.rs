//! The tools of somebody who owns the database: he drops the triggers, flips bits, and, if he knows
//! the program, computes every digest and hash again.

use crate::ledger::{
    model::Act,
    support::{SCHOOL, commit, seal_some},
};
use onecard::{
    base::{
        clock::{Day, Timestamp},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::AccountId,
        seal::{GENESIS, Seal, Sealed},
        transfer::{Hash, KeyedLeg, Record, TransferId, batch_digest},
    },
};
use rand::{RngExt, rngs::StdRng};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement, Value,
};
use testkit::TestDb;
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Uuid,
    Big,
    Int,
    Text,
    Bytes,
}

use Sort::{Big, Bytes, Int, Text};

pub const TRANSFER: [(&str, Sort); 11] = [
    ("id", Sort::Uuid),
    ("school_id", Big),
    ("batch_id", Sort::Uuid),
    ("ordinal", Int),
    ("kind", Text),
    ("reference", Text),
    ("person_id", Sort::Uuid),
    ("nature", Int),
    ("at", Big),
    ("value_day", Int),
    ("digest", Bytes),
];
pub const LEG: [(&str, Sort); 5] = [
    ("transfer_id", Sort::Uuid),
    ("ordinal", Int),
    ("from_account", Sort::Uuid),
    ("to_account", Sort::Uuid),
    ("amount_fen", Big),
];
pub const SEAL: [(&str, Sort); 8] = [
    ("school_id", Big),
    ("position", Big),
    ("batch_id", Sort::Uuid),
    ("batches", Bytes),
    ("transfers", Int),
    ("digest", Bytes),
    ("sealed_at", Big),
    ("hash", Bytes),
];

/// The columns that tell a row of the table.
fn key_of(table: &str) -> &'static [&'static str] {
    match table {
        "transfer" => &["id"],
        "leg" => &["transfer_id", "ordinal"],
        "seal" => &["school_id", "position"],
        other => panic!("no history in {other}"),
    }
}

/// The database as its owner sees it.
pub struct Owner {
    raw: DatabaseConnection,
    backend: DbBackend,
}

impl Owner {
    pub async fn of(db: &TestDb) -> Self {
        let raw = Database::connect(&db.url).await.unwrap();
        let owner = Self { backend: raw.get_database_backend(), raw };
        for table in ["transfer", "leg", "seal"] {
            if owner.backend == DbBackend::Postgres {
                owner.run(&format!("DROP TRIGGER {table}_is_final ON {table}")).await;
            } else {
                owner.run(&format!("DROP TRIGGER {table}_no_UPDATE")).await;
                owner.run(&format!("DROP TRIGGER {table}_no_DELETE")).await;
            }
        }
        owner
    }

    pub async fn run(&self, sql: &str) -> u64 {
        self.raw.execute_unprepared(sql).await.unwrap().rows_affected()
    }

    pub async fn all(&self, sql: &str, values: Vec<Value>) -> Vec<QueryResult> {
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        self.raw.query_all_raw(statement).await.unwrap()
    }

    async fn set(
        &self,
        table: &str,
        (column, value): (&str, Value),
        key: &[Value],
    ) -> Result<u64, DbErr> {
        let binary = matches!(value, Value::Bytes(_)) && self.is_text(table, column);
        let place = if binary { "CAST($1 AS TEXT)" } else { "$1" };
        let found: Vec<String> =
            key_of(table).iter().zip(2..).map(|(name, n)| format!("{name} = ${n}")).collect();
        let sql = format!("UPDATE {table} SET {column} = {place} WHERE {}", found.join(" AND "));
        let values: Vec<Value> = std::iter::once(value).chain(key.iter().cloned()).collect();
        let statement = Statement::from_sql_and_values(self.backend, sql, values);
        Ok(self.raw.execute_raw(statement).await?.rows_affected())
    }

    fn is_text(&self, table: &str, column: &str) -> bool {
        self.backend == DbBackend::Sqlite
            && table == "transfer"
            && TRANSFER.contains(&(column, Text))
    }

    /// Flips one random bit of one column of one row; false where the column is NULL or the
    /// database does not take the result.
    pub async fn flip(
        &self,
        chance: &mut StdRng,
        table: &str,
        (column, sort): (&str, Sort),
        key: &[Value],
    ) -> bool {
        let Some(before) = self.get(table, (column, sort), key).await else {
            return false;
        };
        let Some(after) = self.flipped(chance, sort, before) else {
            return false;
        };
        self.set(table, (column, after), key).await.is_ok_and(|rows| rows == 1)
    }

    async fn get(&self, table: &str, column: (&str, Sort), key: &[Value]) -> Option<Value> {
        let found: Vec<String> =
            key_of(table).iter().zip(1..).map(|(name, n)| format!("{name} = ${n}")).collect();
        let (name, sort) = column;
        let sql = format!("SELECT {name} FROM {table} WHERE {}", found.join(" AND "));
        let rows = self.all(&sql, key.to_vec()).await;
        let row = &rows[0];
        match sort {
            Sort::Uuid => row.try_get_by_index::<Option<Uuid>>(0).unwrap().map(Value::from),
            Big => Some(row.try_get_by_index::<i64>(0).unwrap().into()),
            Int => Some(row.try_get_by_index::<i32>(0).unwrap().into()),
            Text => Some(row.try_get_by_index::<String>(0).unwrap().into()),
            Bytes => Some(row.try_get_by_index::<Vec<u8>>(0).unwrap().into()),
        }
    }

    /// SQLite keeps 64 bits in every number and any bytes in a text; PostgreSQL does not.
    fn flipped(&self, chance: &mut StdRng, sort: Sort, value: Value) -> Option<Value> {
        let sqlite = self.backend == DbBackend::Sqlite;
        Some(match (sort, value) {
            (Sort::Uuid, Value::Uuid(Some(id))) => {
                Uuid::from_u128(id.as_u128() ^ 1 << chance.random_range(0..128)).into()
            }
            (Big, Value::BigInt(Some(n))) => (n ^ 1 << chance.random_range(0..64)).into(),
            (Int, Value::Int(Some(n))) if sqlite => {
                (i64::from(n) ^ 1 << chance.random_range(0..64)).into()
            }
            (Int, Value::Int(Some(n))) => (n ^ 1 << chance.random_range(0..32)).into(),
            (Text, Value::String(Some(text))) => {
                let bytes = bit_flipped(chance, text.into_bytes());
                if sqlite { bytes.into() } else { String::from_utf8(bytes).ok()?.into() }
            }
            (Bytes, Value::Bytes(Some(bytes))) => bit_flipped(chance, bytes).into(),
            other => panic!("{other:?}"),
        })
    }

    /// The ids of all transfers, in the order of their batches.
    pub async fn transfers(&self) -> Vec<Uuid> {
        let sql = "SELECT id FROM transfer ORDER BY batch_id, ordinal";
        let rows = self.all(sql, vec![]).await;
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// A transfer as it is stored now.
    pub async fn record(&self, id: Uuid) -> Record {
        let rows = self.all("SELECT * FROM transfer WHERE id = $1", vec![id.into()]).await;
        let sql = "SELECT * FROM leg WHERE transfer_id = $1 ORDER BY ordinal";
        let legs = self.all(sql, vec![id.into()]).await;
        let row = &rows[0];
        let account =
            |row: &QueryResult, column| AccountId::from_uuid(row.try_get("", column).unwrap());
        let leg = |row: &QueryResult| KeyedLeg {
            from: account(row, "from_account"),
            to: account(row, "to_account"),
            amount: Fen::new(row.try_get("", "amount_fen").unwrap()).unwrap(),
        };
        Record {
            id: TransferId::from_uuid(id),
            school: SchoolId::from_number(row.try_get("", "school_id").unwrap()),
            batch: row.try_get("", "batch_id").unwrap(),
            ordinal: row.try_get("", "ordinal").unwrap(),
            kind: row.try_get("", "kind").unwrap(),
            reference: row.try_get("", "reference").unwrap(),
            person: row.try_get::<Option<Uuid>>("", "person_id").unwrap().map(PersonId::from_uuid),
            nature: row.try_get("", "nature").unwrap(),
            at: Timestamp::from_micros(row.try_get("", "at").unwrap()),
            value_day: Day::from_number(row.try_get("", "value_day").unwrap()),
            legs: legs.iter().map(leg).collect(),
        }
    }

    /// Makes every digest, hash and balance of a wholly sealed ledger fit what stands there.
    pub async fn rebuild(&self) {
        self.redigest().await;
        let rows = self.all("SELECT * FROM seal ORDER BY school_id, position", vec![]).await;
        let mut head = GENESIS;
        for row in rows {
            let seal = self.resealed(&row).await;
            head.position = seal.position;
            head.hash = seal.hash(&head.hash);
            let key: [Value; 2] = [seal.school.number().into(), seal.position.into()];
            let columns: [(&str, Value); 3] = [
                ("transfers", seal.transfers.into()),
                ("digest", seal.digest.to_vec().into()),
                ("hash", head.hash.to_vec().into()),
            ];
            for column in columns {
                self.set("seal", column, &key).await.unwrap();
            }
        }
        self.end_chain_at(head.position, head.hash).await;
        self.rebalance().await;
    }

    /// Makes every transfer's digest fit its row and legs.
    pub async fn redigest(&self) {
        for id in self.transfers().await {
            let digest = self.record(id).await.digest().to_vec();
            self.set("transfer", ("digest", digest.into()), &[id.into()]).await.unwrap();
        }
    }

    /// Where the seal of a batch stands.
    pub async fn position_of(&self, batch: Uuid) -> i64 {
        let rows = self.all("SELECT * FROM seal", vec![]).await;
        let has = |row: &&QueryResult| sealed(row).batches().contains(&batch);
        rows.iter().find(has).unwrap().try_get("", "position").unwrap()
    }

    /// Makes the digest of the seal there fit its transfers, and nothing else.
    pub async fn reseal_only(&self, position: i64) {
        let sql = "SELECT * FROM seal WHERE position = $1";
        let seal = self.resealed(&self.all(sql, vec![position.into()]).await[0]).await;
        let key: [Value; 2] = [seal.school.number().into(), seal.position.into()];
        let digest = Value::from(seal.digest.to_vec());
        self.set("seal", ("digest", digest), &key).await.unwrap();
    }

    async fn resealed(&self, row: &QueryResult) -> Seal {
        let (batches, mut transfers, mut digests) = (sealed(row), 0, Vec::new());
        for batch in batches.batches() {
            let of_batch = self.digests(*batch).await;
            transfers += of_batch.len();
            digests.push(batch_digest(&of_batch));
        }
        Seal {
            school: SchoolId::from_number(row.try_get("", "school_id").unwrap()),
            position: row.try_get("", "position").unwrap(),
            transfers: i32::try_from(transfers).unwrap(),
            digest: batches.digest(&digests).unwrap(),
            batches,
            sealed_at: Timestamp::from_micros(row.try_get("", "sealed_at").unwrap()),
        }
    }

    async fn digests(&self, batch: Uuid) -> Vec<Hash> {
        let sql = "SELECT digest FROM transfer WHERE batch_id = $1 ORDER BY ordinal";
        let rows = self.all(sql, vec![batch.into()]).await;
        let digest = |row: &QueryResult| row.try_get_by_index::<Vec<u8>>(0).unwrap();
        rows.iter().map(|row| digest(row).try_into().unwrap()).collect()
    }

    pub async fn end_chain_at(&self, position: i64, hash: Hash) {
        let sql = "UPDATE seal_head SET position = $1, hash = $2";
        self.all(sql, vec![position.into(), hash.to_vec().into()]).await;
    }

    /// Makes every balance of a wholly sealed ledger the sum of its legs.
    pub async fn rebalance(&self) {
        self.run(
            "UPDATE account SET balance_fen = CAST( \
             COALESCE((SELECT SUM(amount_fen) FROM leg WHERE to_account = account.id), 0) - \
             COALESCE((SELECT SUM(amount_fen) FROM leg WHERE from_account = account.id), 0) \
             AS BIGINT)",
        )
        .await;
    }

    /// Takes the last seal out of a wholly sealed ledger, with every trace of its batches.
    pub async fn cut(&self) {
        let sql = "SELECT * FROM seal ORDER BY position DESC LIMIT 1";
        let last = &self.all(sql, vec![]).await[0];
        let legs = "DELETE FROM leg WHERE transfer_id IN \
                    (SELECT id FROM transfer WHERE batch_id = $1)";
        for batch in sealed(last).batches() {
            assert!(!self.digests(*batch).await.is_empty());
            for sql in [legs, "DELETE FROM transfer WHERE batch_id = $1"] {
                self.all(sql, vec![(*batch).into()]).await;
            }
        }
        let last: i64 = last.try_get("", "position").unwrap();
        self.all("DELETE FROM seal WHERE position = $1", vec![last.into()]).await;
        let rows = self.all("SELECT * FROM seal ORDER BY position DESC LIMIT 1", vec![]).await;
        let hash: Vec<u8> = rows[0].try_get("", "hash").unwrap();
        self.end_chain_at(rows[0].try_get("", "position").unwrap(), hash.try_into().unwrap()).await;
        self.rebalance().await;
    }
}

fn bit_flipped(chance: &mut StdRng, mut bytes: Vec<u8>) -> Vec<u8> {
    let at = chance.random_range(0..bytes.len());
    bytes[at] ^= 1 << chance.random_range(0..8);
    bytes
}

fn sealed(row: &QueryResult) -> Sealed {
    match row.try_get::<Option<Vec<u8>>>("", "batches").unwrap() {
        None => Sealed::Batch(row.try_get("", "batch_id").unwrap()),
        Some(list) => {
            Sealed::Turn(list.chunks(16).map(|id| Uuid::from_slice(id).unwrap()).collect())
        }
    }
}

/// Random postings, at most `most` in a commit, all sealed, at most three batches under one seal.
/// Answers how many seals there are.
pub async fn history(db: &TestDb, chance: &mut StdRng, postings: u32, most: usize) -> usize {
    let (mut next, mut seals) = (0, 0);
    while next < postings {
        for _ in 0..chance.random_range(1..=3) {
            let mut transfers = Vec::new();
            for _ in 0..chance.random_range(1..=most) {
                let act = Act { fact: true, ..Act::random(chance, 20, 0) };
                transfers.push(Act { reference: next, ..act }.transfer(SCHOOL, 0));
                next += 1;
            }
            commit(&db.db, &transfers).await.unwrap();
        }
        assert!(seal_some(&db.db, SCHOOL).await > 0);
        seals += 1;
    }
    seals
}
