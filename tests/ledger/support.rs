//! Words for transfers, and the proof at the end of a test.

use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Source, TxError},
        ids::{PersonId, SchoolId},
        lane::{Batch, Lanes},
        money::Fen,
    },
    ledger::{
        LedgerError, Outcome, Refusal, UnlockedAccounts,
        account::{Account, CardAccount, CardId, Name, PersonAccount, SchoolAccount},
        post_all, seal,
        transfer::{Kind, Leg, Nature, Transfer},
        verify::Report,
    },
};
use rand::{SeedableRng, rngs::StdRng};
use tokio_util::task::LocalPoolHandle;
use uuid::Uuid;

pub const SCHOOL: SchoolId = SchoolId::from_number(1);
pub const KIND: Kind = Kind::new("test");
pub const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// The person of that number, the same in every run.
pub fn person(n: u64) -> PersonId {
    PersonId::from_uuid(Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | n))
}

fn card(person: u64, n: u64) -> CardId {
    CardId::from_uuid(Uuid::from_u64_pair(
        0x0191_0000_0000_7000 | n,
        0x8000_0000_0000_0000 | person,
    ))
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// An account by a short word; a card's belongs to that person.
pub fn account(word: &str, person: u64) -> Account {
    use PersonAccount::{EAccount, Goods, Hold, Transition};
    match word {
        "e" => Account::Person(EAccount),
        "transition" => Account::Person(Transition),
        "hold" => Account::Person(Hold),
        "goods" => Account::Person(Goods),
        "card1" => Account::Card(card(person, 1), CardAccount::Card),
        "card2" => Account::Card(card(person, 2), CardAccount::Card),
        "writing1" => Account::Card(card(person, 1), CardAccount::Writing),
        "frozen2" => Account::Card(card(person, 2), CardAccount::Frozen),
        "wechat" => Account::School(SchoolAccount::Clearing(name("wechat_pay"))),
        "alipay" => Account::School(SchoolAccount::Clearing(name("alipay"))),
        "canteen" => Account::School(SchoolAccount::Merchant(name("canteen"))),
        "shop" => Account::School(SchoolAccount::Merchant(name("shop"))),
        "suspense" => Account::School(SchoolAccount::Suspense),
        other => panic!("no account is called {other}"),
    }
}

pub fn leg(from: Account, to: Account, fen: i64) -> Leg {
    Leg { from, to, amount: Fen::new(fen).unwrap() }
}

/// A transfer of one leg.
pub fn simple(reference: &str, nature: Nature, of: u64, legs: Vec<Leg>) -> Transfer {
    Transfer {
        school: SCHOOL,
        person: Some(person(of)),
        kind: KIND,
        reference: reference.to_owned(),
        nature,
        value_day: NOW.day(),
        legs,
    }
}

/// Money that came in for a person.
pub fn top_up(reference: &str, of: u64, fen: i64) -> Transfer {
    simple(reference, Nature::Fact, of, vec![leg(account("wechat", of), account("e", of), fen)])
}

/// A person pays at the canteen.
pub fn spend(reference: &str, of: u64, fen: i64) -> Transfer {
    let legs = vec![
        leg(account("e", of), account("transition", of), fen),
        leg(account("transition", of), account("canteen", of), fen),
    ];
    simple(reference, Nature::Command, of, legs)
}

/// The same on another day: other content under the same reference.
pub fn on_day(transfer: Transfer, day: i32) -> Transfer {
    Transfer { value_day: Day::from_number(day), ..transfer }
}

/// Posts in one commit.
pub async fn commit(db: &Db, transfers: &[Transfer]) -> Result<Vec<Outcome>, LedgerError> {
    db.in_tx(async |tx| post_all(tx, NOW, transfers).await).await
}

/// What lanes do with transfers that stand alone: as charges, without locks where the database has
/// row locks, and where that does not hold, as settled payments.
pub struct Posting(Db);

/// Lanes that post.
pub fn lanes(db: &Db, lanes: usize) -> Lanes<Posting> {
    Lanes::start(&LocalPoolHandle::new(1), Posting(db.clone()), lanes, 64)
}

#[async_trait(?Send)]
impl Batch for Posting {
    type Request = Transfer;
    type Answer = Result<(), Refusal>;
    type Error = LedgerError;

    async fn run(&self, transfers: &[Transfer]) -> Result<Vec<Self::Answer>, LedgerError> {
        if !self.0.is_sqlite() {
            match without_locks(&self.0, transfers).await {
                Ok(()) => return Ok(vec![Ok(()); transfers.len()]),
                // A refusal may be a repeat, of what was posted before.
                Err(LedgerError::Refused(_)) => {}
                Err(error) if error.db().is_some_and(DbError::is_transient) => {}
                Err(error) => return Err(error),
            }
        }
        let outcomes = commit(&self.0, transfers).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.map(drop)).collect())
    }

    fn is_unreachable(error: &LedgerError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

async fn without_locks(db: &Db, transfers: &[Transfer]) -> Result<(), LedgerError> {
    let persons = transfers.iter().filter_map(|t| Some((t.school, t.person?))).collect();
    let ends = transfers.iter().flat_map(|t| {
        t.legs.iter().flat_map(|leg| [(t.school, leg.from.clone()), (t.school, leg.to.clone())])
    });
    let question = UnlockedAccounts::question(&persons, &ends.collect::<Vec<_>>());
    let [accounts] = Source::Db(db).ask([question]).await?;
    UnlockedAccounts::of(persons, &accounts)?.post(db, NOW, transfers, vec![]).await
}

/// Seals at most a thousand batches of the school.
pub async fn seal_some(db: &Db, school: SchoolId) -> usize {
    seal::seal_some(db, school, NOW).await.unwrap()
}

/// The report of `verify`, which must be clean.
pub async fn proven(db: &Db) -> Report {
    let report = testkit::report(db).await;
    assert!(report.is_clean(), "{report}");
    report
}

pub fn long_run() -> bool {
    std::env::var("ONECARD_LONG").is_ok_and(|value| value == "1")
}

/// Chance that can be repeated: prints its seed, takes it from `ONECARD_SEED` if that is set.
pub fn chance(test: &str) -> StdRng {
    let seed = match std::env::var("ONECARD_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => Uuid::new_v4().as_u64_pair().0,
    };
    println!("{test}: ONECARD_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
