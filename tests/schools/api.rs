//! GET /api/v1/schools and what it answers.

use crate::schools::{NOW, repository, xnec};
use actix_web::{
    App,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    test::{TestRequest, call_service, init_service, read_body_json},
    web::Data,
};
use onecard::{
    base::clock::ManualClock,
    policies::import_schools,
    schools::{Schools, http},
};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::TestDb;
use utoipa_actix_web::AppExt;

fn app(
    schools: Data<Schools>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new().into_utoipa_app().app_data(schools).configure(http::configure).into_app()
}

async fn get(schools: &Data<Schools>, path: &str) -> (u16, Value) {
    let app = init_service(app(schools.clone())).await;
    let request = TestRequest::get().uri(path).to_request();
    let response = call_service(&app, request).await;
    let status = response.status().as_u16();
    (status, read_body_json(response).await)
}

#[tokio::test]
async fn clients_learn_of_five_schools() {
    let db = TestDb::sqlite().await;
    import_schools(&db.db, &[repository("schools")], false, NOW).await.unwrap();
    let schools = Data::new(Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW))));
    let (_, all) = get(&schools, "/api/v1/schools").await;
    let codes: Vec<_> = all["items"].as_array().unwrap().iter().map(|item| &item["code"]).collect();
    assert_eq!(codes, ["csmzxy", "hbgyzy", "xnec", "ynart", "yncjxy"]);
    let number = json!(["student_no"]);
    let either = json!(["student_no", "id_number"]);
    // Kinds, name, forced change, change online, rule, top-up by password, portal.
    let expected = [
        ("csmzxy", &number, true, false, false, "six_digits", false, false),
        ("hbgyzy", &number, true, false, true, "six_digits", false, false),
        ("xnec", &number, false, false, true, "six_digits", false, true),
        ("ynart", &either, false, true, true, "six_digits_strong", true, true),
        ("yncjxy", &number, false, true, true, "six_digits", false, false),
    ];
    for (code, kinds, name, must_change, change_online, rule, by_password, portal) in expected {
        let (_, school) = get(&schools, &format!("/api/v1/schools/{code}")).await;
        let told = json!([
            school["binding"]["id_kinds"],
            school["binding"]["name_required"],
            school["password"]["must_change"],
            school["password"]["change_online"],
            school["password"]["rule"],
            school["top_up"]["password_required"],
            school["portal"],
        ]);
        let wanted = json!([kinds, name, must_change, change_online, rule, by_password, portal]);
        assert_eq!(told, wanted, "{code}");
    }
    let (_, ynart) = get(&schools, "/api/v1/schools/ynart").await;
    assert_eq!(ynart["binding"]["id_patterns"], json!({"id_number": "^[0-9]{17}[0-9Xx]$"}));
}

#[tokio::test]
async fn clients_learn_what_they_must_know() {
    let db = TestDb::sqlite().await;
    let folder = tempfile::TempDir::new().unwrap();
    let second = folder.path().join("aa.toml");
    std::fs::write(&second, xnec().replace("\"xnec\"", "\"aa\"")).unwrap();
    let paths = [repository("schools/xnec.toml"), second];
    import_schools(&db.db, &paths, false, NOW).await.unwrap();
    let schools = Data::new(Schools::new(db.db.clone(), Arc::new(ManualClock::new(NOW))));

    let (status, all) = get(&schools, "/api/v1/schools").await;
    let xnec = json!({"code": "xnec", "name": "咸宁职业技术学院"});
    let aa = json!({"code": "aa", "name": "咸宁职业技术学院"});
    assert_eq!((status, all), (200, json!({"items": [aa, xnec], "next_cursor": null})));
    let (_, first) = get(&schools, "/api/v1/schools?limit=1").await;
    assert_eq!(first, json!({"items": [aa], "next_cursor": "aa"}));
    let (_, last) = get(&schools, "/api/v1/schools?limit=1&cursor=aa").await;
    assert_eq!(last, json!({"items": [xnec], "next_cursor": null}));

    let (status, school) = get(&schools, "/api/v1/schools/xnec").await;
    assert_eq!(status, 200);
    let binding = json!({
        "id_kinds": ["student_no"], "id_label": "学号/工号", "id_hint": "7 位数字，见入学通知书",
        "id_pattern": "^[0-9]{7}$", "id_patterns": {"student_no": "^[0-9]{7}$"}, "name_required": false,
        "password_hint": "初始密码为身份证号后 6 位；末位是 X 的，取 X 前面的 6 位",
    });
    assert_eq!(school["binding"], binding);
    let password = json!({
        "change_online": true, "must_change": false, "rule": "six_digits",
        "hint": "新查询密码为 6 位数字",
    });
    assert_eq!(school["password"], password);
    assert_eq!(school["portal"], true);
    let passcode = json!({
        "step_seconds": 15, "device_days": 30, "unseen_days": 7, "prefixes": {"pay": 80, "id": 81},
    });
    assert_eq!(school["passcode"], passcode);
    let top_up = json!({
        "min_fen": 1, "max_fen": 50000, "choices_fen": [5000, 10000, 20000, 50000],
        "password_required": false,
    });
    assert_eq!(school["top_up"], top_up);
    assert_eq!(school["consent"]["version"], "2026-11");
    assert_eq!(school["consent"]["items"], json!(["terms", "id_number"]));
    assert_eq!(school["help"][0]["title"], "怎样绑定");

    for unknown in ["nowhere", "XNEC", "%00", "%E5%92%B8"] {
        let (status, problem) = get(&schools, &format!("/api/v1/schools/{unknown}")).await;
        assert_eq!((status, &problem["code"]), (404, &json!("school_not_found")), "{unknown}");
        assert_eq!(problem["title"], "没有这所学校");
    }
}

#[test]
fn the_document_describes_both_paths() {
    let (_, document) = App::new().into_utoipa_app().configure(http::configure).split_for_parts();
    let document = serde_json::to_value(&document).unwrap();
    for path in ["/api/v1/schools", "/api/v1/schools/{code}"] {
        assert!(document["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }
    assert!(document["components"]["schemas"]["SchoolView"]["properties"]["binding"].is_object());
}
