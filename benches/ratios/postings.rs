//! Durable postings per second; each caller is answered after its own commit, and the sealer runs.
//!
//! Lanes post like those of the server: like charges without locks ([`UnlockedAccounts`]), and if
//! that fails, like settled payments ([`post_all`]).
//!
//! A posting is a spend with two legs (电子账户 → 过渡余额 → merchant) by one of 10,000 persons at
//! one of eight merchants. It is a command, so the balance is checked.

#![expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "ratios are floats; no money is computed here"
)]

use crate::{database::settings, pgbench};
use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        db::{Db, DbError, Source, TxError},
        ids::{PersonId, SchoolId},
        lane::{Batch, Lanes},
        money::Fen,
    },
    ledger::{
        LedgerError, UnlockedAccounts,
        account::{Account, Name, PersonAccount, SchoolAccount},
        post_all, seal,
        transfer::{Kind, Leg, Nature, Transfer},
    },
};
use sea_orm::{ConnectionTrait, Database, Statement};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

const ROUNDS: usize = 5;
const SECONDS: u64 = 4;
const PERSONS: u64 = 10_000;
const MERCHANTS: u64 = 8;
/// The default of `ledger.lanes`, and the maximum batch size.
const LANES: usize = 2;
const BATCH: usize = onecard::spend::charging::BATCH;
const SPEND: Kind = Kind::new("bench_spend");
const GRANT: Kind = Kind::new("bench_grant");

pub type Failure = Box<dyn std::error::Error>;

struct Bench {
    lanes: Lanes<Posting>,
    persons: Vec<PersonId>,
    next: AtomicU64,
}

/// Measures alternately and prints a row for each number of callers.
pub async fn table(server: &str) -> Result<(), Failure> {
    let bench = Arc::new(Bench::start(server).await?);
    pgbench::prepare(server)?;
    let (mut reference, mut by_32, mut by_64) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        reference.push(pgbench::transactions_per_second(server, SECONDS)?);
        by_32.push(postings_per_second(&bench, 32).await?);
        by_64.push(postings_per_second(&bench, 64).await?);
    }
    let waiting = unsealed(server).await?;
    let reference = median(reference);
    let rows = [("32 callers", median(by_32), 2.0), ("64 callers", median(by_64), 3.0)];
    println!(
        "durable postings/s, sealer running, against pgbench tpcb-like (prepared, 16 clients)"
    );
    println!("  pgbench          {reference:>8.0}/s");
    for (name, figure, reach) in rows {
        println!(
            "  {name}       {figure:>8.0}/s   {:.2} x   (reach {reach} x)",
            figure / reference
        );
    }
    println!("  unsealed batches at the end: {waiting}");
    Ok(())
}

/// Posts batches of independent transfers.
struct Posting {
    db: Db,
    clock: Arc<dyn Clock>,
    sealer: Arc<Notify>,
}

#[async_trait(?Send)]
impl Batch for Posting {
    type Request = Transfer;
    type Answer = ();
    type Error = LedgerError;

    async fn run(&self, transfers: &[Transfer]) -> Result<Vec<()>, LedgerError> {
        let now = self.clock.now();
        match self.without_locks(now, transfers).await {
            Err(error) if error.db().is_some_and(DbError::is_transient) => {
                let locked = self.db.in_tx(async |tx| post_all(tx, now, transfers).await);
                locked.await?.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
            posted => posted?,
        }
        self.sealer.notify_one();
        Ok(vec![(); transfers.len()])
    }

    fn is_unreachable(error: &LedgerError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Posting {
    async fn without_locks(
        &self,
        now: Timestamp,
        transfers: &[Transfer],
    ) -> Result<(), LedgerError> {
        let persons = transfers.iter().filter_map(|t| Some((t.school, t.person?))).collect();
        let payees = transfers.iter().filter_map(|t| Some((t.school, t.legs.last()?.to.clone())));
        let payees: Vec<_> = payees.collect();
        let question = UnlockedAccounts::question(&persons, &payees);
        let [accounts] = Source::Db(&self.db).ask([question]).await?;
        UnlockedAccounts::of(persons, &accounts)?.post(&self.db, now, transfers, vec![]).await
    }
}

/// The number of unsealed batches.
async fn unsealed(server: &str) -> Result<i64, Failure> {
    let raw = Database::connect(server).await?;
    let count = "SELECT COUNT(*) FROM unsealed";
    let found = raw.query_one_raw(Statement::from_string(raw.get_database_backend(), count));
    Ok(found.await?.ok_or("no count")?.try_get_by_index(0)?)
}

impl Bench {
    async fn start(server: &str) -> Result<Self, Failure> {
        // Opens the connections on the lanes' thread, so that an answer wakes the waiting task
        // without a switch to another thread.
        let threads = LocalPoolHandle::new(1);
        let opened = settings(server.to_owned(), 8);
        let connected = threads.spawn_pinned(|| async move {
            let db = Db::connect(opened).await?;
            db.migrate().await?;
            Ok::<_, DbError>(db)
        });
        let db = connected.await??;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let wake = Arc::new(Notify::new());
        let posting =
            Posting { db: db.clone(), clock: Arc::clone(&clock), sealer: Arc::clone(&wake) };
        let lanes = Lanes::start(&threads, posting, LANES, BATCH);
        let sealing = (db.clone(), Arc::clone(&clock));
        threads.spawn_pinned(move || seal::run(sealing.0, sealing.1, wake));
        let persons = (0..PERSONS).map(|_| PersonId::new(clock.now())).collect();
        let bench = Self { lanes, persons, next: AtomicU64::new(0) };
        bench.grant().await?;
        Ok(bench)
    }

    /// Credits every person with enough money.
    async fn grant(&self) -> Result<(), Failure> {
        let mut tasks = tokio::task::JoinSet::new();
        for (n, person) in self.persons.iter().enumerate() {
            let (lanes, person) = (self.lanes.clone(), *person);
            tasks.spawn(async move {
                let leg = Leg {
                    from: Account::School(SchoolAccount::Opening),
                    to: Account::Person(PersonAccount::EAccount),
                    amount: Fen::new(100_000_000)?,
                };
                let transfer = transfer(GRANT, person, format!("{person}-{n}"), vec![leg]);
                lanes.submit(transfer).await.map_err(|e| e.to_string())?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done?.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn spend(&self) -> Result<Transfer, Failure> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let person = usize::try_from(spread % PERSONS)?;
        let person = *self.persons.get(person).ok_or("person")?;
        let merchant = Name::parse(&format!("m{}", spread % MERCHANTS))?;
        let amount = Fen::new(1250)?;
        let (e_account, transition) = (PersonAccount::EAccount, PersonAccount::Transition);
        let legs = vec![
            Leg { from: Account::Person(e_account), to: Account::Person(transition), amount },
            Leg {
                from: Account::Person(transition),
                to: Account::School(SchoolAccount::Merchant(merchant)),
                amount,
            },
        ];
        Ok(transfer(SPEND, person, format!("{person}-{n}"), legs))
    }
}

fn transfer(kind: Kind, person: PersonId, reference: String, legs: Vec<Leg>) -> Transfer {
    Transfer {
        school: SchoolId::from_number(1),
        person: Some(person),
        kind,
        reference,
        nature: Nature::Command,
        value_day: SystemClock.now().day(),
        legs,
    }
}

async fn postings_per_second(bench: &Arc<Bench>, callers: usize) -> Result<f64, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (bench, stop) = (Arc::clone(bench), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut posted = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let spend = bench.spend().map_err(|e| e.to_string())?;
                bench.lanes.submit(spend).await.map_err(|e| e.to_string())?;
                posted += 1;
            }
            Ok::<_, String>(posted)
        });
    }
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    stop.store(true, Ordering::Relaxed);
    let mut posted = 0;
    while let Some(done) = tasks.join_next().await {
        posted += done??;
    }
    Ok(posted as f64 / started.elapsed().as_secs_f64())
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
