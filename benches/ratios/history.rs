//! A long history of charges, inserted in bulk with SQL: every digest, balance and row fits, as if
//! tills had charged one after the other, each charge in a batch of its own. The sealer of the server
//! seals it.

use crate::{
    database::{CHUNK, fresh_database, rows, school_of, settings, sign_rows},
    postings::Failure,
};
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        db::Db,
        ids::{PersonId, SchoolId, uuid_at},
        money::Fen,
    },
    cards::Drawn,
    ledger::{
        account::{Account, PersonAccount},
        post_all, seal,
        transfer::{KeyedLeg, Leg, Record, Transfer, TransferId, batch_digest},
    },
    orders::{
        fact::Provider,
        order::{Order, OrderId, OrderState},
        purpose::Purpose,
    },
    payments::postings::{Receipt, received},
    spend::postings::{Parties, merchant_account, spent},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::{path::Path, time::Duration};
use uuid::Uuid;

const SCHOOL: &str = "xnec";
const PERSONS: u64 = 20_000;
const MERCHANTS: usize = 8;
const TILLS: usize = 40;
/// What everybody topped up, and what each charge takes, in fen.
const TOPPED_UP: i64 = 10_000_000;
const CHARGED: i64 = 100;
/// Between two charges.
const PACE: Duration = Duration::from_millis(4320);

pub struct History {
    pub url: String,
    db: Db,
    raw: DatabaseConnection,
    school: SchoolId,
    persons: Vec<PersonId>,
    merchants: Vec<(Uuid, Account)>,
    tills: Vec<Uuid>,
    next: usize,
    now: Timestamp,
}

impl History {
    /// A school whose people have topped up once, as before evidence was kept.
    pub async fn make(server: &str, charges: usize) -> Result<Self, Failure> {
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schools/{SCHOOL}.toml"));
        let url = fresh_database(server, "history", &policy).await?;
        let raw = Database::connect(&url).await?;
        let school = SchoolId::from_number(school_of(&raw, SCHOOL).await?);
        let db = Db::connect(settings(url.clone(), 4)).await?;
        let length = PACE.saturating_mul(u32::try_from(charges)?);
        let now = SystemClock.now().minus(length);
        let persons = (0..PERSONS).map(|_| PersonId::new(now)).collect();
        let tills = (0..TILLS).map(|_| uuid_at(now)).collect();
        let merchants = Vec::new();
        let mut history = Self { url, db, raw, school, persons, merchants, tills, next: 0, now };
        history.add_merchants().await?;
        history.top_up().await?;
        sign_rows(&history.url).await?;
        Ok(history)
    }

    async fn add_merchants(&mut self) -> Result<(), Failure> {
        let (school, at) = (self.school, self.now.micros());
        for n in 0..MERCHANTS {
            let (id, code) = (uuid_at(self.now), format!("m{n}"));
            let account = merchant_account(&code)?;
            let row = account.row(school, None).ok_or("no row")?;
            let sql = format!(
                "INSERT INTO merchant (id, school_id, code, name, created_at) \
                 VALUES ('{id}', {number}, '{code}', '食堂', {at}); \
                 INSERT INTO account (id, school_id, path, class, balance_fen) \
                 VALUES ('{}', {number}, '{}', {}, 0)",
                row.id.uuid(),
                row.path,
                row.class.code(),
                number = school.number(),
            );
            self.raw.execute_unprepared(&sql).await?;
            self.merchants.push((id, account));
        }
        Ok(())
    }

    async fn top_up(&self) -> Result<(), Failure> {
        let (school, at) = (self.school.number(), self.now.micros());
        for chunk in self.persons.chunks(CHUNK) {
            let paid: Vec<_> = chunk.iter().map(|p| (*p, OrderId::new(self.now))).collect();
            let orders = rows(&paid, |(person, id)| {
                let person = person.uuid();
                format!(
                    "'{id}', {school}, '{person}', 'card_top_up', {TOPPED_UP}, 'fulfilled', {at}, \
                     {at}, {at}"
                )
            });
            let payments = rows(&paid, |(_, id)| {
                let transaction = id.uuid().simple();
                format!(
                    "'{id}', '{id}', {school}, 'wechat_pay', '1900000000', 'wx', 'o', {TOPPED_UP}, \
                     'paid', '{transaction}', {at}, {at}"
                )
            });
            let sql = format!(
                "INSERT INTO orders (id, school_id, person_id, purpose, amount_fen, state, \
                 created_at, expires_at, paid_at) VALUES {orders}; \
                 INSERT INTO payment (id, order_id, school_id, provider, merchant, app_id, payer, \
                 amount_fen, state, transaction_id, created_at, paid_at) VALUES {payments}"
            );
            self.raw.execute_unprepared(&sql).await?;
            let transfers = paid.iter().map(|(person, id)| self.received(*person, *id));
            let transfers = transfers.collect::<Result<Vec<_>, _>>()?;
            let posted = self.db.in_tx(async |tx| post_all(tx, self.now, &transfers).await).await?;
            posted.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        let later = SystemClock.now().micros();
        self.raw.execute_unprepared(&format!("UPDATE evidence_start SET at = {later}")).await?;
        Ok(())
    }

    fn received(&self, person: PersonId, id: OrderId) -> Result<Transfer, Failure> {
        let amount = Fen::new(TOPPED_UP)?;
        let order = Order {
            id,
            school: self.school,
            person,
            purpose: Purpose::CardTopUp,
            amount,
            state: OrderState::Fulfilled { paid_at: self.now },
            created_at: self.now,
            expires_at: self.now,
        };
        let receipt = Receipt {
            provider: Provider::WechatPay,
            merchant: "1900000000",
            transaction_id: &id.uuid().simple().to_string(),
            amount,
            paid_at: self.now,
        };
        Ok(received(&order, receipt, Account::Person(PersonAccount::EAccount))?)
    }

    /// Adds charges, and seals them.
    pub async fn charge(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            let some = left.min(CHUNK);
            self.insert(some).await?;
            left -= some;
            seal::seal_all(&self.db, &SystemClock).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, count: usize) -> Result<(), Failure> {
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            made.push(self.next_charge()?);
        }
        let school = self.school.number();
        let (transfers, legs) = (transfers(school, &made), legs(&made));
        let batches = rows(&made, |made| {
            let digest = hex::encode(batch_digest(&[made.digest()]));
            format!("'{}', {school}, 1, '\\x{digest}'", made.record.batch)
        });
        let tails = rows(&made, |made| {
            let merchant = made.record.legs.last().map_or(Uuid::nil(), |leg| leg.to.uuid());
            format!("'{}', '{merchant}', {CHARGED}", made.record.batch)
        });
        let charges = charges(school, &made);
        let paid = rows(&made, |made| {
            let account = made.record.legs.first().map_or(Uuid::nil(), |leg| leg.from.uuid());
            format!("'{account}'::uuid")
        });
        let sql = format!(
            "BEGIN; \
             INSERT INTO transfer (id, school_id, batch_id, ordinal, kind, reference, person_id, \
             nature, at, value_day, digest) VALUES {transfers}; \
             INSERT INTO leg (transfer_id, ordinal, from_account, to_account, amount_fen) \
             VALUES {legs}; \
             INSERT INTO unsealed (batch_id, school_id, transfers, digest) VALUES {batches}; \
             INSERT INTO tail (batch_id, account_id, delta_fen) VALUES {tails}; \
             INSERT INTO charge (terminal_id, seq, id, school_id, day, person_id, merchant_id, \
             meal, amount_fen, from_e_account_fen, at) VALUES {charges}; \
             UPDATE account SET balance_fen = balance_fen - p.sum FROM \
             (SELECT id, COUNT(*) * {CHARGED} AS sum FROM (VALUES {paid}) AS v (id) GROUP BY id) p \
             WHERE account.id = p.id; \
             COMMIT"
        );
        self.raw.execute_unprepared(&sql).await?;
        Ok(())
    }

    fn next_charge(&mut self) -> Result<Made, Failure> {
        let n = self.next;
        self.next += 1;
        self.now = self.now.plus(PACE);
        let terminal = *self.tills.get(n % TILLS).ok_or("no till")?;
        let seq = i64::try_from(n / TILLS)? + 1;
        let (merchant, payee) = self.merchants.get(n % MERCHANTS).ok_or("no merchant")?;
        // A large step through the people, so that neighbours in time are not neighbours on disk.
        let person = n.wrapping_mul(7919) % self.persons.len();
        let person = *self.persons.get(person).ok_or("no person")?;
        let parties = Parties { school: self.school, person, act: (terminal, seq), payee };
        let amount = Fen::new(CHARGED)?;
        let transfer = spent(&parties, &Drawn { amount, from_e_account: amount }, self.now);
        let key = |account: &Account| {
            account.row(self.school, Some(person)).map(|row| row.id).ok_or("no person")
        };
        let leg = |leg: &Leg| -> Result<KeyedLeg, Failure> {
            Ok(KeyedLeg { from: key(&leg.from)?, to: key(&leg.to)?, amount: leg.amount })
        };
        let legs = transfer.legs.iter().map(leg).collect::<Result<_, _>>()?;
        let record = Record {
            id: TransferId::new(self.now),
            school: self.school,
            batch: uuid_at(self.now),
            ordinal: 0,
            kind: transfer.kind.name().to_owned(),
            reference: transfer.reference.clone(),
            person: Some(person),
            nature: transfer.nature.code(),
            at: self.now,
            value_day: transfer.value_day,
            legs,
        };
        Ok(Made { terminal, seq, merchant: *merchant, record })
    }
}

/// A charge with its posting.
struct Made {
    terminal: Uuid,
    seq: i64,
    merchant: Uuid,
    record: Record,
}

impl Made {
    fn digest(&self) -> [u8; 32] {
        self.record.digest()
    }
}

fn transfers(school: i64, made: &[Made]) -> String {
    rows(made, |made| {
        let Record { id, batch, reference, person, at, value_day, .. } = &made.record;
        let person = person.map_or(Uuid::nil(), PersonId::uuid);
        let (at, day, digest) = (at.micros(), value_day.number(), hex::encode(made.digest()));
        format!(
            "'{id}', {school}, '{batch}', 0, 'spent', '{reference}', '{person}', 1, {at}, \
             {day}, '\\x{digest}'"
        )
    })
}

fn legs(made: &[Made]) -> String {
    let legs: Vec<_> = made
        .iter()
        .flat_map(|made| made.record.legs.iter().enumerate().map(move |leg| (made.record.id, leg)))
        .collect();
    rows(&legs, |(id, (n, leg))| {
        let (from, to) = (leg.from.uuid(), leg.to.uuid());
        format!("'{id}', {n}, '{from}', '{to}', {}", leg.amount.get())
    })
}

fn charges(school: i64, made: &[Made]) -> String {
    rows(made, |made| {
        let Made { terminal, seq, merchant, record } = made;
        let person = record.person.map_or(Uuid::nil(), PersonId::uuid);
        let (at, day) = (record.at.micros(), record.value_day.number());
        format!(
            "'{terminal}', {seq}, '{}', {school}, {day}, '{person}', '{merchant}', 0, \
             {CHARGED}, {CHARGED}, {at}",
            record.id
        )
    })
}
