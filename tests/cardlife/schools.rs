//! What each of the five schools asks for, as its guide tells its students.

use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::keyring::{Key32, KeyRing, NamedKey},
        ids::SchoolId,
    },
    schools::{PersonKeys, roster::RosterImport},
};
use serde_json::{Value, json};
use std::{fs::File, io::BufReader, path::Path};
use testkit::{Answer, KEY, Student, TestDb, World, on_each_database};

on_each_database!(
    xnec_asks_for_the_query_password_both_ways,
    ynart_stops_card_and_codes_and_lets_the_holder_undo_it,
    hbgyzy_has_no_rule_and_gets_the_usual_one,
    csmzxy_undoes_it_at_the_counter_only,
    yncjxy_asks_for_chip_number_id_number_and_password,
    yncjxy_takes_a_report_back_by_the_reported_chip_after_the_card_was_replaced,
    who_has_no_chip_number_goes_to_the_counter,
);

pub const REPORTS: &str = "/api/v1/card/loss-reports";
pub const CANCEL: &str = "/api/v1/card/loss-reports/cancel";

fn done(answer: &Answer) {
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

/// Takes up a school's demo roster, changed by `edit`.
async fn import(world: &World, school: &str, edit: impl Fn(&str) -> String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = File::open(root.join(format!("schools/demo/{school}-roster.csv"))).unwrap();
    let text = edit(&std::io::read_to_string(BufReader::new(file)).unwrap());
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let school = SchoolId::from_number(world.rows.school(school).await);
    let now = SystemClock.now();
    let import = RosterImport { db: &world.db, keys: &keys, school, now };
    let report = import.run(std::io::Cursor::new(text), |_, _| ()).await.unwrap();
    assert_eq!(report.refused, []);
}

/// A world with the school's people, and one of them signed in by WeChat.
pub async fn member(db: &TestDb, school: &str, claim: &Value) -> (World, Student) {
    let world = World::start(db).await;
    import(&world, school, ToOwned::to_owned).await;
    let student = world.login(0).await;
    student.bind_with(claim).await.body(201);
    (world, student)
}

fn claim(school: &str, number: &str, password: &str) -> Value {
    testkit::claim(school, number, password)
}

async fn status(student: &Student) -> Value {
    student.get(REPORTS).await.body(200)["status"].clone()
}

/// 咸宁职业技术学院, 挂失/解挂: "输入查询密码，状态由正常变成挂失，即表示挂失成功；找到时再类似的操作进行解挂".
async fn xnec_asks_for_the_query_password_both_ways(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let before = student.get(REPORTS).await.body(200);
    assert_eq!(
        before,
        json!({ "status": "normal", "reported_at": null, "chip_number": null,
                "report_fields": [], "cancel_fields": [], "stops": "card_and_codes" })
    );
    student.post(CANCEL, &json!({ "query_password": "170026" })).await.problem(
        "nothing to take back",
        409,
        "loss_not_reported",
    );
    let wrong = student.post(REPORTS, &json!({ "query_password": "000000" })).await;
    wrong.problem("wrong password", 422, "password_wrong");
    let body = json!({ "query_password": "170026" });
    assert_eq!(student.post(REPORTS, &body).await.body(201)["status"], "lost");
    assert_eq!(student.post(REPORTS, &body).await.body(200)["status"], "lost", "again");
    assert_eq!(student.get("/api/v1/card").await.body(200)["status"], "lost");
    student.post(CANCEL, &json!({ "query_password": "000000" })).await.problem(
        "wrong password",
        422,
        "password_wrong",
    );
    assert_eq!(student.post(CANCEL, &body).await.body(200)["status"], "normal");
    assert_eq!(student.get("/api/v1/card").await.body(200)["status"], "normal");
}

/// 云南艺术学院: "挂失后，校园卡与扫码功能均停用"; the holder undoes it. The default password must be changed
/// first, but a lost card cannot wait.
async fn ynart_stops_card_and_codes_and_lets_the_holder_undo_it(db: &TestDb) {
    let (_world, student) = member(db, "ynart", &claim("ynart", "20241001001", "200622")).await;
    let body = json!({ "query_password": "200622" });
    let reported = student.post(REPORTS, &body).await.body(201);
    assert_eq!(
        (&reported["status"], &reported["stops"]),
        (&json!("lost"), &json!("card_and_codes"))
    );
    student.post(CANCEL, &body).await.problem("due", 403, "pin_default_must_change");
    let change = json!({ "old_password": "200622", "new_password": "918273" });
    done(&student.post("/api/v1/me/query-password", &change).await);
    let body = json!({ "query_password": "918273" });
    assert_eq!(student.post(CANCEL, &body).await.body(200)["status"], "normal");
}

/// 湖北工业职业技术学院: its guide says nothing of it.
async fn hbgyzy_has_no_rule_and_gets_the_usual_one(db: &TestDb) {
    let mut by_name = claim("hbgyzy", "2024020101", "080200");
    by_name["name"] = json!("王梓涵");
    let (_world, student) = member(db, "hbgyzy", &by_name).await;
    let body = json!({ "query_password": "080200" });
    assert_eq!(student.post(REPORTS, &body).await.body(201)["status"], "lost");
    assert_eq!(student.post(CANCEL, &body).await.body(200)["status"], "normal");
}

/// 长沙民政职业技术学院: "第一步进行校园卡挂失", also where the card is damaged; undone at the counter only.
async fn csmzxy_undoes_it_at_the_counter_only(db: &TestDb) {
    let mut by_name = claim("csmzxy", "2024101001", "120212");
    by_name["name"] = json!("彭雅婷");
    let (world, student) = member(db, "csmzxy", &by_name).await;
    let body = json!({ "query_password": "120212", "reason": "damaged" });
    let reported = student.post(REPORTS, &body).await.body(201);
    assert_eq!((&reported["status"], &reported["cancel_fields"]), (&json!("lost"), &Value::Null));
    let refused = student.post(CANCEL, &body).await;
    let problem = refused.problem("the counter's", 403, "counter_only");
    assert!(problem["title"].as_str().unwrap().contains("服务窗口"), "{problem}");
    assert_eq!(status(&student).await, "lost");
    let said = world.rows.texts("SELECT detail FROM audit_entry WHERE act = 'loss.reported'").await;
    assert_eq!(said, ["damaged, at wechat"]);
}

/// 云南城市建设职业学院: "输入[芯片卡号]（自动弹出）、[身份证]、[一卡通密码]".
async fn yncjxy_asks_for_chip_number_id_number_and_password(db: &TestDb) {
    let (_world, student) = member(db, "yncjxy", &claim("yncjxy", "2405010101", "060318")).await;
    let shown = student.get(REPORTS).await.body(200);
    let (chip, id) = (json!("5A10C300"), json!("990101200603060318"));
    assert_eq!(
        (&shown["chip_number"], &shown["report_fields"]),
        (&chip, &json!(["id_number", "chip_number"]))
    );
    let other = (json!("5A10C301"), json!("990101200603060319"), "060319");
    let whole = |chip: &Value, id: &Value, password: &str| json!({ "query_password": password, "id_number": id, "chip_number": chip });
    let cases = [
        ("without a chip number", whole(&Value::Null, &id, "060318"), "field_missing"),
        ("without an ID number", whole(&chip, &Value::Null, "060318"), "field_missing"),
        ("another chip", whole(&other.0, &id, "060318"), "password_wrong"),
        ("another ID number", whole(&chip, &other.1, "060318"), "password_wrong"),
        ("another password", whole(&chip, &id, other.2), "password_wrong"),
    ];
    for (what, body, code) in cases {
        student.post(REPORTS, &body).await.problem(what, 422, code);
    }
    assert_eq!(status(&student).await, "normal");
}

/// "补卡后再解挂": the number is that of the reported card, which is kept for the person.
async fn yncjxy_takes_a_report_back_by_the_reported_chip_after_the_card_was_replaced(db: &TestDb) {
    let (world, student) = member(db, "yncjxy", &claim("yncjxy", "2405010101", "060318")).await;
    let body = |chip: &str| {
        json!({ "query_password": "060318", "id_number": "990101200603060318",
                "chip_number": chip })
    };
    student.post(REPORTS, &body("5a10c300")).await.body(201);
    import(&world, "yncjxy", |roster| roster.replace("5A10C300", "77777777")).await;
    let change = json!({ "old_password": "060318", "new_password": "918273" });
    done(&student.post("/api/v1/me/query-password", &change).await);
    let shown = student.get(REPORTS).await.body(200);
    assert_eq!((&shown["status"], &shown["chip_number"]), (&json!("lost"), &json!("5A10C300")));
    let mut with = body("77777777");
    with["query_password"] = json!("918273");
    student.post(CANCEL, &with).await.problem("the new card's", 422, "password_wrong");
    with["chip_number"] = json!("5A10C300");
    assert_eq!(student.post(CANCEL, &with).await.body(200)["status"], "normal");
    assert_eq!(student.get(REPORTS).await.body(200)["chip_number"], "77777777", "the new card's");
}

/// Without a number to compare nothing fits: the counter does it.
async fn who_has_no_chip_number_goes_to_the_counter(db: &TestDb) {
    let (world, student) = member(db, "yncjxy", &claim("yncjxy", "2405020204", "23029X")).await;
    assert_eq!(student.get(REPORTS).await.body(200)["chip_number"], Value::Null);
    let body = json!({ "query_password": "23029X", "id_number": "99010120060723029X",
                       "chip_number": "00000000" });
    student.post(REPORTS, &body).await.problem("no number", 422, "password_wrong");
    assert_eq!(world.rows.number("SELECT count(*) FROM person WHERE lost_at IS NOT NULL").await, 0);
}
