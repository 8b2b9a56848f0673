//! `onecard reconcile` as an operator runs it, in a process that starts no jobs.

use std::fs;
use testkit::{Program, TestDb, World, eventually, merchant, now, on_each_database};

on_each_database!(
    the_command_knows_the_certificates_that_were_fetched,
    every_state_of_a_difference_is_exported,
);

/// The days before have no payments, which the provider must say in an answer that is believed.
fn before_yesterday() -> String {
    let day = now().day();
    onecard::base::clock::Day::from_number(day.number() - 2).to_string()
}

async fn the_command_knows_the_certificates_that_were_fetched(db: &TestDb) {
    let settings = [
        ("WECHAT_PAY__PUBLIC_KEY_ID", ""),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", ""),
        ("WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES", "true"),
    ];
    let world = World::start_with(db, &settings).await;
    let mch_id = world.pay().merchants()[0].mch_id.clone();
    world.pay().add_certificate(&mch_id).unwrap();
    world.pay().set_public_key_percent(&mch_id, 0).unwrap();
    eventually("the server has kept it", async || {
        (world.rows.count("platform_certificate").await == 1).then_some(())
    })
    .await;
    let (program, date) = (Program::of(&world, crate::ONECARD), before_yesterday());
    let of = ["reconcile", "--school", "xnec", "--provider", "wechat_pay", "--date", &date];
    let (code, out, log) = program.run(&of).await;
    assert_eq!(code, 0, "{out}{log}");
    assert!(out.contains("is closed: 0 differences"), "{out}");
    // Before a server has ever kept one, it is fetched.
    world.rows.change("DELETE FROM platform_certificate", []).await;
    let (code, out, log) = program.run(&of).await;
    assert_eq!(code, 0, "{out}{log}");
    assert_eq!(world.rows.count("platform_certificate").await, 1);
}

async fn every_state_of_a_difference_is_exported(db: &TestDb) {
    let world = World::start(db).await;
    let (school, date) = (world.rows.school("xnec").await, before_yesterday());
    let day = now().day().number() - 2;
    let states = ["open", "repaired", "accepted"];
    for (n, state) in states.iter().enumerate() {
        let sql = "INSERT INTO bill_difference (id, school_id, provider, merchant_number, day, entry, \
                   number, field, out_trade_no, ours, theirs, stake_fen, repair, state, run, found_at, \
                   ended_at) VALUES ($1, $2, 'wechat_pay', $3, $4, 'payment', $5, 'amount', 'x', 'a', \
                   'b', 1, 'ask_support', $6, 0, 0, 0)";
        let values = [
            uuid::Uuid::now_v7().into(),
            school.into(),
            merchant().into(),
            day.into(),
            format!("T{n}").into(),
            (*state).into(),
        ];
        assert_eq!(world.rows.change(sql, values).await, 1);
    }
    let (csv, xlsx) = (world.path("day.csv"), world.path("day.xlsx"));
    let program = Program::of(&world, crate::ONECARD);
    let of = ["reconcile", "--school", "xnec", "--provider", "wechat_pay", "--date", &date];
    let (code, out, log) =
        program.run(&[&of[..], &["--csv", &csv, "--xlsx", &xlsx]].concat()).await;
    assert_eq!(code, 0, "{out}{log}");
    assert!(!out.contains("proposed:"), "nothing is open: {out}");
    let table = fs::read_to_string(csv).unwrap();
    for (number, state) in [("T0", "gone"), ("T1", "repaired"), ("T2", "accepted")] {
        let has = |line: &str| line.contains(number) && line.ends_with(&format!(",{state}"));
        assert!(table.lines().any(has), "{state}: {table}");
    }
    for name in ["本系统退款金额（元）,0.00", "账单文件校验值"] {
        assert!(table.contains(name), "{table}");
    }
    assert!(fs::read(xlsx).unwrap().starts_with(b"PK"));
}
