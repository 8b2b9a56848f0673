//! Rosters as JSON: upload, check, start, the refused rows.

use crate::staff::support::{Member, add};
use serde_json::{Value, json};
use testkit::{Answer, TestDb, World, eventually, http_client, on_each_database};

on_each_database!(
    a_roster_goes_its_way_as_json,
    what_is_no_roster_is_refused,
    only_the_card_office_may,
);

const ROSTERS: &str = "/api/v1/staff/roster-imports";
const HEADER: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until";

async fn member(world: &World, login: &str, role: &str) -> Member {
    let school = world.rows.school("xnec").await;
    let staff_no = format!("G-{}", login.to_uppercase().replace('_', "-"));
    let printed = add(&world.db, school, (login, &staff_no, &[role])).await;
    Member::enrol(world, login, &printed).await
}

/// Sends a body as it is.
pub async fn send(member: &Member, kind: &str, body: Vec<u8>) -> Answer {
    try_send(member, kind, body).await.unwrap()
}

/// The same to a server that may die.
pub async fn try_send(
    member: &Member,
    kind: &str,
    body: Vec<u8>,
) -> Result<Answer, reqwest::Error> {
    let path = format!("http://{}{ROSTERS}?file_name=new.csv", member.api.address());
    let request = http_client().post(path).header("Content-Type", kind).body(body);
    let request = request.header("Authorization", format!("Bearer {}", member.access_token));
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
}

fn form(field: &str, file: &str) -> Vec<u8> {
    let head =
        format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a.csv\"");
    format!("{head}\r\n\r\n{file}\r\n--b--\r\n").into_bytes()
}

/// The roster once nothing works at it any more.
pub async fn ended(member: &Member, id: &str) -> Value {
    eventually("the step ends", async || {
        let now = member.get(&format!("{ROSTERS}/{id}")).await.body(200);
        (!["checking", "importing"].contains(&now["state"].as_str()?)).then_some(now)
    })
    .await
}

async fn a_roster_goes_its_way_as_json(db: &TestDb) {
    let world = World::start(db).await;
    let (office, other) =
        (member(&world, "li", "card_office").await, member(&world, "wu", "card_office").await);
    let demo = format!(
        "{HEADER}\n2309001,王·小 明,,,student,学院,班级,\n2309002,,,,student,学院,班级,\n\
         2301001,林晓雨,990101200503170026,12000000001,student,信息工程学院,软件技术2302,2030-07-31\n"
    );
    let sent = send(&office, "text/csv", demo.clone().into_bytes()).await.body(201);
    let id = sent["id"].as_str().unwrap();
    let checked = ended(&office, id).await;
    let said = json!({ "added": 1, "changed": 1, "unchanged": 0, "refused": 1 });
    assert_eq!((&checked["state"], &checked["check"]), (&json!("checked"), &said), "{checked}");
    assert_eq!((&checked["file_name"], &checked["result"]), (&json!("new.csv"), &Value::Null));
    let refused = json!([{ "line": 3, "student_no": "2309002", "reason": "姓名没有填写" }]);
    assert_eq!(checked["refused_rows"], refused);
    let change =
        json!({ "column": "class_name", "before": "软件技术2301", "after": "软件技术2302" });
    assert_eq!(checked["examples"][0]["changes"], json!([change]));
    assert_eq!(checked["examples"][0]["name_masked"], "**雨");
    let there = format!("{ROSTERS}/{id}/start");
    let started = office.post(&there, &json!({})).await.body(200);
    assert_eq!(started["started"]["staff_no"], "G-LI");
    office.post(&there, &json!({})).await.body(200);
    let told =
        other.post(&there, &json!({})).await.problem("by another", 409, "roster_not_startable");
    assert!(told["detail"].as_str().unwrap().contains("li（G-LI）"), "{told}");
    let done = ended(&office, id).await;
    assert_eq!((&done["state"], &done["result"]), (&json!("done"), &said));
    // As a form, the same again: nothing is new.
    let kind = "multipart/form-data; boundary=b";
    let again = send(&other, kind, form("file", &demo)).await.body(201);
    let again = ended(&other, again["id"].as_str().unwrap()).await;
    assert_eq!(again["check"], json!({ "added": 0, "changed": 0, "unchanged": 2, "refused": 1 }));
    assert_eq!(again["file_name"], "a.csv");
    let list = other.get(&format!("{ROSTERS}?limit=1")).await.body(200);
    assert_eq!(list["items"][0]["id"], again["id"]);
    let cursor = list["next_cursor"].as_str().unwrap();
    let next = other.get(&format!("{ROSTERS}?limit=1&cursor={cursor}")).await.body(200);
    assert_eq!((&next["items"][0]["id"], &next["next_cursor"]), (&json!(id), &Value::Null));
    let file = other.get(&format!("{ROSTERS}/{id}/refused")).await;
    assert_eq!(
        (file.status, file.text()),
        (200, "\u{feff}行,学号,原因\r\n3,2309002,姓名没有填写\r\n".to_owned())
    );
    let file = other.get(&format!("{ROSTERS}/{id}/refused?format=xlsx")).await;
    assert!(file.status == 200 && file.bytes.starts_with(b"PK"));
}

async fn what_is_no_roster_is_refused(db: &TestDb) {
    let world = World::start(db).await;
    let office = member(&world, "li", "card_office").await;
    let kind = "multipart/form-data; boundary=b";
    let whole = form("file", HEADER);
    let cases: [(&str, Vec<u8>, &[u16]); 7] = [
        ("application/json", b"{}".to_vec(), &[415]),
        ("multipart/form-data", whole.clone(), &[400]),
        (kind, form("other", HEADER), &[422]),
        (kind, b"--b\r\n".to_vec(), &[400, 422]),
        (kind, whole.clone().split_off(40), &[400, 422]),
        (kind, whole[..90].to_vec(), &[400, 422]),
        // The file begins and does not end.
        (kind, whole[..whole.len() - 8].to_vec(), &[400]),
    ];
    for (kind, body, statuses) in cases {
        let answer = send(&office, kind, body.clone()).await;
        let told = String::from_utf8_lossy(&body).into_owned();
        assert!(statuses.contains(&answer.status), "{kind} {told}: {}", answer.text());
        assert!(answer.json()["code"].is_string());
    }
    assert_eq!(
        world.rows.number("SELECT COUNT(*) AS n FROM stored_file WHERE parts IS NOT NULL").await,
        0
    );
    assert_eq!(world.rows.count("roster_job").await, 0);
    let empty = send(&office, "text/csv", Vec::new()).await.body(201);
    let failed = ended(&office, empty["id"].as_str().unwrap()).await;
    assert_eq!(failed["fault"], "第一行不是花名册的列名：文件是空的");
    let nowhere = format!("{ROSTERS}/{}", uuid::Uuid::nil());
    for path in [nowhere.clone(), format!("{nowhere}/refused")] {
        office.get(&path).await.problem("none", 404, "not_found");
    }
    office.post(&format!("{nowhere}/start"), &json!({})).await.problem("none", 404, "not_found");
}

async fn only_the_card_office_may(db: &TestDb) {
    let world = World::start(db).await;
    let office = member(&world, "li", "card_office").await;
    for role in ["finance", "network_center", "counsellor", "auditor", "admin"] {
        let other = member(&world, role, role).await;
        other.get(ROSTERS).await.problem(role, 403, "staff_right_missing");
        let sent = send(&other, "text/csv", HEADER.into()).await;
        sent.problem(role, 403, "staff_right_missing");
    }
    let ago = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(ago, [(11 * 60_000_000_i64).into()]).await;
    let stale = send(&office, "text/csv", HEADER.into()).await;
    stale.problem("a factor of before", 403, "second_factor_needed");
    office.get(ROSTERS).await.body(200);
    assert_eq!(world.rows.count("stored_file").await, 0);
}
