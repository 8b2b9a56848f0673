//! The home page: one request, and how little it asks of the database.

use crate::identity::support;
use serde_json::json;
use std::net::TcpListener;
use testkit::{Api, PEOPLE, Program, Student, TestDb, World, claim, on_each_database};

on_each_database!(the_home_page_is_one_request, the_home_page_is_three_statements);

async fn the_home_page_is_one_request(db: &TestDb) {
    let world = World::start(db).await;
    let student = world.student(0).await;
    let order = student.order(5000, "key").await.body(201);
    student.order(6000, "other").await.body(201);
    world.pay_order(&order).await;
    world.until(&world.out_trade_no(&order).await, |payment| payment.accepted == 1).await;
    let me = student.me().await.body(200);
    let expected = json!({
        "identity": { "platform": "wechat" },
        "binding": {
            "school": { "code": "xnec", "name": "咸宁职业技术学院" },
            "cardholder": { "name_masked": "**雨", "student_no": "2301001", "kind": "student" },
            "must_change_password": false,
        },
        "card": student.get("/api/v1/card").await.body(200),
        "notices": [],
        "pending": { "orders": 1 },
        "passcode": null,
    });
    assert_eq!(me, expected);
    assert_eq!(me["card"]["total_fen"], 5000);
    let stranger = world.login(1).await.me().await.body(200);
    assert_eq!(
        stranger,
        json!({ "identity": { "platform": "wechat" }, "binding": null, "card": null,
                "notices": [], "pending": { "orders": 0 }, "passcode": null })
    );
}

/// What the metrics page counts of `GET /api/v1/me`.
async fn statements(metrics: &Api) -> u64 {
    let page = metrics.get("/metrics").await.text();
    let line = page.lines().find(|line| {
        line.starts_with("onecard_http_request_statements_sum") && line.contains("\"/api/v1/me\"")
    });
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

async fn the_home_page_is_three_statements(db: &TestDb) {
    let world = World::unserved(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    program.set("SERVER__METRICS_LISTEN", &free.to_string());
    program.start().await;
    let (api, metrics) = (program.api(), Api::at(&format!("http://{free}")));
    // One school sets limits, the other none.
    support::import(&world.db, "csmzxy").await;
    let mut limited = claim("csmzxy", "2024101001", "120212");
    limited["name"] = json!("彭雅婷");
    api.login(&world.login_code(0)).await.bind("xnec", PEOPLE[0]).await.body(201);
    api.login(&world.login_code(1)).await.bind_with(&limited).await.body(201);
    let cost = async |student: &Student| {
        let before = statements(&metrics).await;
        student.me().await.body(200);
        statements(&metrics).await - before
    };
    // Policies and sessions are read afresh every second; a busy machine may be that slow in
    // between, but not every time.
    for who in [0, 1] {
        let (mut first, mut next) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let student = api.login(&world.login_code(who)).await;
            first.push(cost(&student).await);
            next.push(cost(&student).await);
        }
        assert_eq!(first.iter().min(), Some(&3), "{who}: {first:?}: session, home, balances");
        assert_eq!(next.iter().min(), Some(&2), "{who}: {next:?}: home, balances");
        assert!(first.iter().chain(&next).all(|cost| *cost <= 4), "{who}: {first:?} {next:?}");
    }
}
