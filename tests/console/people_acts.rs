//! What is done for a person at a browser and as JSON: asked first, done once, told, in force at once.

use super::{
    browser::{Browser, Page},
    people::PEOPLE,
};
use crate::{
    cardlife::races::refused,
    identity::support::{OWN, notices},
    spend::shop::Shop,
    staff::whole_way::staff,
};
use onecard::base::ids::uuid_at;
use serde_json::json;
use testkit::{TestDb, World, now, on_each_database};
use uuid::Uuid;

on_each_database!(
    a_loss_is_in_force_for_the_next_scan,
    a_report_that_changed_meanwhile_stays,
    a_device_is_ended_and_enrols_with_the_password_alone,
    a_binding_is_ended_with_all_that_hangs_on_it,
    a_name_is_shown_once_for_a_reason,
    many_names_a_day_are_told_to_admins,
    nobody_acts_on_the_own_card,
    the_same_as_json,
    a_name_as_json,
);

struct Desk {
    office: Browser,
    id: Uuid,
}

impl Desk {
    async fn of(world: &World) -> Self {
        let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
        Self { office, id: world.rows.person("xnec", "2301001").await }
    }

    fn path(&self, what: &str) -> String {
        format!("{PEOPLE}/{}{what}", self.id)
    }

    async fn form(&self, what: &str) -> Page {
        self.office.get(&self.path(what)).await.with(200)
    }

    /// Sends the form of a page that asks.
    async fn confirm(&self, form: &Page, what: &str, reason: &str) -> Page {
        let version = form.field("version");
        let fields = [("version", version.as_str()), ("reason", reason)];
        self.office.submit(form, &self.path(what), &fields).await
    }

    /// The only thing of its kind that the person's page lets one end.
    async fn only(&self, kind: &str) -> String {
        let page = self.form("").await;
        let id = page.between(&format!("/{kind}/"), "/end");
        format!("/{kind}/{id}/end")
    }
}

async fn told(world: &World, acts: &str) -> Vec<String> {
    let sql = format!(
        "SELECT act || '|' || who || '|' || why FROM audit_entry WHERE act LIKE '{acts}' \
         ORDER BY position"
    );
    world.rows.texts(&sql).await
}

async fn a_loss_is_in_force_for_the_next_scan(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let student = shop.world.student(0).await;
    let desk = Desk::of(&shop.world).await;
    assert_eq!(shop.charge(&shop.phones[0].code(), 100).await.status, 200);
    let form = desk.form("/loss").await;
    assert!(form.says("为 **雨（2301001） 挂失？"), "{}", form.html);
    let empty = desk.confirm(&form, "/loss", " ").await.with(422);
    assert!(empty.says("错误：挂失") && empty.says("请填写理由，最多 80 个字"), "{}", empty.html);
    // A double click is one report.
    let done = desk.confirm(&form, "/loss", "本人来电").await.with(303);
    let again = desk.confirm(&form, "/loss", "本人来电").await.with(303);
    assert_eq!(again.location, done.location);
    let page = desk.office.follow(&done).await.with(200);
    assert!(page.says("之前已经办好") && page.says(">挂失</span>"), "{}", page.html);
    assert!(page.says("没有启用付款码的设备") && page.says("解除挂失"), "{}", page.html);
    assert_eq!(
        told(&shop.world, "loss.%").await,
        ["loss.reported|staff office, no. 1001|本人来电"]
    );
    refused(&shop.charge(&shop.phones[0].code(), 100).await);
    assert_eq!(student.get("/api/v1/card").await.body(200)["status"], "lost");
    // The page that would ask again sends on.
    let sent = desk.office.get(&desk.path("/loss")).await.with(303);
    assert!(desk.office.follow(&sent).await.says("之前已经办好"));
    let form = desk.form("/cancel-loss").await;
    desk.confirm(&form, "/cancel-loss", "卡已找到").await.with(303);
    assert_eq!(student.get("/api/v1/card").await.body(200)["status"], "normal");
    let events = student.get("/api/v1/events?after=0").await.body(200).to_string();
    for kind in ["loss_reported", "loss_cancelled"] {
        assert_eq!(events.matches(kind).count(), 1, "{kind}: {events}");
    }
    shop.is_sound().await;
}

async fn a_report_that_changed_meanwhile_stays(db: &TestDb) {
    let world = World::start(db).await;
    let desk = Desk::of(&world).await;
    let (other, _) = Browser::of(&world, "net", "1003", &["network_center"]).await;
    let form = desk.form("/loss").await;
    desk.confirm(&form, "/loss", "第一次").await.with(303);
    let stale = desk.form("/cancel-loss").await;
    // Meanwhile another finds it, and it is lost again.
    let form = other.get(&desk.path("/cancel-loss")).await.with(200);
    let fields = [("version", &*form.field("version")), ("reason", "找到")];
    other.submit(&form, &desk.path("/cancel-loss"), &fields).await.with(303);
    let form = other.get(&desk.path("/loss")).await.with(200);
    other.submit(&form, &desk.path("/loss"), &[("reason", "又丢")]).await.with(303);
    let refused = desk.confirm(&stale, "/cancel-loss", "学生带卡来了").await.with(409);
    assert!(refused.says("状态已变化，没有办理"), "{}", refused.html);
    assert!(refused.says("value=\"学生带卡来了\""), "the text stays: {}", refused.html);
    assert_eq!(world.rows.count("person WHERE lost_at IS NOT NULL").await, 1);
    // What stands there now is of the present report.
    desk.confirm(&refused, "/cancel-loss", "学生带卡来了").await.with(303);
    assert_eq!(world.rows.count("person WHERE lost_at IS NOT NULL").await, 0);
    assert_eq!(told(&world, "loss.%").await.len(), 4);
}

async fn a_device_is_ended_and_enrols_with_the_password_alone(db: &TestDb) {
    let world = World::start(db).await;
    let (student, other) = (world.student(0).await, world.alipay_student(0).await);
    let desk = Desk::of(&world).await;
    let enrolments = "/api/v1/passcode/enrolments";
    let wish = |password: Option<&str>| {
        json!({ "device_id": "0123456789abcdef", "device_name": "<b>雨的手机</b>",
            "query_password": password })
    };
    student.post(enrolments, &wish(Some("170026"))).await.body(200);
    student.post(enrolments, &wish(None)).await.body(200);
    let page = desk.form("").await;
    assert!(page.says("&#60;b&#62;雨的手机") && !page.says("<b>"), "{}", page.html);
    let end = desk.only("devices").await;
    let stale = desk.form(&end).await;
    assert!(stale.says("付款码立即失效，并通知本人"), "{}", stale.html);
    // It enrolled again after the page was made: its codes are others.
    student.post(enrolments, &wish(None)).await.body(200);
    let refused = desk.confirm(&stale, &end, "手机被偷").await.with(409);
    assert!(refused.says("value=\"手机被偷\""), "{}", refused.html);
    desk.confirm(&refused, &end, "手机被偷").await.with(303);
    let again = desk.confirm(&refused, &end, "手机被偷").await.with(303);
    assert!(desk.office.follow(&again).await.says("之前已经办好"));
    assert_eq!(told(&world, "device.%").await, ["device.ended|staff office, no. 1001|手机被偷"]);
    student.post(enrolments, &wish(None)).await.problem("ended", 422, "password_required");
    student.post(enrolments, &wish(Some("170026"))).await.body(200);
    for student in [&student, &other] {
        assert!(notices(student).await.contains(&"device_ended".to_owned()));
    }
    let events = other.get("/api/v1/events?after=0").await.body(200).to_string();
    assert_eq!(events.matches("device_ended").count(), 1, "{events}");
    testkit::assert_authentic(&world.db).await;
}

async fn a_binding_is_ended_with_all_that_hangs_on_it(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let wish = json!({ "device_id": "0123456789abcdef", "query_password": "170026" });
    student.post("/api/v1/passcode/enrolments", &wish).await.body(200);
    let desk = Desk::of(&world).await;
    let end = desk.only("bindings").await;
    let other = world.alipay_student(0).await;
    let form = desk.form(&end).await;
    assert!(form.says("在微信的绑定？"), "{}", form.html);
    desk.confirm(&form, &end, "本人申请").await.with(303);
    let again = desk.confirm(&form, &end, "本人申请").await.with(303);
    assert!(desk.office.follow(&again).await.says("之前已经办好"));
    assert_eq!(told(&world, "binding.%").await, ["binding.ended|staff office, no. 1001|本人申请"]);
    for (what, left) in [
        ("binding WHERE ended_at IS NULL", 1),
        ("device WHERE ended_at IS NULL", 0),
        ("session WHERE ended_at IS NULL", 1),
        ("event WHERE content LIKE '%binding_ended%'", 1),
    ] {
        assert_eq!(world.rows.count(what).await, left, "{what}");
    }
    // A server may go by a copy of the session for a moment; a refresh asks the row.
    student.refresh(&student.refresh_token).await.problem("ended", 401, "unauthenticated");
    assert!(notices(&other).await.contains(&"binding_ended".to_owned()));
    // The other platform goes on, and the same can be bound again.
    other.get("/api/v1/card").await.body(200);
    world.student(0).await;
    testkit::assert_authentic(&world.db).await;
}

async fn a_name_is_shown_once_for_a_reason(db: &TestDb) {
    let world = World::start(db).await;
    let desk = Desk::of(&world).await;
    let form = desk.form("/reveal").await;
    assert!(form.says("联系学生") && !form.says("林晓雨"), "{}", form.html);
    let (path, id) = (desk.path("/reveal"), form.field("form_id"));
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("form_id", &id)], "请选择理由"),
        (&[("form_id", &id), ("reason", "other"), ("text", " ")], "请写明原因"),
        (&[("form_id", &id), ("reason", "other"), ("text", &"长".repeat(81))], "请写明原因"),
    ];
    for (fields, text) in cases {
        let wrong = desk.office.submit(&form, &path, fields).await.with(422);
        assert!(wrong.says(text) && !wrong.says("林晓雨"), "{}", wrong.html);
    }
    let fields = [("form_id", id.as_str()), ("reason", "other"), ("text", "补办 =1")];
    let shown = desk.office.submit(&form, &path, &fields).await.with(200);
    assert!(shown.says("林晓雨") && shown.says("12000000001"), "{}", shown.html);
    assert_eq!(shown.headers["cache-control"], "no-store");
    // Sent again, it asks again.
    let again = desk.office.submit(&form, &path, &fields).await.with(409);
    assert!(again.says("这一次已经显示过") && !again.says("林晓雨"), "{}", again.html);
    assert!(again.says("value=\"补办 =1\"") && again.field("form_id") != id, "{}", again.html);
    let said = "person.revealed|staff office, no. 1001|其他：补办 =1";
    assert_eq!(told(&world, "person.revealed").await, [said]);
    let id = again.field("form_id");
    let fields = [("form_id", id.as_str()), ("reason", "identify"), ("text", "")];
    desk.office.submit(&again, &path, &fields).await.with(200);
    assert_eq!(
        told(&world, "person.revealed").await[1..],
        ["person.revealed|staff office, no. 1001|核对身份"]
    );
    // Nothing personal is in the log.
    for text in ["林晓雨", "12000000001"] {
        let sql = format!(
            "SELECT detail FROM audit_entry WHERE detail LIKE '%{text}%' OR subject LIKE '%{text}%'"
        );
        assert!(world.rows.texts(&sql).await.is_empty(), "{text}");
    }
    // The second factor is asked for first, and the way back is the form.
    world.change("UPDATE staff_session SET factor_at = factor_at - 600000000", []).await;
    let later = testkit::eventually("the copy of the session is old", async || {
        let page = desk.office.get(&path).await;
        (page.status == 303).then_some(page)
    })
    .await;
    assert!(later.location.starts_with("/staff/second-factor?next="), "{}", later.location);
}

async fn many_names_a_day_are_told_to_admins(db: &TestDb) {
    let world = World::start(db).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let (admin, _) = Browser::of(&world, "admin", "1009", &["admin"]).await;
    let id = world.rows.person("xnec", "2301001").await;
    let path = format!("/api/v1/staff/people/{id}/reveal");
    for nth in 1..=33 {
        network.post(&path, &json!({ "reason": "contact" })).await.body(200);
        let entries = world.rows.count("audit_entry WHERE act = 'person.revealed_often'").await;
        assert_eq!(entries, i64::from(nth > 30), "{nth}");
    }
    let log = admin.get("/staff/audit").await.with(200);
    assert!(log.says("一天内多次查看姓名和手机号") && log.says("账号 net"), "{}", log.html);
    // Who was looked at is for others.
    assert!(!log.says("人员 …"), "{}", log.html);
    let entry = "SELECT subject || ': ' || detail FROM audit_entry \
                 WHERE act = 'person.revealed_often'";
    let today = now().day();
    assert_eq!(world.rows.texts(entry).await, [format!("staff net: more than 30 on {today}")]);
}

async fn nobody_acts_on_the_own_card(db: &TestDb) {
    let world = World::start(db).await;
    super::people::listed(&world, "xnec", "G-7,王强,,13800138007,staff,,,\n").await;
    let id = world.rows.person("xnec", "G-7").await;
    let own = staff(&world, "wang", "G-7", "card_office").await;
    let path = |what: &str| format!("/api/v1/staff/people/{id}/{what}");
    for (what, body) in [
        ("loss", json!({ "reason": "x" })),
        ("cancel-loss", json!({ "reason": "x" })),
        ("reveal", json!({ "reason": "contact" })),
    ] {
        own.post(&path(what), &body).await.problem(what, 403, "own_card");
    }
    own.get(&format!("/api/v1/staff/people/{id}")).await.body(200);
    let (browser, _) = Browser::of(&world, "wang2", "G-7", &["card_office"]).await;
    let page = browser.get(&format!("{PEOPLE}/{id}")).await.with(200);
    assert!(
        page.says("您本人的卡") && !page.says("/loss?") && !page.says("/reveal?"),
        "{}",
        page.html
    );
    browser.get(&format!("{PEOPLE}/{id}/loss")).await.with(403);
    browser.get(&format!("{PEOPLE}/{id}/reveal")).await.with(403);
    assert_eq!(world.rows.count("person WHERE lost_at IS NOT NULL").await, 0);
}

async fn the_same_as_json(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let wish = json!({ "device_id": "0123456789abcdef", "query_password": "170026" });
    student.post("/api/v1/passcode/enrolments", &wish).await.body(200);
    let network = staff(&world, "net", "1003", "network_center").await;
    let finance = staff(&world, "li", "1002", "finance").await;
    let id = world.rows.person("xnec", "2301001").await;
    let of = format!("/api/v1/staff/people/{id}");
    let detail = network.get(&of).await.body(200);
    assert_eq!(detail["person"]["platforms"], json!(["wechat"]), "{detail}");
    let (device, binding) = (&detail["devices"][0]["id"], &detail["bindings"][0]["id"]);
    let (device, binding) = (device.as_str().unwrap(), binding.as_str().unwrap());
    let why = json!({ "reason": "本人申请" });
    let acts = [
        "loss".to_owned(),
        "cancel-loss".to_owned(),
        format!("devices/{device}/end"),
        format!("bindings/{binding}/end"),
    ];
    student
        .post(
            "/api/v1/me/query-password",
            &json!({ "old_password": "170026", "new_password": OWN }),
        )
        .await;
    for act in &acts {
        let path = format!("{of}/{act}");
        finance.post(&path, &why).await.problem(act, 403, "staff_right_missing");
        network.post(&path, &json!({ "reason": " " })).await.problem(act, 422, "request_invalid");
    }
    // A loss ends the phone, so that there is nothing left to be ended.
    for (act, expected) in acts.iter().zip([true, true, false, true]) {
        let path = format!("{of}/{act}");
        let first = network.post(&path, &why).await.body(200);
        assert_eq!(first["changed"], expected, "{act}");
        assert_eq!(network.post(&path, &why).await.body(200)["changed"], false, "{act} again");
    }
}

async fn a_name_as_json(db: &TestDb) {
    let world = World::start(db).await;
    let network = staff(&world, "net", "1003", "network_center").await;
    let finance = staff(&world, "li", "1002", "finance").await;
    let id = world.rows.person("xnec", "2301001").await;
    let of = format!("/api/v1/staff/people/{id}");
    let nobody = uuid_at(now());
    for act in ["loss", "reveal"] {
        let path = format!("/api/v1/staff/people/{nobody}/{act}");
        let body = json!({ "reason": "contact" });
        network.post(&path, &body).await.problem(act, 404, "not_found");
    }
    let reveal = format!("{of}/reveal");
    let shown = finance.post(&reveal, &json!({ "reason": "contact" })).await.body(200);
    assert_eq!(shown, json!({ "name": "林晓雨", "phone": "12000000001" }));
    finance.post(&reveal, &json!({ "reason": "other" })).await.problem(
        "no text",
        422,
        "request_invalid",
    );
    finance.post(&reveal, &json!({ "reason": "x" })).await.problem(
        "no such",
        422,
        "request_invalid",
    );
}
