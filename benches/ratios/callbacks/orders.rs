//! Two databases on the same PostgreSQL with the same orders: one for each program.

use super::{Told, letters::Mint};
use crate::{
    database::{CHUNK, fresh_database, rows, school_of, sign_rows},
    postings::Failure,
};
use onecard::base::clock::{Clock, SystemClock};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use std::path::Path;
use uuid::Uuid;

/// The school that is paid.
pub const SCHOOL: &str = "xnec";
const AMOUNT_FEN: i64 = 5000;
/// The year 2200, in microseconds, so that the sweep never checks these payments.
const NEVER: i64 = 7_258_118_400_000_000;

/// An order that awaits its callback.
#[derive(Clone, Debug)]
pub struct Made {
    pub payment: Uuid,
    order: Uuid,
    person: Uuid,
    pub payer: String,
    pub amount_fen: i64,
}

/// The orders, and the databases that hold them.
pub struct Orders {
    made: Vec<Made>,
    /// The server's database.
    pub onecard_url: String,
    /// The reference's database.
    pub node_url: String,
    onecard: DatabaseConnection,
    node: DatabaseConnection,
    /// The school's number, the same in both.
    pub school: i64,
}

impl Orders {
    /// Creates this many orders of this many persons.
    pub async fn make(
        server: &str,
        mint: &Mint,
        persons: usize,
        orders: usize,
    ) -> Result<Self, Failure> {
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schools/{SCHOOL}.toml"));
        let code = mint.by.code();
        let onecard_url = fresh_database(server, &format!("{code}_onecard"), &policy).await?;
        let node_url = fresh_database(server, &format!("{code}_node"), &policy).await?;
        let onecard = Database::connect(&onecard_url).await?;
        let node = Database::connect(&node_url).await?;
        let school = school_of(&onecard, SCHOOL).await?;
        if school_of(&node, SCHOOL).await? != school {
            return Err("the school has two numbers".into());
        }
        let persons: Vec<Uuid> = (0..persons).map(|_| Uuid::now_v7()).collect();
        let made = persons.iter().cycle().take(orders).map(|person| Made {
            payment: Uuid::now_v7(),
            order: Uuid::now_v7(),
            person: *person,
            payer: format!("o{}", person.simple()),
            amount_fen: AMOUNT_FEN,
        });
        let made: Vec<Made> = made.collect();
        for db in [&onecard, &node] {
            insert(db, &made, school, mint).await?;
        }
        sign_rows(&onecard_url).await?;
        open_accounts(&node, &persons, school).await?;
        for db in [&onecard, &node] {
            db.execute_unprepared("ANALYZE").await?;
        }
        Ok(Self { made, onecard_url, node_url, onecard, node, school })
    }

    /// A range of the orders.
    pub fn of(&self, first: usize, count: usize) -> Result<Told<'_>, Failure> {
        self.made.get(first..first + count).ok_or_else(|| "there are not so many orders".into())
    }

    /// Checks that both did all the work: every payment is paid, every message stored, every amount
    /// posted.
    pub async fn check_that_all_are_paid(&self) -> Result<(), Failure> {
        let wanted = i64::try_from(self.made.len())?;
        let counts = "SELECT (SELECT COUNT(*) FROM payment p JOIN orders o ON o.id = p.order_id \
              WHERE p.state = 'paid' AND o.state = 'fulfilled') AS paid, \
            (SELECT COUNT(*) FROM notification) AS kept, \
            (SELECT COUNT(*) FROM transfer t JOIN leg l ON l.transfer_id = t.id) AS posted, \
            (SELECT CAST(COALESCE(SUM(balance_fen), 0) AS BIGINT) FROM account \
              WHERE class = 1) AS credited";
        for (name, db) in [("onecard", &self.onecard), ("node", &self.node)] {
            let statement = Statement::from_string(db.get_database_backend(), counts);
            let row = db.query_one_raw(statement).await?.ok_or("no counts")?;
            let count = |column| row.try_get::<i64>("", column);
            let done = [count("paid")?, count("kept")?, count("posted")?, count("credited")?];
            if done != [wanted, wanted, wanted, wanted * AMOUNT_FEN] {
                return Err(format!("{name}: of {wanted}: {done:?}").into());
            }
        }
        Ok(())
    }
}

async fn insert(
    db: &DatabaseConnection,
    made: Told<'_>,
    school: i64,
    mint: &Mint,
) -> Result<(), Failure> {
    let (now, code) = (SystemClock.now().micros(), mint.by.code());
    let (merchant, app_id) = mint.shop();
    for chunk in made.chunks(CHUNK) {
        let orders = rows(chunk, |Made { order, person, amount_fen, .. }| {
            format!(
                "'{order}', {school}, '{person}', 'card_top_up', {amount_fen}, \
                     'awaiting_payment', {now}, {NEVER}"
            )
        });
        let payments = rows(chunk, |Made { payment, order, payer, amount_fen, .. }| {
            format!(
                "'{payment}', '{order}', {school}, '{code}', '{merchant}', '{app_id}', \
                     '{payer}', {amount_fen}, 'open', {now}, {NEVER}"
            )
        });
        let sql = format!(
            "INSERT INTO orders (id, school_id, person_id, purpose, amount_fen, state, created_at, \
               expires_at) VALUES {orders}; \
             INSERT INTO payment (id, order_id, school_id, provider, merchant, app_id, payer, \
               amount_fen, state, created_at, look_at) VALUES {payments}"
        );
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Opens accounts for the reference, which needs existing ones; the server opens them in the
/// warm-up.
async fn open_accounts(
    db: &DatabaseConnection,
    persons: &[Uuid],
    school: i64,
) -> Result<(), Failure> {
    for chunk in persons.chunks(CHUNK) {
        let accounts = rows(chunk, |person| {
            format!("'{}', {school}, '{person}', 'e_account', 1, 0", Uuid::now_v7())
        });
        let columns = "id, school_id, person_id, path, class, balance_fen";
        let sql = format!("INSERT INTO account ({columns}) VALUES {accounts}");
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}
