//! Rights and the log of doors over HTTP: who may, page by page, and what the audit log says.

use crate::{
    access::yard::{DOORS, Yard},
    staff::support::{Member, add},
};
use onecard::base::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use testkit::{TestDb, on_each_database};

on_each_database!(
    staff_give_and_end_rights,
    nobody_gives_a_right_to_himself,
    only_some_read_the_log_and_each_reading_is_recorded,
);

const RIGHTS: &str = "/api/v1/staff/door-rights";
const LOG: &str = "/api/v1/staff/access-log";

async fn member(yard: &Yard, login: &str, role: &str) -> Member {
    let school = yard.shop.world.rows.school("xnec").await;
    let number = format!("G-{login}").to_uppercase();
    let printed = add(&yard.shop.world.db, school, (login, &number, &[role])).await;
    Member::enrol(&yard.shop.world, login, &printed).await
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn staff_give_and_end_rights(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let office = member(&yard, "li", "card_office").await;
    // Hours that are not now.
    let morning = SystemClock.now().minute_of_day() < 12 * 60;
    let hours = if morning { "22:00-24:00" } else { "02:00-04:00" };
    let new = json!({ "student_no": "2301001", "door_group": "一号楼", "hours": hours,
        "until": "2099-01-01T00:00:00+08:00", "reason": "搬入" });
    let given = office.post(RIGHTS, &new).await.body(201);
    assert_eq!((&given["hours"], &given["source"]), (&json!(hours), &json!("staff")));
    assert_eq!(given["student_no"], "2301001");
    let mut all_day = new.clone();
    all_day["hours"] = Value::Null;
    all_day.as_object_mut().unwrap().remove("hours");
    let right = office.post(RIGHTS, &all_day).await.body(201);
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "open");
    let listed = office.get(&format!("{RIGHTS}?student_no=2301001&limit=1")).await.body(200);
    assert_eq!(listed["items"][0]["id"], right["id"], "the newest first");
    let cursor = listed["next_cursor"].as_str().unwrap();
    let rest = office.get(&format!("{RIGHTS}?limit=1&cursor={cursor}")).await.body(200);
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&given["id"], &Value::Null));
    for bad in [
        json!({ "hours": "6-12" }),
        json!({ "until": "2020-01-01T00:00:00+08:00" }),
        json!({ "from": "tomorrow" }),
        json!({ "door_group": " 一号楼" }),
        json!({ "reason": "" }),
    ] {
        let mut body = new.clone();
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(office.post(RIGHTS, &body).await.status, 422, "{bad}");
    }
    let mut nobody = new.clone();
    nobody["student_no"] = json!("2309999");
    office.post(RIGHTS, &nobody).await.problem("nobody", 404, "not_found");
    let end = format!("{RIGHTS}/{}/end", right["id"].as_str().unwrap());
    for _ in 0..2 {
        let ended = office.post(&end, &json!({ "reason": "搬出" })).await.body(200);
        assert!(ended["until"].as_str().unwrap() < "2099", "{ended}");
    }
    assert_eq!(yard.ask("D1", &yard.identity(0)).await, "right_not_now");
    yard.allocate(&["2301002,一号楼,,,"]).await.unwrap();
    let allocated = office.get(&format!("{RIGHTS}?student_no=2301002&reason=one")).await.body(200);
    let id = allocated["items"][0]["id"].as_str().unwrap();
    let end = office.post(&format!("{RIGHTS}/{id}/end"), &json!({ "reason": "x" })).await;
    end.problem("an allocation's", 409, "right_allocated");
    let sql = "SELECT act FROM audit_entry WHERE act LIKE 'door%' ORDER BY position";
    assert_eq!(
        yard.shop.world.rows.texts(sql).await,
        ["door_right.added", "door_right.added", "door_right.ended", "doors.allocated"]
    );
    for role in ["auditor", "network_center"] {
        let other = member(&yard, &role[..4], role).await;
        other.get(RIGHTS).await.body(200);
        other.post(RIGHTS, &new).await.problem(role, 403, "staff_right_missing");
    }
    testkit::assert_authentic(&yard.shop.world.db).await;
}

async fn nobody_gives_a_right_to_himself(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    let world = &yard.shop.world;
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("own", "2301001", &["card_office"])).await;
    let own = Member::enrol(world, "own", &printed).await;
    for number in ["2301001", " 2301001", "2301001\u{3000}"] {
        let new = json!({ "student_no": number, "door_group": "一号楼", "reason": "搬入" });
        own.post(RIGHTS, &new).await.problem(number, 403, "own_card");
    }
    assert_eq!(world.rows.count("door_right").await, 0);
}

async fn only_some_read_the_log_and_each_reading_is_recorded(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    for nth in [0, 1, 0] {
        yard.ask("MAIN", &yard.identity(nth)).await;
    }
    let auditor = member(&yard, "he", "auditor").await;
    let all = auditor.get(&format!("{LOG}?limit=2&reason=lost%20bag")).await.body(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let cursor = all["next_cursor"].as_str().unwrap();
    let rest = auditor.get(&format!("{LOG}?cursor={cursor}&reason=page%202")).await.body(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let one = auditor.get(&format!("{LOG}?student_no=2301002&reason=one")).await.body(200);
    let entry = &one["items"][0];
    assert_eq!((&entry["student_no"], &entry["decision"]), (&json!("2301002"), &json!("open")));
    assert_eq!((&entry["door_group"], &entry["way"]), (&json!("校门"), &json!("code")));
    let sql = "SELECT why FROM audit_entry WHERE act = 'access_log.read' ORDER BY position";
    assert_eq!(yard.shop.world.rows.texts(sql).await, ["lost bag", "page 2", "one"]);
    for none in ["", "?reason=", "?reason=%20"] {
        auditor.get(&format!("{LOG}{none}")).await.problem("no reason", 422, "request_invalid");
    }
    for role in ["finance", "network_center", "counsellor", "admin"] {
        let other = member(&yard, &role[..4], role).await;
        other.get(&format!("{LOG}?reason=one")).await.problem(role, 403, "staff_right_missing");
    }
}
