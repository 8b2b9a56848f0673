//! A row that was altered past the program is named by `verify`, whatever its table and column.

use crate::{
    identity::support::{OWN, change, unbind},
    spend::shop::Shop,
    staff::{rosters, support as staff},
};
use onecard::{
    access::allocation::AllocationImport,
    approvals::{self, ApprovalKind, NewApproval, Officer},
    base::{
        clock::SystemClock, crypto::row_mac::MacVerdict, db::FieldKind, ids::SchoolId, money::Fen,
    },
    keyring::import::import_locks,
    orders::order::PaymentId,
    payments::refunds::{self, AskedRefund},
    terminals::switch_terminal,
    wiring::authority,
};
use serde_json::json;
use testkit::{
    PATIENCE, PEOPLE, Program, Rows, TestDb, assert_authentic, on_each_database, take_over, within,
};
use uuid::Uuid;

on_each_database!(
    every_forged_column_of_every_table_is_named,
    a_row_without_its_own_mac_is_named,
    what_the_program_changes_stays_authentic,
    a_change_authenticates_nothing_that_was_forged,
    the_first_macs_are_given_on_demand,
);

/// Something in every table: a campus with a till, phones, somebody bound, and unpaid orders, and a
/// refund that was asked for, an allocation of doors, and a lock.
async fn campus(db: &TestDb) -> Shop {
    let shop = Shop::open(db, "").await;
    let student = shop.world.student(0).await;
    for key in ["first", "second"] {
        student.order(5000, key).await.body(201);
    }
    let paid = student.order(5000, "third").await.body(201);
    let payment = shop.world.pay_order(&paid).await.out_trade_no;
    shop.world.until(&payment, |payment| payment.accepted == 1).await;
    let payment = PaymentId::from_out_trade_no(&payment).unwrap();
    let asked = AskedRefund { payment, amount: Fen::new(100).unwrap(), approval: Uuid::new_v4() };
    let asking = db.db.in_tx(async |tx| refunds::ask(tx, asked, testkit::now()).await);
    asking.await.unwrap();
    asked_for_a_refund(&shop).await;
    let file = "student_no,door_group,until,hours\n2301001,一号楼,2099-12-31,06:00-12:00\n";
    let (db, school, clock) = (&shop.world.db, shop.school, &SystemClock);
    let import = AllocationImport { db, school, groups: &[], clock };
    import.run(std::io::Cursor::new(file)).await.unwrap();
    let locks = "lock_id,door_group,name,place\nL1,一号楼,101,一号楼一层\n";
    import_locks(db, school, std::io::Cursor::new(locks), testkit::now()).await.unwrap();
    assert_authentic(&shop.world.db).await;
    shop
}

/// A member of staff, a session, a roster, and a request that needs a second person.
async fn asked_for_a_refund(shop: &Shop) {
    let world = &shop.world;
    let school = world.rows.school("xnec").await;
    let printed = staff::add(&world.db, school, ("li", "1001", &["finance", "card_office"])).await;
    let li = staff::Member::enrol(world, "li", &printed).await;
    let header = "student_no,name,id_number,phone,kind,department,class_name,valid_until\n";
    let roster = rosters::send(&li, "text/csv", header.into()).await.body(201);
    rosters::ended(&li, roster["id"].as_str().unwrap()).await;
    let printed = staff::add(&world.db, school, ("root", "1000", &["admin"])).await;
    let admin = staff::Member::enrol(world, "root", &printed).await;
    let new = json!({ "login": "new", "staff_no": "1009", "roles": ["auditor"], "reason": "new" });
    admin.post("/api/v1/staff/staff", &new).await.body(201);
    let new = NewApproval {
        school: SchoolId::from_number(school),
        kind: ApprovalKind::Refund,
        subject: Uuid::from_u128(3),
        request_digest: [0; 32],
        amount: Fen::new(100).unwrap(),
        reason: "误充".to_owned(),
        by: Officer { id: Uuid::from_u128(4), login: "li".to_owned(), staff_no: "1001".to_owned() },
        key: "k".to_owned(),
    };
    let asked = world.db.in_tx(async |tx| approvals::ask(tx, &new, testkit::now()).await).await;
    assert!(!asked.unwrap().repeated);
}

/// A value that fits the column and is not what stands there.
fn forged(rows: &Rows, table: &str, column: &str, kind: FieldKind) -> String {
    let bytes = rows.literal("00000000-0000-0000-0000-000000000001");
    match (table, column, kind) {
        ("terminal", "kind", _) => "'water'".to_owned(),
        ("device", "kind", _) => "'server'".to_owned(),
        ("door_right", "source", _) => "'staff'".to_owned(),
        ("approval", "state", _) => "'expired'".to_owned(),
        // Who decided, without a decision, is what the database refuses by itself.
        ("approval", "decided_by", _) => format!("{bytes}, state = 'rejected'"),
        ("terminal", "merchant_id", _) => "NULL".to_owned(),
        ("payment", "order_id", _) => {
            "(SELECT id FROM orders WHERE id <> payment.order_id LIMIT 1)".to_owned()
        }
        ("refund", "payment_id", _) => {
            "(SELECT id FROM payment WHERE id <> refund.payment_id LIMIT 1)".to_owned()
        }
        ("refund", "why", _) => "'provider'".to_owned(),
        ("refund", "source", _) => "'suspense'".to_owned(),
        ("refund", "state", _) => "'requested'".to_owned(),
        (_, _, FieldKind::Uuid) => bytes,
        (_, _, FieldKind::Bytes) if bytes.starts_with('x') => bytes,
        (_, _, FieldKind::Bytes) => "'\\x00'::bytea".to_owned(),
        (_, _, FieldKind::Text) => "'forged'".to_owned(),
        (_, column, FieldKind::Big | FieldKind::Int) => format!("COALESCE({column}, 0) + 1"),
        (_, column, FieldKind::Flag) => format!("NOT {column}"),
    }
}

async fn every_forged_column_of_every_table_is_named(db: &TestDb) {
    let shop = campus(db).await;
    let rows = &shop.world.rows;
    let mut tables = 0;
    for authority in authority::tables() {
        let (table, live) = (authority.table, authority.live);
        let first = format!("SELECT id FROM {table} WHERE {live} ORDER BY id LIMIT 1");
        let id = rows.id(&first).await;
        for (column, kind) in authority.columns {
            let value = forged(rows, table, column, *kind);
            let id_text = rows.literal(&id.to_string());
            let sql = format!("UPDATE {table} SET {column} = {value} WHERE id = {id_text}");
            assert_eq!(rows.change(&sql, []).await, 1, "{sql}");
            let report = authority::audit_rows(&shop.world.db).await.unwrap();
            let told = format!("{table} {id}: it does not fit its MAC");
            assert_eq!(report.broken, [told.as_str()], "{sql}");
            assert!(report.to_string().starts_with("BROKEN  rows of authority"), "{report}");
            take_over(&shop.world.db).await;
        }
        tables += 1;
    }
    assert_eq!(tables, 18);
}

async fn a_row_without_its_own_mac_is_named(db: &TestDb) {
    let shop = campus(db).await;
    let rows = &shop.world.rows;
    for table in ["person", "device", "terminal"] {
        assert!(rows.count(table).await > 1, "{table}");
        let id: Uuid = rows.id(&format!("SELECT id FROM {table} ORDER BY id LIMIT 1")).await;
        let literal = rows.literal(&id.to_string());
        let other = format!("(SELECT mac FROM {table} WHERE id <> {literal} LIMIT 1)");
        for (mac, told) in [("NULL", "it has no MAC"), (&other, "it does not fit its MAC")] {
            let sql = format!("UPDATE {table} SET mac = {mac} WHERE id = {literal}");
            assert_eq!(rows.change(&sql, []).await, 1);
            let report = authority::audit_rows(&shop.world.db).await.unwrap();
            assert_eq!(report.broken, [format!("{table} {id}: {told}")]);
        }
        take_over(&shop.world.db).await;
    }
}

/// Also where one statement changes several rows.
async fn what_the_program_changes_stays_authentic(db: &TestDb) {
    let shop = campus(db).await;
    let world = &shop.world;
    let student = world.student(1).await;
    assert_eq!(change(&student, PEOPLE[1].1, OWN).await.status, 204);
    assert_authentic(&world.db).await;
    assert_eq!(unbind(&student, OWN).await.status, 204);
    let ended = "SELECT COUNT(*) FROM device WHERE ended_at IS NOT NULL";
    assert_eq!(world.rows.number(ended).await, 1);
    assert_authentic(&world.db).await;
    let bad = student.bind("xnec", (PEOPLE[1].0, PEOPLE[1].1)).await;
    assert_ne!(bad.status, 201, "the default is no longer good");
    student.bind("xnec", (PEOPLE[1].0, OWN)).await.body(201);
    assert_authentic(&world.db).await;
}

/// A forged row is changed like any other, and stays forged.
async fn a_change_authenticates_nothing_that_was_forged(db: &TestDb) {
    let shop = Shop::closed(db, "").await;
    let rows = &shop.world.rows;
    let id = rows.id("SELECT id FROM terminal WHERE code = 'T1'").await;
    let forge = "UPDATE terminal SET door_group = 'all doors' WHERE code = 'T1'";
    assert_eq!(rows.change(forge, []).await, 1);
    let code = "T1".parse().unwrap();
    switch_terminal(&db.db, (shop.school, &code), false, testkit::now()).await.unwrap();
    let disabled = "SELECT COUNT(*) FROM terminal WHERE code = 'T1' AND NOT enabled";
    assert_eq!(rows.number(disabled).await, 1);
    let report = authority::audit_rows(&db.db).await.unwrap();
    assert_eq!(report.broken, [format!("terminal {id}: it does not fit its MAC")]);
}

/// Nothing takes a database without MACs for one from before there were any.
async fn the_first_macs_are_given_on_demand(db: &TestDb) {
    let shop = Shop::closed(db, "").await;
    let rows = &shop.world.rows;
    let program = Program::of(&shop.world, crate::ONECARD);
    let people = rows.count("person").await;
    for authority in authority::tables() {
        rows.change(&format!("UPDATE {} SET mac = NULL", authority.table), []).await;
    }
    assert_eq!(authority::wrong_key(&db.db).await.unwrap(), Some(MacVerdict::Missing));
    let (code, out, err) = within(PATIENCE, program.run(&["serve"])).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("`onecard migrate --first-macs`"), "{err}");
    for commands in [&["migrate"], &["rekey", "mac"][..]] {
        program.run(commands).await;
        let unsigned = "SELECT COUNT(*) FROM person WHERE mac IS NULL";
        assert_eq!(rows.number(unsigned).await, people, "{commands:?}");
    }
    let (code, out, err) = program.run(&["migrate", "--first-macs"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&format!("first MACs: person {people}, ")), "{out}");
    assert_authentic(&db.db).await;
}
