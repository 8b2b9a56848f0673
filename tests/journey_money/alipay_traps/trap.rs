//! A trap, and the course that runs one after the other.

use crate::journey_money::effects::{Effect, Seen, Tally};
use sandbox::alipay::TradeView;
use testkit::{AlipayForge, Letter, Notice, Student, TestDb, Trade, World, wish_by};

/// What every order of the course is for, in fen.
pub const AMOUNT: i64 = 100;

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// What is tried.
    pub name: &'static str,
    /// Where it goes.
    pub school: &'static str,
    /// The messages, sent one after the other.
    pub make: fn(&Scene<'_>) -> Vec<Letter>,
    /// Whether each is answered with `success`, else with `fail`.
    pub taken: bool,
    /// What they do together.
    pub effect: Effect,
}

/// Refused like any message that is not believed.
pub const fn refused(name: &'static str, make: fn(&Scene<'_>) -> Vec<Letter>) -> Trap {
    Trap { name, school: "xnec", make, taken: false, effect: Effect::Nothing }
}

const fn taken(name: &'static str, effect: Effect, make: fn(&Scene<'_>) -> Vec<Letter>) -> Trap {
    Trap { name, school: "xnec", make, taken: true, effect }
}

/// Taken, and the order is paid.
pub const fn posts(name: &'static str, make: fn(&Scene<'_>) -> Vec<Letter>) -> Trap {
    taken(name, Effect::PostsOnce, make)
}

/// Taken and kept.
pub const fn kept(
    name: &'static str,
    why: &'static str,
    make: fn(&Scene<'_>) -> Vec<Letter>,
) -> Trap {
    taken(name, Effect::Kept(why), make)
}

/// Acknowledged and recorded, without any effect on the order.
pub const fn recorded(
    name: &'static str,
    verdict: &'static str,
    make: fn(&Scene<'_>) -> Vec<Letter>,
) -> Trap {
    taken(name, Effect::Recorded(verdict), make)
}

/// What a row makes its messages of.
pub struct Scene<'a> {
    /// Makes and signs.
    pub forge: &'a AlipayForge,
    /// The trade of the row's order, not yet paid.
    pub trade: &'a TradeView,
    /// Different for every row.
    pub id: String,
}

impl Scene<'_> {
    /// What would tell truly of the trade.
    pub fn truth(&self) -> Notice {
        self.truth_as(&self.id)
    }

    /// The truth under another id of the message.
    pub fn truth_as(&self, id: &str) -> Notice {
        let trade = Trade {
            out_trade_no: &self.trade.out_trade_no,
            trade_no: &self.trade.trade_no,
            buyer_open_id: &self.trade.open_id,
            total_fen: self.trade.total_fen,
        };
        self.forge.paid(id, trade)
    }

    /// The whole true message.
    pub fn good(&self) -> Letter {
        self.forge.signed(&self.truth())
    }

    /// The true message but for one parameter, signed.
    pub fn lie(&self, name: &str, value: &str) -> Vec<Letter> {
        self.signed(&self.truth().with(name, value))
    }

    /// The true message without a parameter, signed.
    pub fn lacking(&self, name: &str) -> Vec<Letter> {
        self.signed(&self.truth().without(name))
    }

    /// A message of these parameters, signed.
    pub fn signed(&self, notice: &Notice) -> Vec<Letter> {
        vec![self.forge.signed(notice)]
    }

    /// Another number of Alipay's for the same payment.
    pub fn other_trade_no(&self) -> String {
        let (start, _) = self.trade.trade_no.split_at(self.trade.trade_no.len() - 4);
        format!("{start}zzzz")
    }
}

/// A world in which one trap follows another.
pub struct Course {
    world: World,
    student: Student,
    forge: AlipayForge,
    rows: usize,
    tally: Tally,
}

impl Course {
    pub async fn start(db: &TestDb) -> Self {
        let world = World::start(db).await;
        Self {
            student: world.alipay_student(0).await,
            world,
            forge: AlipayForge::with_sandbox_keys(),
            rows: 0,
            tally: Tally::of("alipay", AMOUNT),
        }
    }

    /// Walks into a trap, and then tells the truth.
    pub async fn run(&mut self, trap: &Trap) {
        self.rows += 1;
        let key = format!("row-{}", self.rows);
        let order = self.order(&key).await;
        let number = self.world.out_trade_no(&order).await;
        let trade = self.world.alipay().payment(&number).unwrap();
        let scene = Scene { forge: &self.forge, trade: &trade, id: key.clone() };
        let seen = Seen { world: &self.world, student: &self.student, trap: trap.name };
        let before = seen.everything_at_rest().await;
        for letter in (trap.make)(&scene) {
            self.send(trap, &letter).await;
        }
        let truth = self.forge.signed(&scene.truth_as(&format!("{key}-truth")));
        self.tally.check(seen, trap.effect, &before, &number).await;
        let answer = truth.send(&self.world.api(), "xnec").await;
        assert_eq!(answer.text(), "success", "{}: the truth", trap.name);
        self.tally.truth_told(seen, trap.effect).await;
        // What came besides is to go back.
        let suspends = matches!(trap.effect, Effect::PostsOnceAndSuspends(_));
        let shown = if suspends { "refunding" } else { "fulfilled" };
        assert_eq!(self.student.order_again(&order).await["state"], shown, "{}", trap.name);
    }

    async fn order(&self, key: &str) -> serde_json::Value {
        let order =
            self.student.order_with(&wish_by("alipay", AMOUNT), key).await.unwrap().body(201);
        assert_eq!(order["pay"]["provider"], "alipay");
        order
    }

    /// Whatever was wrong, the sender learns nothing but that.
    async fn send(&self, trap: &Trap, letter: &Letter) {
        let answer = letter.send(&self.world.api(), trap.school).await;
        assert_eq!(answer.status, 200, "{}: {}", trap.name, answer.text());
        assert!(answer.header("x-request-id").is_some(), "{}", trap.name);
        let word = if trap.taken { "success" } else { "fail" };
        assert_eq!(answer.text(), word, "{}", trap.name);
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("text/plain"), "{}: {kind}", trap.name);
    }

    /// Every law of the ledger holds.
    pub async fn end(self) {
        self.world.assert_books_of("alipay", self.tally.received()).await;
    }
}
