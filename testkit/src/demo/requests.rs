//! What waits at the end of the weeks for whoever tries the demo: a request of each kind that two persons
//! agree on, and a roster that was checked.

use super::{
    office::{Colleague, Seat},
    place::Place,
};
use crate::{Rows, eventually};
use serde_json::{Value, json};

/// Three freshmen, one of them without a name.
const FRESHMEN: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until\n\
    20269001001,欧阳·木,,,student,设计学院,视觉2601,2030-07-31\n\
    20269001002,,,,student,设计学院,视觉2601,2030-07-31\n\
    20269001003,李明,,,student,设计学院,视觉2601,2030-07-31\n";

/// Members of staff who are there besides whoever tries the demo.
pub(super) struct Colleagues {
    /// Of the card office.
    pub(super) office: Colleague,
    /// Of finance.
    pub(super) finance: Colleague,
    /// An admin.
    pub(super) admin: Colleague,
}

/// Asks for an adjustment and a new query password of some of these people, for a repair and for a login,
/// and uploads a roster.
pub(super) async fn ask(place: &Place, rows: &Rows, colleagues: &Colleagues, numbers: &[&str]) {
    let office = colleagues.office.sit_down(place).await;
    let [adjusted, forgot, ..] = numbers else { return };
    for (number, act, body) in [
        (adjusted, "adjust", json!({ "change_fen": 350, "reason": "终端多扣，核对了小票" })),
        (forgot, "password-reset", json!({ "reason": "忘记密码，核对了学生证和卡" })),
    ] {
        let person = rows.person(super::SCHOOL, number).await;
        office.post(&format!("/api/v1/staff/people/{person}/{act}"), &body).await;
    }
    office.send_roster("freshmen.csv", FRESHMEN.to_owned()).await;
    let checked =
        async || (rows.count("roster_job WHERE state = 'checked'").await > 0).then_some(());
    eventually("the roster is checked", checked).await;

    let admin = colleagues.admin.sit_down(place).await;
    let new = json!({ "login": "zhang", "staff_no": "9104", "roles": ["finance"],
        "reason": "新来的会计" });
    admin.post("/api/v1/staff/staff", &new).await;
    ask_for_repair(&colleagues.finance.sit_down(place).await).await;
}

/// Asks for the oldest difference to be accepted.
async fn ask_for_repair(finance: &Seat<'_>) {
    const ROOT: &str = "/api/v1/staff/reconciliation";
    let days = finance.get(&format!("{ROOT}/days?limit=100")).await;
    let open = |day: &&Value| day["open_differences"] != 0;
    for day in days["items"].as_array().unwrap().iter().rev().filter(open) {
        let id = day["id"].as_str().unwrap();
        let found = finance.get(&format!("{ROOT}/days/{id}/differences?limit=50")).await;
        for difference in found["items"].as_array().unwrap() {
            if difference["state"] == "open" {
                let id = difference["id"].as_str().unwrap();
                let body = json!({ "reason": "账单里没有这一笔，微信支付客服已确认" });
                finance.post(&format!("{ROOT}/differences/{id}/repair"), &body).await;
                return;
            }
        }
    }
    panic!("no difference is open");
}
