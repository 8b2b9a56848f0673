//! Approvals against rejections, at two servers where the database allows two: one decision each, and money
//! moves once or not at all.

use super::{
    support::Member,
    whole_way::{staff, topped_up},
};
use crate::spend::shop::is_sound;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use testkit::{Answer, Server, TestDb, World, on_each_database};

on_each_database!(
    an_adjustment_is_decided_once,
    a_refund_is_decided_once,
    sixteen_approvals_are_one_refund,
    two_admins_who_switch_each_other_off_leave_one,
);

/// Who asks, who approves, and who rejects; the last at another server.
struct Office {
    asks: Member,
    approves: Member,
    rejects: Member,
    _second: Option<Server>,
}

impl Office {
    async fn open(world: &World) -> Self {
        let asks = staff(world, "office", "1001", "card_office").await;
        let approves = staff(world, "finance", "1002", "finance").await;
        let mut rejects = staff(world, "finance.too", "1003", "finance").await;
        let second = world.rows.is_postgres().then(|| world.serve());
        if let Some(second) = &second {
            rejects.api = second.api();
        }
        Self { asks, approves, rejects, _second: second }
    }

    /// Approves and rejects at once, in this order or the other; whether it was approved.
    async fn race(&self, request: &str, approval_first: bool) -> bool {
        let paths = ["approve", "reject"].map(|act| format!("{request}/{act}"));
        let reasons = [json!({}), json!({ "reason": "不符" })];
        let approve = self.approves.post(&paths[0], &reasons[0]);
        let reject = self.rejects.post(&paths[1], &reasons[1]);
        let (approved, rejected) = if approval_first {
            join(approve, reject).await
        } else {
            let (rejected, approved) = join(reject, approve).await;
            (approved, rejected)
        };
        let is_approved = approved.status == 200;
        let (won, lost) = if is_approved { (approved, rejected) } else { (rejected, approved) };
        let won = won.body(200);
        lost.problem("the other", 409, "approval_over");
        let state = if is_approved { "approved" } else { "rejected" };
        let shown = self.asks.get(request).await.body(200);
        assert_eq!([&won["state"], &shown["state"]], [&json!(state); 2], "{won} {shown}");
        is_approved
    }
}

fn rounds() -> u32 {
    if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") { 1000 } else { 40 }
}

fn request(list: &str, asked: &Answer) -> String {
    let asked: Value = asked.body(201);
    format!("{list}/{}", asked["id"].as_str().unwrap())
}

/// How many decisions the log has.
async fn decisions(world: &World) -> u64 {
    let acts = "audit_entry WHERE act IN ('approval.approved', 'approval.rejected')";
    world.rows.count(acts).await.try_into().unwrap()
}

async fn an_adjustment_is_decided_once(db: &TestDb) {
    let world = World::start(db).await;
    let (student, _) = topped_up(&world).await;
    let office = Office::open(&world).await;
    let person = world.rows.person("xnec", "2301001").await;
    let ask = format!("POST /api/v1/staff/people/{person}/adjust");
    let body = json!({ "change_fen": 1, "reason": "终端多扣" });
    let mut approved = 0;
    for round in 0..rounds() {
        let asked = office.asks.ask(&ask, &round.to_string(), Some(&body)).await;
        let request = request("/api/v1/staff/adjustments", &asked);
        approved += i64::from(office.race(&request, round % 2 == 0).await);
    }
    println!("{approved} of {} were approved", rounds());
    let postings = world.rows.count("transfer WHERE kind = 'adjusted'").await;
    assert_eq!((postings, student.balances().await[3]), (approved, 5000 + approved));
    assert_eq!(decisions(&world).await, u64::from(rounds()));
    is_sound(&world).await;
}

async fn asked_refund(office: &Office, order: &Value, key: &str) -> String {
    let body = json!({ "order_id": order["id"], "amount_fen": 100, "reason": "误充" });
    let asked = office.asks.ask("POST /api/v1/staff/refunds", key, Some(&body)).await;
    request("/api/v1/staff/refunds", &asked)
}

/// As many as one payment has refunds.
async fn a_refund_is_decided_once(db: &TestDb) {
    let world = World::start(db).await;
    let (_, order) = topped_up(&world).await;
    let office = Office::open(&world).await;
    let mut approved = 0;
    for round in 0..20 {
        let request = asked_refund(&office, &order, &round.to_string()).await;
        approved += i64::from(office.race(&request, round % 2 == 0).await);
    }
    assert_eq!(world.rows.count("refund").await, approved);
    assert_eq!(decisions(&world).await, 20);
    is_sound(&world).await;
}

async fn sixteen_approvals_are_one_refund(db: &TestDb) {
    let world = World::start(db).await;
    let (student, order) = topped_up(&world).await;
    let office = Office::open(&world).await;
    let approve = format!("{}/approve", asked_refund(&office, &order, "k").await);
    let nothing = json!({});
    let all = (0..16).map(|nth| {
        let by = if nth % 2 == 0 { &office.approves } else { &office.rejects };
        by.post(&approve, &nothing)
    });
    let answers = join_all(all).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("another person's", 409, "approval_over");
    }
    assert_eq!(world.rows.count("refund").await, 1);
    assert_eq!(student.balances().await[3], 4900);
    assert_eq!(decisions(&world).await, 1);
    is_sound(&world).await;
}

/// Nobody switches off the own login, and who was switched off switches nobody off: an admin stays.
async fn two_admins_who_switch_each_other_off_leave_one(db: &TestDb) {
    let world = World::start(db).await;
    let second = world.rows.is_postgres().then(|| world.serve());
    for round in 0..4 {
        let logins = [format!("a{round}"), format!("b{round}")];
        let one = staff(&world, &logins[0], &format!("10{round}"), "admin").await;
        let mut two = staff(&world, &logins[1], &format!("20{round}"), "admin").await;
        if let Some(second) = &second {
            two.api = second.api();
        }
        let (mut off, why) = (Vec::new(), json!({ "reason": "离职" }));
        for login in &logins {
            let id = format!("SELECT id FROM staff_member WHERE login = '{login}'");
            off.push(format!("/api/v1/staff/staff/{}/disable", world.rows.id(&id).await));
        }
        let (first, other) = join(one.post(&off[1], &why), two.post(&off[0], &why)).await;
        let mut statuses = [first.status, other.status];
        statuses.sort_unstable();
        assert!(statuses[0] == 204 && [401, 403].contains(&statuses[1]), "{statuses:?}");
        let left =
            format!("staff_member WHERE enabled AND login IN ('{}', '{}')", logins[0], logins[1]);
        assert_eq!(world.rows.count(&left).await, 1);
    }
}
