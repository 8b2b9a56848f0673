//! Adjustments: one person asks, another decides, and what is approved is posted once.

use super::{
    support::Member,
    whole_way::{staff, topped_up},
};
use crate::{journey_money::refunds::spend, spend::shop::is_sound};
use serde_json::json;
use testkit::{Answer, TestDb, World, on_each_database};

on_each_database!(
    what_two_persons_agree_on_is_posted_once,
    who_may_adjust_what,
    what_is_spent_is_not_taken,
    what_changed_since_it_was_seen_is_not_approved,
    sixteen_approvals_are_one_posting,
    a_forged_adjustment_is_named,
);

const LIST: &str = "/api/v1/staff/adjustments";

/// Who asks, who decides, and whose card.
struct Office {
    world: World,
    asks: Member,
    decides: Member,
    student: testkit::Student,
    path: String,
}

impl Office {
    /// A student with ¥50.
    async fn open(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let (student, _) = topped_up(&world).await;
        let asks = staff(&world, "office", "1001", "card_office").await;
        let decides = staff(&world, "finance", "1002", "finance").await;
        let person = world.rows.person("xnec", "2301001").await;
        Self {
            world,
            asks,
            decides,
            student,
            path: format!("/api/v1/staff/people/{person}/adjust"),
        }
    }

    async fn ask_as(&self, who: &Member, key: &str, change_fen: i64) -> Answer {
        let body = json!({ "change_fen": change_fen, "reason": "终端多扣" });
        who.ask(&format!("POST {}", self.path), key, Some(&body)).await
    }

    async fn asked(&self, key: &str, change_fen: i64) -> String {
        let asked = self.ask_as(&self.asks, key, change_fen).await.body(201);
        assert_eq!(asked["state"], "requested", "{asked}");
        format!("{LIST}/{}", asked["id"].as_str().unwrap())
    }

    async fn balance(&self) -> i64 {
        self.student.balances().await[3]
    }

    async fn postings(&self) -> u64 {
        self.world.rows.count("transfer WHERE kind = 'adjusted'").await.try_into().unwrap()
    }
}

async fn what_two_persons_agree_on_is_posted_once(db: &TestDb) {
    let office = Office::open(db).await;
    let up = office.asked("up", 1200).await;
    let again = office.asked("up", 1200).await;
    assert_eq!(again, up, "the same key is the same request");
    let other = office.ask_as(&office.asks, "up", 1300).await;
    other.problem("another amount", 422, "idempotency_key_reused");
    office.ask_as(&office.asks, "two", 1200).await.problem("one at a time", 409, "approval_open");
    assert_eq!(office.balance().await, 5000, "nothing is posted yet");
    let approved = office.decides.post(&format!("{up}/approve"), &json!({})).await.body(200);
    assert_eq!((&approved["state"], &approved["change_fen"]), (&json!("approved"), &json!(1200)));
    assert_eq!(office.balance().await, 6200);
    let again = office.decides.post(&format!("{up}/approve"), &json!({})).await.body(200);
    assert_eq!(again, approved, "the answer was lost");
    let down = office.asked("down", -200).await;
    office.decides.post(&format!("{down}/approve"), &json!({ "reason": "已核对" })).await.body(200);
    assert_eq!((office.balance().await, office.postings().await), (6000, 2));
    let statement = office.student.get("/api/v1/card/statement").await.body(200);
    let lines = statement["items"].as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|line| (&line["title"], &line["amount_fen"])).collect();
    let adjusted = json!("校园卡中心调账");
    assert_eq!(lines[..2], [(&adjusted, &json!(-200)), (&adjusted, &json!(1200))], "{statement}");
    let listed = office.decides.get(LIST).await.body(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    is_sound(&office.world).await;
}

async fn who_may_adjust_what(db: &TestDb) {
    let office = Office::open(db).await;
    let world = &office.world;
    for change in [0, 100_001, -100_001] {
        let answer = office.ask_as(&office.asks, "bad", change).await;
        assert_eq!(answer.status, 422, "{change}");
    }
    let owner = staff(world, "owner", "2301001", "finance").await;
    office.ask_as(&owner, "own", 100).await.problem("the own card", 403, "own_money");
    let auditor = staff(world, "audits", "1004", "auditor").await;
    office.ask_as(&auditor, "a", 100).await.problem("reads only", 403, "staff_right_missing");
    let one = office.asked("one", 100).await;
    auditor.get(&one).await.body(200);
    let same = staff(world, "office.too", "1001", "finance").await;
    let cases = [
        (&office.asks, "staff_right_missing"),
        (&same, "second_person_needed"),
        (&owner, "own_money"),
        (&auditor, "staff_right_missing"),
    ];
    for (who, why) in cases {
        let answer = who.post(&format!("{one}/approve"), &json!({})).await;
        answer.problem(why, 403, why);
    }
    let stranger = office.decides.post(&format!("{one}/withdraw"), &json!({})).await;
    stranger.problem("another's request", 403, "not_your_request");
    let no_one = "/api/v1/staff/people/01931c7e-0000-7000-8000-000000000000/adjust";
    let body = json!({ "change_fen": 1, "reason": "r" });
    let answer = office.asks.ask(&format!("POST {no_one}"), "n", Some(&body)).await;
    answer.problem("nobody", 404, "not_found");
}

async fn what_is_spent_is_not_taken(db: &TestDb) {
    let office = Office::open(db).await;
    let down = office.asked("down", -4000).await;
    let much = office.ask_as(&office.asks, "much", -5001).await;
    assert_eq!(much.problem("more than there is", 409, "balance_short")["short_fen"], 1);
    spend(&office.world, 2500).await;
    let refused = office.decides.post(&format!("{down}/approve"), &json!({})).await;
    let refused = refused.problem("spent meanwhile", 409, "balance_short");
    assert_eq!(
        (&refused["short_fen"], &refused["detail"]),
        (&json!(1500), &json!("余额不足，差 ¥15.00"))
    );
    assert_eq!(office.asks.get(&down).await.body(200)["state"], "requested", "it stays open");
    assert_eq!((office.balance().await, office.postings().await), (2500, 0));
    let body = json!({ "reason": "已花掉" });
    assert_eq!(
        office.decides.post(&format!("{down}/reject"), &body).await.body(200)["state"],
        "rejected"
    );
    is_sound(&office.world).await;
}

async fn what_changed_since_it_was_seen_is_not_approved(db: &TestDb) {
    let office = Office::open(db).await;
    let body = json!({ "change_fen": 100, "reason": "r", "seen_balance_fen": 4999 });
    let answer = office.asks.ask(&format!("POST {}", office.path), "seen", Some(&body)).await;
    answer.problem("another balance", 409, "balance_changed");
    let up = office.asked("up", 100).await;
    let path = format!("{up}/approve");
    spend(&office.world, 1).await;
    let answer = office.decides.post(&path, &json!({ "seen_balance_fen": 5000 })).await;
    answer.problem("another balance by now", 409, "balance_changed");
    assert_eq!(office.postings().await, 0);
    office.decides.post(&path, &json!({ "seen_balance_fen": 4999 })).await.body(200);
    assert_eq!(office.balance().await, 5099);
}

async fn sixteen_approvals_are_one_posting(db: &TestDb) {
    let office = Office::open(db).await;
    let up = office.asked("up", 1000).await;
    let third = staff(&office.world, "third", "1003", "finance").await;
    let (path, body) = (format!("{up}/approve"), json!({}));
    let all = (0..16).map(|nth| {
        let who = if nth % 2 == 0 { &office.decides } else { &third };
        who.post(&path, &body)
    });
    let answers = futures_util::future::join_all(all).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(good >= 1 && answers.iter().all(|one| [200, 409].contains(&one.status)), "{good}");
    assert_eq!((office.balance().await, office.postings().await), (6000, 1));
    is_sound(&office.world).await;
}

/// `verify` knows what is behind each posting.
async fn a_forged_adjustment_is_named(db: &TestDb) {
    let office = Office::open(db).await;
    let up = office.asked("up", 1000).await;
    office.decides.post(&format!("{up}/approve"), &json!({})).await.body(200);
    let report = office.world.report().await;
    assert!(report.is_clean() && report.to_string().contains("adjustments"), "{report}");
    for (change, back) in [
        ("reason = 'x'", "reason = '终端多扣'"),
        ("amount_fen = 999", "amount_fen = 1000"),
        ("decided_at = decided_at + 86400000000", "decided_at = decided_at - 86400000000"),
    ] {
        office.world.rows.change(&format!("UPDATE approval SET {change}"), []).await;
        let report = office.world.report().await;
        assert!(!report.is_clean(), "{change}: {report}");
        office.world.rows.change(&format!("UPDATE approval SET {back}"), []).await;
        let report = office.world.report().await;
        assert!(report.is_clean(), "{back}: {report}");
    }
    let Some(path) = db.url.strip_prefix("sqlite://") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reverify.py");
    let path = path.split('?').next().unwrap();
    let reverify = || std::process::Command::new("python3").args([script, path]).output().unwrap();
    let said = String::from_utf8(reverify().stderr).unwrap();
    assert!(said.is_empty(), "{said}");
    office.world.rows.change("UPDATE approval SET amount_fen = 1001", []).await;
    assert!(!reverify().status.success());
}
