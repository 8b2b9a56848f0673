//! A trap, and the course that runs one after the other.

use crate::journey_money::effects::{Effect, Seen, Tally};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::ledger::account::SchoolAccount;
use sandbox::wechat_pay::PaymentView;
use serde_json::Value;
use std::{fs, path::PathBuf};
use testkit::{Forge, Letter, Signer, Student, TestDb, World, envelope_of, transaction_id};

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
    /// The answer to each.
    pub status: u16,
    /// What they do together.
    pub effect: Effect,
}

/// Refused like any message that is not believed.
pub const fn refused(name: &'static str, make: fn(&Scene<'_>) -> Vec<Letter>) -> Trap {
    Trap { name, school: "xnec", make, status: 401, effect: Effect::Nothing }
}

/// Taken, and the order is paid.
pub const fn posts(name: &'static str, make: fn(&Scene<'_>) -> Vec<Letter>) -> Trap {
    Trap { name, school: "xnec", make, status: 204, effect: Effect::PostsOnce }
}

/// Taken and kept.
pub const fn kept(
    name: &'static str,
    why: &'static str,
    make: fn(&Scene<'_>) -> Vec<Letter>,
) -> Trap {
    Trap { name, school: "xnec", make, status: 204, effect: Effect::Kept(why) }
}

/// Acknowledged and recorded, without any effect on the order.
pub const fn recorded(
    name: &'static str,
    verdict: &'static str,
    make: fn(&Scene<'_>) -> Vec<Letter>,
) -> Trap {
    Trap { name, school: "xnec", make, status: 204, effect: Effect::Recorded(verdict) }
}

/// What a row makes its messages of.
pub struct Scene<'a> {
    /// Makes and signs.
    pub forge: &'a Forge,
    /// WeChat's platform certificate.
    pub platform: &'a Signer,
    /// A key of WeChat's that is known for another merchant only.
    pub elsewhere: &'a Signer,
    /// The payment of the row's order, not yet made.
    pub payment: &'a PaymentView,
    /// Different for every row.
    pub id: String,
}

impl Scene<'_> {
    /// The transaction that would tell truly of the payment.
    pub fn truth(&self) -> Value {
        self.forge.transaction(self.payment)
    }

    /// The truth but for one value.
    pub fn lie(&self, pointer: &str, value: Value) -> Value {
        let mut truth = self.truth();
        put(&mut truth, pointer, value);
        truth
    }

    /// The envelope of the truth.
    pub fn envelope(&self) -> Value {
        self.forge.envelope(&self.id, &self.truth())
    }

    /// The body of the truth.
    pub fn body(&self) -> String {
        self.envelope().to_string()
    }

    /// The whole true message.
    pub fn good(&self) -> Letter {
        self.forge.signed(self.body())
    }

    /// A message of these bytes, signed.
    pub fn signed(&self, body: impl Into<Vec<u8>>) -> Vec<Letter> {
        vec![self.forge.signed(body)]
    }

    /// The true message with another envelope, signed.
    pub fn enveloped(&self, pointer: &str, value: Value) -> Vec<Letter> {
        let mut envelope = self.envelope();
        put(&mut envelope, pointer, value);
        self.signed(envelope.to_string())
    }

    /// A message about another transaction, sealed and signed.
    pub fn told(&self, transaction: &Value) -> Vec<Letter> {
        vec![self.forge.message(&self.id, transaction)]
    }

    /// A message about a refund of the payment, with that event.
    pub fn refund(&self, event: &str) -> Vec<Letter> {
        let truth = self.truth();
        let refund = serde_json::json!({
            "mchid": truth["mchid"], "out_trade_no": truth["out_trade_no"],
            "transaction_id": truth["transaction_id"], "out_refund_no": "made-in-the-console",
            "refund_id": "50300000000000000000000000001",
            "refund_status": event.trim_start_matches("REFUND."),
            "success_time": truth["success_time"],
            "amount": { "total": AMOUNT, "refund": AMOUNT, "payer_total": AMOUNT,
                        "payer_refund": AMOUNT },
        });
        let mut envelope = self.forge.envelope(&self.id, &refund);
        put(&mut envelope, "/event_type", event.into());
        put(&mut envelope, "/resource/original_type", "refund".into());
        self.signed(envelope.to_string())
    }

    /// A message whose content is these bytes, sealed and signed.
    pub fn sealed(&self, content: &[u8]) -> Vec<Letter> {
        let envelope = envelope_of(&self.id, content, self.forge.api_v3_key());
        self.signed(envelope.to_string())
    }

    /// The truth as another transaction of the same payment.
    pub fn again(&self) -> Value {
        self.lie("/transaction_id", transaction_id(self.payment, 7).into())
    }
}

fn put(value: &mut Value, pointer: &str, new: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = new;
}

/// A world in which one trap follows another.
pub struct Course {
    world: World,
    /// The keys, which `verify` reads at the end.
    _files: tempfile::TempDir,
    student: Student,
    forge: Forge,
    platform: Signer,
    elsewhere: Signer,
    rows: usize,
    tally: Tally,
}

impl Course {
    /// In both key modes at once; the school `hbkj` is a merchant of its own.
    pub async fn start(db: &TestDb) -> Self {
        let (files, keys) = (tempfile::tempdir().unwrap(), fixture("keys"));
        let file = |name: &str, pointer: &str| {
            let path = files.path().join(name);
            fs::write(&path, text(&keys, pointer)).unwrap();
            path.display().to_string()
        };
        let certificate = file("platform.pem", "/platform_certificate/certificate_pem");
        let other_key = file("other.pem", "/wechatpay/public_key_pem");
        let other_id = text(&keys, "/wechatpay/public_key_id");
        let settings = [
            ("WECHAT_PAY__PLATFORM_CERTIFICATE_FILES", certificate.as_str()),
            ("WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES", "false"),
            ("SCHOOL__HBKJ__WECHAT_PAY__MCH_ID", "1900000109"),
            ("SCHOOL__HBKJ__WECHAT_PAY__PUBLIC_KEY_ID", other_id),
            ("SCHOOL__HBKJ__WECHAT_PAY__PUBLIC_KEY_FILE", other_key.as_str()),
            ("SCHOOL__HBKJ__WECHAT_PAY__PLATFORM_CERTIFICATE_FILES", ""),
        ];
        let world = World::start_with(db, &settings).await;
        Self {
            student: world.student(0).await,
            world,
            _files: files,
            forge: Forge::with_sandbox_keys(),
            platform: platform(),
            elsewhere: signer(&keys, "/wechatpay", "/wechatpay/public_key_id"),
            rows: 0,
            tally: Tally::of("wechat_pay", AMOUNT),
        }
    }

    /// Walks into a trap, and then tells the truth.
    pub async fn run(&mut self, trap: &Trap) {
        self.rows += 1;
        let key = format!("row-{}", self.rows);
        let order = self.student.order(AMOUNT, &key).await.body(201);
        let number = self.world.out_trade_no(&order).await;
        let payment = self.world.pay().payment(&number).unwrap();
        let scene = Scene {
            forge: &self.forge,
            platform: &self.platform,
            elsewhere: &self.elsewhere,
            payment: &payment,
            id: key.clone(),
        };
        let seen = Seen { world: &self.world, student: &self.student, trap: trap.name };
        let before = seen.everything_at_rest().await;
        for letter in (trap.make)(&scene) {
            self.send(trap, &letter).await;
        }
        let truth = self.forge.message(&format!("{key}-truth"), &scene.truth());
        self.tally.check(seen, trap.effect, &before, &number).await;
        let answer = truth.send(&self.world.api(), "xnec").await;
        assert_eq!(answer.status, 204, "{}: the truth: {}", trap.name, answer.text());
        self.tally.truth_told(seen, trap.effect).await;
        // What came besides is to go back.
        let suspends = matches!(trap.effect, Effect::PostsOnceAndSuspends(_));
        let shown = if suspends { "refunding" } else { "fulfilled" };
        assert_eq!(self.student.order_again(&order).await["state"], shown, "{}", trap.name);
    }

    async fn send(&self, trap: &Trap, letter: &Letter) {
        let answer = letter.send(&self.world.api(), trap.school).await;
        assert_eq!(answer.status, trap.status, "{}: {}", trap.name, answer.text());
        assert!(answer.header("x-request-id").is_some(), "{}", trap.name);
        if trap.status == 204 {
            assert_eq!(answer.bytes, b"", "{}", trap.name);
        } else {
            // Whatever was wrong, the sender learns nothing but that.
            let told = answer.json();
            assert_eq!(told["code"], "FAIL", "{}: {}", trap.name, answer.text());
            assert_eq!(told.as_object().unwrap().len(), 2, "{}: {}", trap.name, answer.text());
        }
    }

    /// Every law of the ledger holds.
    pub async fn end(self) {
        self.world.assert_books(self.tally.received()).await;
        let hbkj = self.world.school_balance("hbkj", SchoolAccount::Suspense).await;
        assert_eq!(hbkj, 0);
    }
}

/// WeChat's platform certificate of the fixtures.
pub fn platform() -> Signer {
    signer(&fixture("keys"), "/platform_certificate", "/platform_certificate/serial_no")
}

/// A file of throwaway keys or messages.
pub fn fixture(name: &str) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wechat");
    let text = fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A text of a fixture.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn signer(keys: &Value, pointer: &str, serial: &str) -> Signer {
    let der = text(keys, &format!("{pointer}/private_key_pem_for_test_signer/der_base64"));
    Signer::of(&BASE64_STANDARD.decode(der).unwrap(), text(keys, serial))
}
