//! Charges that are decided without locks and under locks leave the same rows: the same requests go
//! both ways, each on its own copy of one database, and every row of every table is compared.

use crate::spend::{
    counter::{Counter, NOW, code},
    phone::Phone,
    shop::{self, D0, D3},
};
use onecard::{
    base::{
        clock::Clock,
        db::{Db, DbError, DbSettings, Source, Tx},
        lane::Batch,
    },
    cards::charges,
    ledger::{
        LedgerError, LockedAccounts, UnlockedAccounts,
        account::{Account, SchoolAccount},
    },
    passcode::{EndReason, Scan, Wallet, end_devices},
    schools::School,
    spend::{ChargeRequest, Proof, charging::Charging},
    terminals::seq::NumberedRequest,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};
use testkit::{Rows, TestDb, on_each_database, on_postgres};

/// Without locks there is nothing but PostgreSQL.
mod postgres_only {
    #[tokio::test]
    async fn the_same_charges_leave_the_same_rows_both_ways() {
        super::on_postgres(super::the_same_charges_leave_the_same_rows_both_ways).await;
    }

    #[tokio::test]
    async fn what_is_unusual_is_left_to_the_locks() {
        super::on_postgres(super::what_is_unusual_is_left_to_the_locks).await;
    }
}

/// Spent of a meal and of a day, a card that may be overdrawn, a password at each scan.
const POLICIES: [&str; 4] = ["", D0, D3, "[spend]\ncard_balance = true\nshow_balance = true\n"];
const TILL: u128 = 7;
/// What the requests of [`one_of_each`] are answered, under one policy or another.
const REPLIES: [&str; 13] = [
    "account_closed",
    "account_dormant",
    "account_expired",
    "account_in_debt",
    "account_lost",
    "balance_insufficient",
    "code_clock_skew",
    "code_invalid",
    "code_used",
    "code_wrong_purpose",
    "limit_meal",
    "ok",
    "password_required",
];

async fn the_same_charges_leave_the_same_rows_both_ways(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    prepare(&counter).await;
    let requests = one_of_each(&counter);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for policy in POLICIES {
        let school =
            Arc::new(School { policy: shop::policy(policy), ..counter.school.as_ref().clone() });
        let at_school = |request: &ChargeRequest| ChargeRequest {
            school: Arc::clone(&school),
            ..request.clone()
        };
        let requests: Vec<ChargeRequest> = requests.iter().map(at_school).collect();
        let (unlocked, locked) = (Copy::of(db, "unlocked").await, Copy::of(db, "locked").await);
        assert_eq!(unlocked.rows.everything().await, locked.rows.everything().await);
        let at_once = unlocked.charging(&counter).charge_at_once(&requests).await.unwrap();
        let at_once = at_once.expect("the usual batch");
        let under_locks = locked.charging(&counter).charge_under_locks(&requests).await.unwrap();
        let told = at_once.replies.iter().map(code).collect::<Vec<_>>();
        assert_eq!(told, under_locks.replies.iter().map(code).collect::<Vec<_>>(), "{policy}");
        assert_eq!(at_once.used, under_locks.used, "{policy}");
        for told in told {
            *seen.entry(told).or_default() += 1;
        }
        let (one, other) = (unlocked.rows_without_ids().await, locked.rows_without_ids().await);
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (table, rows) in &one {
            assert_eq!(rows, &other[table], "{policy}: rows of {table}");
        }
        unlocked.is_sound().await;
        locked.is_sound().await;
        unlocked.remove().await;
        locked.remove().await;
    }
    println!("{seen:?}");
    assert_eq!(seen.keys().collect::<Vec<_>>(), REPLIES, "each of them was compared");
}

/// Opens the merchant's account, gives everybody something spent before, and stops some cards.
async fn prepare(counter: &Counter) {
    let charging = counter.charging();
    for phone in 0..6 {
        charging.run(&[counter.scan(phone, TILL, 100)]).await.unwrap();
    }
    let (_, debtor) = counter.person(1);
    shop::fact(&counter.world.db, counter.person(1), -10_000).await;
    let stopped = ["lost_at = 1", "dormant_at = 1", "valid_until = 1", "status = 'closed'"];
    for (n, what) in stopped.iter().enumerate() {
        let (_, person) = counter.person(n + 2);
        assert_ne!(person, debtor);
        let sql = format!("UPDATE person SET {what} WHERE id = $1");
        assert_eq!(counter.world.rows.change(&sql, [person.uuid().into()]).await, 1);
    }
}

/// Somebody pays several times, others may not pay, and some codes are no good.
fn one_of_each(counter: &Counter) -> Vec<ChargeRequest> {
    let skewed = {
        let scan = counter.scan(0, TILL, 5);
        let Proof::Scan(Scan::Good(shown)) = scan.proof else { panic!("not a good scan") };
        ChargeRequest { proof: Proof::Scan(Scan::Skewed(shown)), ..scan }
    };
    let slips = [
        Scan::Used,
        Scan::WrongPurpose,
        Scan::Invalid,
        Scan::Foreign(Wallet::Alipay),
        Scan::NotACode,
    ];
    let slips = (900..).zip(slips).map(|(n, scan)| counter.asking(scan, (TILL, n), 10));
    let mut requests = vec![
        counter.scan(0, TILL, 1250),
        counter.scan(0, TILL + 1, 700),
        skewed,
        counter.scan(0, TILL, 50_000),
        counter.scan(0, TILL, 2900),
        counter.scan(0, TILL, 1),
    ];
    requests.extend((1..6).map(|phone| counter.scan(phone, TILL, 100)));
    requests.extend(slips);
    requests
}

/// Each of these is no usual batch: nothing is written without locks, and it is decided under them.
async fn what_is_unusual_is_left_to_the_locks(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let charging = counter.charging();
    let rows = &counter.world.rows;
    let first = [counter.scan(0, TILL, 100)];
    let (school, person) = counter.person(2);
    let ended = Phone::of(&counter.world.db, (school, "xnec"), person).await;
    let now = counter.clock.now();
    let end =
        counter.world.db.in_tx(async |tx| end_devices(tx, person, EndReason::Lost, now).await);
    end.await.unwrap();
    let with = |proof: &Proof, seq| ChargeRequest {
        proof: proof.clone(),
        ..counter.asking(Scan::Invalid, (TILL, seq), 100)
    };
    let nonce = {
        let request = counter.scan(1, TILL, 100);
        let nonce = first[0].asked.nonce.clone();
        ChargeRequest { asked: NumberedRequest { nonce, ..request.asked }, ..request }
    };
    let twice = counter.scan(1, TILL, 100);
    let late = counter.scan(1, TILL, 100);
    let late = ChargeRequest { looked_at: NOW.minus(Duration::from_mins(1)), ..late };
    let password = Proof::Password { challenge: None, right: None };
    let cases = [
        ("the merchant has no account yet", first.to_vec(), "ok"),
        ("a repeat", first.to_vec(), "ok"),
        ("a nonce that was used", vec![nonce], "NonceReused"),
        ("a code that was used", vec![with(&first[0].proof, 901)], "code_used"),
        (
            "a device that ended",
            vec![counter.asking(Scan::Good(ended.shown(0)), (TILL, 902), 100)],
            "code_invalid",
        ),
        ("one code twice", vec![twice.clone(), with(&twice.proof, 903)], "ok"),
        ("a password", vec![with(&password, 904)], "challenge_invalid"),
        ("too late", vec![late], "Late"),
    ];
    for (what, batch, told) in cases {
        let before = rows.everything().await;
        assert!(charging.charge_at_once(&batch).await.unwrap().is_none(), "{what}");
        assert_eq!(rows.everything().await, before, "{what}: nothing was written");
        let done = charging.charge_under_locks(&batch).await.unwrap();
        assert_eq!(code(&done.replies[0]), told, "{what}");
    }
    shop::is_sound(&counter.world).await;
}

/// A copy of a database.
pub struct Copy {
    name: String,
    pub db: Db,
    rows: Rows,
}

impl Copy {
    /// Of what is committed there. Connections to the original are ended: only its pool opens new ones.
    pub async fn of(original: &TestDb, what: &str) -> Self {
        let (host, from) = original.url.rsplit_once('/').unwrap();
        let name = format!("{from}_{what}");
        let admin = admin().await;
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'"
        );
        admin.execute_unprepared(&end).await.unwrap();
        let copy = format!("CREATE DATABASE {name} TEMPLATE {from}");
        admin.execute_unprepared(&copy).await.unwrap();
        let url = format!("{host}/{name}");
        let settings =
            DbSettings { url: url.clone(), max_connections: 2, ..original.db.settings().clone() };
        Self { name, db: Db::connect(settings).await.unwrap(), rows: Rows::of(&url).await }
    }
}

impl Copy {
    /// What decides charges of the counter here.
    fn charging(&self, counter: &Counter) -> Charging {
        Charging { db: self.db.clone(), ..counter.charging() }
    }

    /// Everything that is stored, with what is drawn at random named after what it stands for.
    /// `verify` holds that digests are those of their rows.
    pub async fn rows_without_ids(&self) -> BTreeMap<String, Vec<String>> {
        let mut names = Vec::new();
        for drawn in DRAWN {
            for drawn in self.rows.texts(drawn).await {
                let (value, name) = drawn.split_once(' ').unwrap();
                names.push((value.to_owned(), name.to_owned()));
                // As it stands within the bytes of an answer.
                let bytes = value.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
                let bytes = bytes.filter_map(|half| char::from_digit(half.into(), 16)).collect();
                names.push((bytes, name.to_owned()));
            }
        }
        let mut everything = self.rows.everything().await;
        for rows in everything.values_mut() {
            for row in rows.iter_mut() {
                for (value, name) in &names {
                    *row = row.replace(value, name);
                }
            }
            rows.sort_unstable();
        }
        everything
    }

    async fn is_sound(&self) {
        let report = testkit::report(&self.db).await;
        assert!(report.is_clean(), "{report}");
    }

    pub async fn remove(self) {
        let remove = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        admin().await.execute_unprepared(&remove).await.unwrap();
    }
}

/// What is drawn at random when charges are decided, and digests over that, each with a name.
const DRAWN: [&str; 7] = [
    "SELECT id || ' transfer-' || kind || reference FROM transfer",
    "SELECT ENCODE(digest, 'hex') || ' digest-' || kind || reference FROM transfer",
    "SELECT batch_id || ' batch-' || MIN(kind || reference) FROM transfer GROUP BY batch_id",
    "SELECT ENCODE(u.digest, 'hex') || ' batch-digest-' || MIN(t.kind || t.reference) \
     FROM unsealed u JOIN transfer t ON t.batch_id = u.batch_id GROUP BY u.digest",
    "SELECT id || ' charge-' || terminal_id || seq FROM charge",
    "SELECT id || ' challenge-' || terminal_id || seq FROM charge_challenge",
    "SELECT id || ' entry-' || place_id || device_id || shown_at || sub FROM access_log",
];

async fn admin() -> DatabaseConnection {
    Database::connect(std::env::var("ONECARD_TEST_PG").unwrap()).await.unwrap()
}

on_each_database!(a_lost_compare_and_set_names_its_table);

/// Whichever way it is written; and then nothing is.
async fn a_lost_compare_and_set_names_its_table(db: &TestDb) {
    let counter = Counter::open(db, "", 10_000).await;
    let (world, person) = (&counter.world, counter.person(0));
    let persons = || HashSet::from([person]);
    let transfers = [shop::opening(person, 1)];
    // A charge that was never made cannot be taken back.
    let beside = || vec![charges::write_of_reversal((uuid::Uuid::nil(), 1), NOW)];
    let before = world.rows.everything().await;
    let locked = async |tx: &Tx| {
        let accounts = LockedAccounts::lock(tx, persons(), &[]).await?;
        accounts.post(tx, NOW, &transfers, beside()).await
    };
    let mut lost = vec![world.db.in_tx_once(locked).await];
    if !world.db.is_sqlite() {
        let payee = (person.0, Account::School(SchoolAccount::Opening));
        let question = UnlockedAccounts::question(&persons(), &[payee]);
        let [answer] = Source::Db(&world.db).ask([question]).await.unwrap();
        let accounts = UnlockedAccounts::of(persons(), &answer).unwrap();
        lost.push(accounts.post(&world.db, NOW, &transfers, beside()).await);
    }
    for lost in lost {
        let raced = matches!(lost, Err(LedgerError::Db(DbError::Raced { table: "charge" })));
        assert!(raced, "{lost:?}");
    }
    assert_eq!(world.rows.everything().await, before);
}
