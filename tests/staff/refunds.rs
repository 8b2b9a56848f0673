//! Refunds that staff ask for: who may, and that two persons are two persons.

use super::support::{Member, add};
use actix_web::{App, http::Method, test, web::Data};
use onecard::{
    approvals::{self, ApprovalId},
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::{
            hasher::PasswordHasher,
            keyring::{Key32, KeyRing, NamedKey},
        },
        db::{Db, DbError, Tx},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    key_trials::KeyTrials,
    orders::{
        fact::Provider,
        order::{OrderId, PaymentId},
    },
    passwords::TryCounts,
    schools::{PersonKeys, Schools},
    staff::{
        ApprovedRefund, EndedRefund, MoneyStanding, RefundDesk, RefundQuote, RefundRefusal,
        RefundTarget, StaffDesk, http,
    },
    staff_accounts::{StaffAccounts, StaffAccountsSetup},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use testkit::{KEY, TestDb, World, assert_authentic, on_each_database};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

on_each_database!(
    one_person_asks_and_another_approves,
    who_may_do_what,
    two_logins_of_one_person_are_one_person,
    a_request_is_decided_once,
    a_refused_refund_leaves_the_request_open,
    a_key_makes_one_request,
    a_request_expires,
    who_was_switched_off_meanwhile_decides_nothing,
    requests_are_listed_page_by_page,
);

const PAYMENT: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
const REFUNDS: &str = "/api/v1/staff/refunds";

/// A payment of ¥50 for each id, and refunds that are made at once.
#[derive(Debug, Default)]
struct Till {
    made: Mutex<Vec<ApprovedRefund>>,
    spent: AtomicBool,
    told: AtomicUsize,
}

fn quote_of(payment: PaymentId) -> RefundQuote {
    RefundQuote {
        payment,
        order: OrderId::from_uuid(payment.uuid()),
        provider: Provider::WechatPay,
        refundable: Fen::new(5000).unwrap(),
        from_balance: true,
        person: PersonId::from_uuid(payment.uuid()),
        person_no: "2301001".to_owned(),
    }
}

#[async_trait::async_trait(?Send)]
impl RefundDesk for Till {
    async fn quote(&self, _: SchoolId, of: RefundTarget) -> Result<RefundQuote, RefundRefusal> {
        let payment = match of {
            RefundTarget::Order(order) => PaymentId::from_uuid(order.uuid()),
            RefundTarget::Payment(payment) => payment,
        };
        if payment.uuid().is_nil() {
            return Err(RefundRefusal::NoSuchPayment);
        }
        Ok(quote_of(payment))
    }

    async fn make(
        &self,
        _: &Tx,
        refund: &ApprovedRefund,
        _: Timestamp,
    ) -> Result<Uuid, RefundRefusal> {
        if self.spent.load(Ordering::Relaxed) {
            return Err(RefundRefusal::Spent { short: None });
        }
        self.made.lock().unwrap().push(refund.clone());
        Ok(refund.approval.uuid())
    }

    async fn endable(&self, _: SchoolId, refund: Uuid) -> Result<RefundQuote, RefundRefusal> {
        let payment = PaymentId::from_uuid(refund);
        Ok(quote_of(payment))
    }

    async fn ask_before_ending(&self, _: Uuid) -> Result<Option<Timestamp>, RefundRefusal> {
        Ok(None)
    }

    async fn end(&self, _: &Tx, _: EndedRefund, _: Timestamp) -> Result<(), RefundRefusal> {
        Ok(())
    }

    async fn ask_about(
        &self,
        _: SchoolId,
        _: (PaymentId, &str),
        _: &str,
    ) -> Result<bool, RefundRefusal> {
        Ok(false)
    }

    async fn ask_now(&self, _: SchoolId, _: RefundTarget) -> Result<(), RefundRefusal> {
        Ok(())
    }

    fn made(&self) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    async fn standings(&self, of: &[Uuid]) -> Result<HashMap<Uuid, MoneyStanding>, DbError> {
        Ok(of.iter().map(|refund| (*refund, MoneyStanding::RefundHeld)).collect())
    }

    async fn listed(
        &self,
        of: &[Uuid],
        _: &[Uuid],
    ) -> Result<HashMap<Uuid, (Option<MoneyStanding>, OrderId)>, DbError> {
        let order = OrderId::from_uuid(Uuid::nil());
        Ok(of.iter().map(|id| (*id, (Some(MoneyStanding::RefundHeld), order))).collect())
    }
}

/// The paths of staff on that till, and members of staff who are signed in.
struct Office {
    world: World,
    till: Arc<Till>,
    desk: StaffDesk,
    clock: Arc<ManualClock>,
    tokens: HashMap<&'static str, Member>,
}

/// Logins, staff numbers, roles, and the school.
const STAFF: &[(&str, &str, &[&str], &str)] = &[
    ("asks", "1001", &["finance"], "xnec"),
    ("asks.too", "1001", &["finance"], "xnec"),
    ("decides", "1002", &["finance"], "xnec"),
    ("office", "1003", &["card_office"], "xnec"),
    ("audits", "1004", &["auditor"], "xnec"),
    ("rules", "1005", &["admin", "network_center", "counsellor"], "xnec"),
    ("owner", "2301001", &["finance"], "xnec"),
];

fn desk(db: &Db, till: &Arc<Till>, clock: &Arc<ManualClock>) -> StaffDesk {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let accounts = StaffAccounts::new(StaffAccountsSetup {
        db: db.clone(),
        schools: Arc::new(Schools::new(db.clone(), Arc::clone(&clock))),
        counts: TryCounts::new(db.clone(), keys.index),
        sealer: keys.sealer,
        jwt: ring(),
        for_strangers: PasswordHasher::new(1, Duration::from_mins(1)),
        for_clients: PasswordHasher::new(1, Duration::from_mins(1)),
        clock: Arc::clone(&clock),
    });
    let refunds: Arc<dyn RefundDesk> = Arc::<Till>::clone(till);
    let trials = KeyTrials {
        db: db.clone(),
        schools: Arc::new(Schools::new(db.clone(), Arc::clone(&clock))),
        set: Arc::default(),
        clock: Arc::clone(&clock),
    };
    StaffDesk { db: db.clone(), accounts, refunds, trials, clock }
}

impl Office {
    async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let mut tokens = HashMap::new();
        for (login, staff_no, roles, school) in STAFF {
            let school = world.rows.school(school).await;
            let printed = add(&world.db, school, (login, staff_no, roles)).await;
            tokens.insert(*login, Member::enrol(&world, login, &printed).await);
        }
        let (till, clock) = (Arc::default(), Arc::new(ManualClock::new(testkit::now())));
        Self { desk: desk(&world.db, &till, &clock), world, till, clock, tokens }
    }

    /// The status and the body of the answer.
    async fn ask(&self, who: &str, line: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_at(&self.desk, who, (line, key), body).await
    }

    async fn ask_at(
        &self,
        desk: &StaffDesk,
        who: &str,
        (line, key): (&str, &str),
        body: Option<&Value>,
    ) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let app = App::new()
            .app_data(Data::new(desk.clone()))
            .configure(|config| http::configure(&mut ServiceConfig::new(config)));
        let app = test::init_service(app).await;
        let token = &self.tokens[who].access_token;
        let mut request = test::TestRequest::with_uri(path)
            .method(method.parse::<Method>().unwrap())
            .insert_header(("Authorization", format!("Bearer {token}")))
            .insert_header(("Idempotency-Key", key));
        if let Some(body) = body {
            request = request.set_json(body);
        }
        let answer = test::call_service(&app, request.to_request()).await;
        let status = answer.status().as_u16();
        let body = test::read_body(answer).await;
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn request(&self, who: &str, key: &str, amount_fen: i64) -> (u16, Value) {
        self.request_of(who, key, PAYMENT, amount_fen).await
    }

    async fn request_of(
        &self,
        who: &str,
        key: &str,
        payment: Uuid,
        amount_fen: i64,
    ) -> (u16, Value) {
        let body = json!({ "payment_id": payment, "amount_fen": amount_fen, "reason": "重复支付" });
        self.ask(who, &format!("POST {REFUNDS}"), key, Some(&body)).await
    }

    async fn decide(&self, who: &str, refund: &Value, act: &str) -> (u16, Value) {
        let line = format!("POST {REFUNDS}/{}/{act}", refund["id"].as_str().unwrap());
        self.ask(who, &line, "k", Some(&json!({ "reason": "已核对" }))).await
    }

    fn made(&self) -> Vec<(Uuid, i64)> {
        let made = self.till.made.lock().unwrap();
        made.iter().map(|refund| (refund.payment.uuid(), refund.amount.get())).collect()
    }

    async fn acts(&self) -> Vec<String> {
        let acts = "SELECT act || ' | ' || who || ' | ' || why FROM audit_entry \
            WHERE act LIKE 'approval.%' ORDER BY position";
        self.world.rows.texts(acts).await
    }
}

fn code((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["code"].as_str().unwrap_or("ok"))
}

async fn one_person_asks_and_another_approves(db: &TestDb) {
    let office = Office::open(db).await;
    let (status, asked) = office.request("office", "a", 1500).await;
    assert_eq!(status, 201, "{asked}");
    assert_eq!((&asked["state"], &asked["amount_fen"]), (&json!("requested"), &json!(1500)));
    assert_eq!(asked["asked_by"], json!({ "login": "office", "staff_no": "1003" }));
    assert_eq!((&asked["decision"], &asked["refund"]), (&Value::Null, &Value::Null));
    assert_eq!(office.made(), [], "nothing is posted");
    let (status, approved) = office.decide("decides", &asked, "approve").await;
    assert_eq!(status, 200, "{approved}");
    assert_eq!(
        (&approved["state"], &approved["refund"]),
        (&json!("approved"), &json!("requested"))
    );
    assert_eq!(approved["decision"]["by"], json!({ "login": "decides", "staff_no": "1002" }));
    assert_eq!(office.made(), [(PAYMENT, 1500)]);
    let again = office.decide("decides", &asked, "approve").await;
    assert_eq!((again.0, &again.1), (200, &approved), "an answer that was lost");
    assert_eq!((office.made().len(), office.till.told.load(Ordering::Relaxed)), (1, 1));
    let told = [
        "approval.asked | staff office, no. 1003 | 重复支付",
        "approval.approved | staff decides, no. 1002 | 已核对",
    ];
    assert_eq!(office.acts().await, told);
    let (_, after) = office.request("office", "b", 100).await;
    assert_eq!(after["state"], "requested", "the next request for the payment");
    assert_authentic(&office.world.db).await;
}

async fn who_may_do_what(db: &TestDb) {
    let office = Office::open(db).await;
    let (ok, no) = ((201, "ok"), (403, "staff_right_missing"));
    let asks = [("asks", ok), ("office", ok), ("audits", no), ("rules", no)];
    for (nth, (who, expected)) in asks.into_iter().enumerate() {
        let payment = Uuid::from_u128(PAYMENT.as_u128() + u128::try_from(nth).unwrap());
        let answer = office.request_of(who, "a", payment, 100).await;
        assert_eq!(code(&answer), expected, "{who} asks");
    }
    let own = office.request_of("owner", "a", Uuid::from_u128(9), 100).await;
    assert_eq!(code(&own), (403, "own_money"));
    let (_, asked) = office.request_of("asks", "b", Uuid::from_u128(10), 100).await;
    for who in ["office", "audits", "rules"] {
        for act in ["approve", "reject"] {
            let answer = office.decide(who, &asked, act).await;
            assert_eq!(code(&answer), no, "{who} {act}");
        }
    }
    assert_eq!(code(&office.decide("owner", &asked, "approve").await), (403, "own_money"));
    for (who, expected) in [("asks", 200), ("office", 200), ("audits", 200), ("rules", 403)] {
        let one = format!("GET {REFUNDS}/{}", asked["id"].as_str().unwrap());
        for line in [format!("GET {REFUNDS}"), one] {
            assert_eq!(office.ask(who, &line, "k", None).await.0, expected, "{who} {line}");
        }
    }
    let invalid = [
        (json!({ "amount_fen": 100, "reason": "x" }), 422, "request_invalid"),
        (
            json!({ "payment_id": PAYMENT, "order_id": PAYMENT, "amount_fen": 1, "reason": "x" }),
            422,
            "request_invalid",
        ),
        (json!({ "payment_id": PAYMENT, "amount_fen": 0, "reason": "x" }), 422, "request_invalid"),
        (json!({ "payment_id": PAYMENT, "amount_fen": 1, "reason": "" }), 422, "request_invalid"),
        (
            json!({ "payment_id": Uuid::from_u128(77), "amount_fen": 5001, "reason": "x" }),
            422,
            "refund_too_much",
        ),
        (json!({ "payment_id": Uuid::nil(), "amount_fen": 1, "reason": "x" }), 404, "not_found"),
    ];
    for (body, status, problem) in invalid {
        let answer = office.ask("asks", &format!("POST {REFUNDS}"), "z", Some(&body)).await;
        assert_eq!(code(&answer), (status, problem), "{body}");
    }
    let unknown = json!({ "id": Uuid::from_u128(5) });
    assert_eq!(code(&office.decide("decides", &unknown, "approve").await), (404, "not_found"));
    elsewhere(&office, &asked).await;
}

/// Finance of another school sees and decides nothing.
async fn elsewhere(office: &Office, asked: &Value) {
    let id: Uuid = asked["id"].as_str().unwrap().parse().unwrap();
    let school = office.world.rows.school("hbkj").await;
    let other = SchoolId::from_number(school);
    let found = approvals::find(&office.desk.db, other, ApprovalId::from_uuid(id)).await;
    assert!(found.unwrap().is_none());
    let moved = "UPDATE staff_member SET school_id = $1 WHERE login = 'decides'";
    office.world.change(moved, [school.into()]).await;
    // A desk without copies of sessions.
    let fresh = desk(&office.desk.db, &office.till, &office.clock);
    for act in ["approve", "reject"] {
        let line = format!("POST {REFUNDS}/{id}/{act}");
        let body = json!({ "reason": "已核对" });
        let answer = office.ask_at(&fresh, "decides", (&line, "k"), Some(&body)).await;
        assert_eq!(code(&answer), (404, "not_found"), "{act}");
    }
    assert_eq!(office.made(), []);
}

async fn two_logins_of_one_person_are_one_person(db: &TestDb) {
    let office = Office::open(db).await;
    let (_, asked) = office.request("asks", "a", 5000).await;
    for who in ["asks", "asks.too"] {
        for act in ["approve", "reject"] {
            let answer = office.decide(who, &asked, act).await;
            assert_eq!(code(&answer), (403, "second_person_needed"), "{who} {act}");
        }
    }
    let answer = office.decide("decides", &asked, "withdraw").await;
    assert_eq!(code(&answer), (403, "not_your_request"));
    assert_eq!(office.made(), []);
    let (status, withdrawn) = office.decide("asks.too", &asked, "withdraw").await;
    assert_eq!((status, &withdrawn["state"]), (200, &json!("withdrawn")));
    let forced = "UPDATE approval SET state = 'approved', decided_by = $1, decided_no = asked_no, \
        decided_login = 'x', decided_why = '', decided_at = 1";
    let forced =
        std::panic::AssertUnwindSafe(office.world.rows.change(forced, [Uuid::from_u128(4).into()]));
    let refused = futures_util::FutureExt::catch_unwind(forced).await;
    assert!(refused.is_err(), "the database itself refuses one person twice");
}

async fn a_request_is_decided_once(db: &TestDb) {
    let office = Office::open(db).await;
    let over = (409, "approval_over");
    for (nth, first) in ["approve", "reject"].into_iter().enumerate() {
        let payment = Uuid::from_u128(PAYMENT.as_u128() + u128::try_from(nth).unwrap());
        let (_, asked) = office.request_of("office", first, payment, 100).await;
        assert_eq!(office.decide("decides", &asked, first).await.0, 200, "{first}");
        for (who, act) in [("asks", "approve"), ("asks", "reject"), ("office", "withdraw")] {
            let answer = office.decide(who, &asked, act).await;
            assert_eq!(code(&answer), over, "{first}, then {act}");
            assert_ne!(answer.1["state"], "requested");
        }
    }
    assert_eq!(office.made().len(), 1);
    let (_, asked) = office.request("office", "many", 100).await;
    let all = (0..16).map(|nth| {
        let (who, act) = [("decides", "approve"), ("asks", "reject")][nth % 2];
        let (office, asked) = (&office, &asked);
        async move { office.decide(who, asked, act).await }
    });
    let answers = futures_util::future::join_all(all).await;
    let state = answers.iter().find(|answer| answer.0 == 200).unwrap().1["state"].clone();
    for answer in &answers {
        let decided = answer.0 == 200 && answer.1["state"] == state;
        assert!(decided || code(answer) == over, "{answer:?}");
    }
    let refunds = office.made().len();
    assert_eq!(refunds, 1 + usize::from(state == "approved"), "one decision");
    let entries = office.acts().await.len();
    assert_eq!(entries, 6, "three requests and three decisions");
}

async fn a_refused_refund_leaves_the_request_open(db: &TestDb) {
    let office = Office::open(db).await;
    let (_, asked) = office.request("office", "a", 5000).await;
    office.till.spent.store(true, Ordering::Relaxed);
    let answer = office.decide("decides", &asked, "approve").await;
    assert_eq!(code(&answer), (409, "refund_spent"));
    assert_eq!(office.till.told.load(Ordering::Relaxed), 0);
    assert_eq!(office.acts().await.len(), 1, "no decision was recorded");
    office.till.spent.store(false, Ordering::Relaxed);
    assert_eq!(office.decide("decides", &asked, "approve").await.0, 200);
    assert_eq!(office.made(), [(PAYMENT, 5000)]);
}

async fn a_key_makes_one_request(db: &TestDb) {
    let office = Office::open(db).await;
    let first = office.request("office", "a", 100).await;
    assert_eq!(first.0, 201, "{}", first.1);
    let again = office.request("office", "a", 100).await;
    assert_eq!((again.0, &again.1), (201, &first.1));
    let other = office.request("office", "a", 200).await;
    assert_eq!(code(&other), (422, "idempotency_key_reused"));
    let open = office.request("asks", "a", 100).await;
    assert_eq!(code(&open), (409, "approval_open"), "a key belongs to its login");
    assert_eq!(open.1["approval"], first.1["id"]);
    let all = (0..8).map(|nth| {
        let office = &office;
        let key = ["same", "other"][nth % 2];
        async move { office.request_of("office", key, Uuid::from_u128(3), 100).await }
    });
    let answers = futures_util::future::join_all(all).await;
    let made: Vec<&Value> =
        answers.iter().filter(|answer| answer.0 == 201).map(|answer| &answer.1["id"]).collect();
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]), "{answers:?}");
    assert_eq!(office.world.rows.count("approval").await, 2);
}

async fn a_request_expires(db: &TestDb) {
    let office = Office::open(db).await;
    let (_, asked) = office.request("office", "a", 100).await;
    let week = i64::try_from(Duration::from_hours(7 * 24).as_micros()).unwrap();
    let age = "UPDATE approval SET expires_at = expires_at - $1, asked_at = asked_at - $1";
    office.world.change(age, [week.into()]).await;
    office.clock.advance(Duration::from_secs(1));
    let answer = office.decide("decides", &asked, "approve").await;
    assert_eq!(code(&answer), (409, "approval_over"));
    assert_eq!(answer.1["state"], "expired");
    let (_, after) = office.request("office", "b", 100).await;
    assert_eq!(after["state"], "requested", "another request replaces it");
    assert_eq!(office.acts().await[1], "approval.expired | staff office, no. 1003 | 重复支付");
    assert_eq!(office.made(), []);
    assert_authentic(&office.world.db).await;
}

/// The copy of a session is a second old at most, and what it says is asked again.
async fn who_was_switched_off_meanwhile_decides_nothing(db: &TestDb) {
    let office = Office::open(db).await;
    let (_, asked) = office.request("office", "a", 100).await;
    let changes = [
        ("enabled = false", "enabled = true"),
        ("roles = 'auditor'", "roles = 'finance'"),
        ("staff_no = '1003'", "staff_no = '1002'"),
    ];
    let member = office.desk.accounts.authenticate(&office.tokens["decides"].access_token).await;
    let member = member.unwrap();
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    for (change, back) in changes {
        for set in [change, back] {
            let sql = format!("UPDATE staff_member SET {set} WHERE login = 'decides'");
            assert_eq!(office.world.change(&sql, []).await, 1);
            if set == change {
                let refused = office.desk.approve_refund(&member, id, "").await;
                let text = refused.unwrap_err().to_string();
                assert_eq!(text, "not one of the roles may do this", "{change}");
            }
        }
    }
    assert_eq!(office.made(), []);
    office.desk.approve_refund(&member, id, "").await.unwrap();
    assert_eq!(office.made().len(), 1);
}

async fn requests_are_listed_page_by_page(db: &TestDb) {
    let office = Office::open(db).await;
    for nth in 1..=5_u128 {
        let key = nth.to_string();
        // Ids sort by their time, in milliseconds.
        office.clock.advance(Duration::from_millis(1));
        let answer = office.request_of("office", &key, Uuid::from_u128(nth), 100).await;
        assert_eq!(answer.0, 201);
    }
    let (mut cursor, mut seen, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let line = format!("GET {REFUNDS}?limit=2{cursor}");
        let (status, page) = office.ask("audits", &line, "k", None).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["payment_id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let newest_first: Vec<String> = (1..=5).rev().map(|n| Uuid::from_u128(n).to_string()).collect();
    assert_eq!((pages, seen), (3, newest_first));
}
