//! What a provider's message does, held against every row of the database and the student's money.

use onecard::ledger::account::SchoolAccount;
use std::collections::BTreeMap;
use testkit::{Student, World};

/// Those that messages open. That the sandbox refuses to give back what was never paid may be told at any
/// time.
const CASES: &str = "review_case WHERE subject NOT LIKE 'refund_refused:%'";

/// Every row, by table.
pub type Everything = BTreeMap<String, Vec<String>>;

/// What messages do.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// Not one row changes.
    Nothing,
    /// The order is paid, once.
    PostsOnce,
    /// The order is paid once, and what came besides is in suspense, with a case of that name.
    PostsOnceAndSuspends(&'static str),
    /// Nothing is posted: the message is kept, with a case of that name.
    Kept(&'static str),
    /// Nothing is posted and no case is opened: the message is recorded with that verdict.
    Recorded(&'static str),
}

/// Where a trap is walked into.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub world: &'a World,
    pub student: &'a Student,
    /// The trap's name.
    pub trap: &'static str,
}

impl Seen<'_> {
    /// Every row, once no background work changes them.
    pub async fn everything_at_rest(&self) -> Everything {
        self.world.at_rest().await;
        self.world.rows.everything().await
    }
}

/// What one student has paid through one provider, trap by trap.
pub struct Tally {
    provider: &'static str,
    /// What every order is for, in fen.
    amount: i64,
    /// What the student has, in fen.
    credited: i64,
    suspended: i64,
}

impl Tally {
    pub const fn of(provider: &'static str, amount: i64) -> Self {
        Self { provider, amount, credited: 0, suspended: 0 }
    }

    /// What the provider has taken, in fen.
    pub const fn received(&self) -> i64 {
        self.credited + self.suspended
    }

    /// Asserts that messages about the payment with this number had this effect.
    pub async fn check(
        &mut self,
        seen: Seen<'_>,
        effect: Effect,
        before: &Everything,
        number: &str,
    ) {
        let cases = before["review_case"].iter();
        let cases = cases.filter(|row| !row.contains("refund_refused")).count();
        match effect {
            Effect::Nothing => {
                assert_eq!(&seen.world.rows.everything().await, before, "{}", seen.trap);
            }
            Effect::PostsOnce => self.credited += self.amount,
            Effect::PostsOnceAndSuspends(why) => {
                self.credited += self.amount;
                self.suspended += self.amount;
                self.assert_new_case(seen, cases, why).await;
            }
            Effect::Kept(why) => {
                self.assert_new_case(seen, cases, why).await;
                assert_recorded(seen, number, "disagrees").await;
            }
            Effect::Recorded(verdict) => {
                let cases_now = seen.world.rows.count(CASES).await;
                assert_eq!(usize::try_from(cases_now), Ok(cases), "{}", seen.trap);
                assert_recorded(seen, number, verdict).await;
            }
        }
        self.assert_money(seen).await;
    }

    /// Asserts that the true message, which followed, paid the order if nothing had before.
    pub async fn truth_told(&mut self, seen: Seen<'_>, effect: Effect) {
        if matches!(effect, Effect::Nothing | Effect::Kept(_) | Effect::Recorded(_)) {
            self.credited += self.amount;
        }
        self.assert_money(seen).await;
    }

    async fn assert_new_case(&self, seen: Seen<'_>, before: usize, why: &str) {
        let cases = format!("SELECT subject FROM {CASES} ORDER BY opened_at");
        let cases = seen.world.rows.texts(&cases).await;
        assert_eq!(cases.len(), before + 1, "{}", seen.trap);
        let newest = cases.last().unwrap();
        let subject = format!("{why}:{}:", self.provider);
        assert!(newest.starts_with(&subject), "{}: {newest}", seen.trap);
    }

    async fn assert_money(&self, seen: Seen<'_>) {
        let total = self.credited;
        assert_eq!(seen.student.balances().await, [0, 0, total, total], "{}", seen.trap);
        let suspense = seen.world.school_balance("xnec", SchoolAccount::Suspense).await;
        assert_eq!(suspense, self.suspended, "{}", seen.trap);
    }
}

async fn assert_recorded(seen: Seen<'_>, number: &str, verdict: &str) {
    let payment = number.parse().unwrap();
    assert_eq!(seen.world.rows.payment_state(payment).await, "open", "{}", seen.trap);
    let newest = "SELECT verdict FROM notification ORDER BY received_at DESC LIMIT 1";
    assert_eq!(seen.world.rows.texts(newest).await, [verdict], "{}", seen.trap);
}
