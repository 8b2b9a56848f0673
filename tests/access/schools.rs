//! Five schools at their doors, each as its guide tells its students.

use crate::access::yard::Yard;
use std::{fs, path::Path};
use testkit::{TestDb, on_each_database};

on_each_database!(csmzxy, xnec, hbgyzy, yncjxy, ynart);

/// The table of doors in a school's file.
fn doors_of(code: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schools");
    let text = fs::read_to_string(folder.join(format!("{code}.toml"))).unwrap();
    let Some(start) = text.find("[doors]") else { return "[doors]".to_owned() };
    let table = &text[start..];
    table[..table.find("\n\n").unwrap()].to_owned()
}

/// What the doors of a school say.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// A house, to who lives there: to an identity code, and to a payment code.
    home: [String; 2],
    /// Another house.
    other_house: String,
    /// The library's desk, to an identity code and to a payment code.
    desk: [String; 2],
}

async fn said(db: &TestDb, code: &str) -> Said {
    let yard = Yard::open(db, &doors_of(code)).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    let phone = &yard.shop.phones[0];
    Said {
        home: [yard.ask("D1", &yard.identity(0)).await, yard.ask("D1", &phone.code()).await],
        other_house: yard.ask("D2", &yard.identity(0)).await,
        desk: [yard.ask("DESK", &yard.identity(0)).await, yard.ask("DESK", &phone.code()).await],
    }
}

const OPEN: &str = "open";
const NOT_FOR_THIS: &str = "code_wrong_purpose";

/// What no school says otherwise: who lives elsewhere stays out, and a library lends by identity code.
fn expected(identity: &str, payment: &str) -> Said {
    Said {
        home: [identity.to_owned(), payment.to_owned()],
        other_house: "right_missing".to_owned(),
        desk: [OPEN.to_owned(), NOT_FOR_THIS.to_owned()],
    }
}

/// 长沙民政职业技术学院: "打开微信中“校园 e 码通”，选择“身份码”，对准门禁读卡器摄像头".
async fn csmzxy(db: &TestDb) {
    assert_eq!(said(db, "csmzxy").await, expected(OPEN, NOT_FOR_THIS));
}

/// 咸宁职业技术学院: "点击微信校园卡的付款码进行扫码开门"; "门禁系统与学工系统的宿舍管理系统已做好数据对接", and who
/// moved since "请联系辅导员核实".
async fn xnec(db: &TestDb) {
    assert_eq!(said(db, "xnec").await, expected(OPEN, OPEN));
}

/// 湖北工业职业技术学院: "点击应用界面上"认证码"… 此身份码可在图书借阅系统中使用". It names no doors.
async fn hbgyzy(db: &TestDb) {
    assert_eq!(said(db, "hbgyzy").await, expected(OPEN, NOT_FOR_THIS));
}

/// 云南城市建设职业学院: its guide names neither codes at doors nor at the library.
async fn yncjxy(db: &TestDb) {
    assert_eq!(said(db, "yncjxy").await, expected(OPEN, NOT_FOR_THIS));
}

/// 云南艺术学院: the same.
async fn ynart(db: &TestDb) {
    assert_eq!(said(db, "ynart").await, expected(OPEN, NOT_FOR_THIS));
}
