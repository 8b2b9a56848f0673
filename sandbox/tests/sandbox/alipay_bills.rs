//! The day's bills.

use std::io::Read;

use chrono::TimeDelta;
use encoding_rs::GBK;
use flate2::read::DeflateDecoder;
use sandbox::alipay::endpoints::{BILL, BILL_FILE};
use sandbox::faults::{RequestFault, RequestRule};
use serde_json::{Value, json};

use crate::support::AlipayWorld;

const METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";
const NOTIFY: &str = "https://card.example.edu.cn/x";

/// Names and contents of a zip archive, by its directory.
fn unzip(archive: &[u8]) -> Vec<(String, String)> {
    let word = |at: usize| usize::from(u16::from_le_bytes(archive[at..at + 2].try_into().unwrap()));
    let long = |at: usize| {
        usize::try_from(u32::from_le_bytes(archive[at..at + 4].try_into().unwrap())).unwrap()
    };
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let (count, mut at, mut found) = (word(end + 10), long(end + 16), Vec::new());
    for _ in 0..count {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let (crc, packed, size) = (long(at + 16), long(at + 20), long(at + 24));
        let (name_length, local) = (word(at + 28), long(at + 42));
        let name = GBK.decode(&archive[at + 46..at + 46 + name_length]).0.into_owned();
        let start = local + 30 + word(local + 26);
        let mut content = Vec::new();
        let mut deflated = DeflateDecoder::new(&archive[start..start + packed]);
        deflated.read_to_end(&mut content).unwrap();
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        assert_eq!((usize::try_from(sum.sum()).unwrap(), content.len()), (crc, size));
        found.push((name, GBK.decode(&content).0.into_owned()));
        at += 46 + name_length;
    }
    found
}

async fn bill(world: &AlipayWorld, kind: &str, date: &str) -> (Value, Vec<u8>) {
    let told = world.done(METHOD, &json!({ "bill_type": kind, "bill_date": date })).await;
    let url = told["bill_download_url"].as_str().unwrap().to_owned();
    let file = world.http.get(url).send().await.unwrap();
    assert_eq!(file.status(), 200);
    (told, file.bytes().await.unwrap().to_vec())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_bill_has_a_line_for_each_payment_and_refund_of_its_day() {
    let world = AlipayWorld::start().await;
    let alipay = world.alipay();
    for number in ["BILLED1", "BILLED2", "BILLED3"] {
        world.trade(number, NOTIFY).await;
    }
    alipay.pay("BILLED1").unwrap();
    alipay.pay("BILLED2").unwrap();
    let refund =
        json!({ "out_trade_no": "BILLED1", "refund_amount": "5.00", "out_request_no": "RF1" });
    world.done("alipay.trade.refund", &refund).await;
    // Another day begins at midnight in China, 14 hours later.
    world.clock.advance(TimeDelta::hours(14));
    let other =
        json!({ "out_trade_no": "BILLED1", "refund_amount": "1.00", "out_request_no": "RF2" });
    world.done("alipay.trade.refund", &other).await;

    let (told, archive) = bill(&world, "trade", "2026-01-01").await;
    assert!(told.get("bill_file_code").is_none());
    let files = unzip(&archive);
    let seller = world.shop().credentials.seller_id;
    let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(
        names,
        [
            format!("{seller}0156_20260101_业务明细.csv"),
            format!("{seller}0156_20260101_业务明细(汇总).csv"),
        ]
    );
    let lines: Vec<_> = files[0].1.lines().filter(|line| !line.starts_with('#')).collect();
    let cells: Vec<Vec<_>> =
        lines.iter().map(|line| line.split(',').map(str::trim).collect()).collect();
    assert_eq!(cells.len(), 4, "{lines:#?}");
    assert!(cells.iter().all(|line| line.len() == 25), "{lines:#?}");
    let column = |name: &str| cells[0].iter().position(|cell| *cell == name).unwrap();
    let names = ["商户订单号", "业务类型", "商家实收（元）", "退款批次号/请求号", "服务费（元）"];
    let shown: Vec<_> =
        cells[1..].iter().map(|line| names.map(|name| line[column(name)])).collect();
    let mut sorted = shown.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ["BILLED1", "交易", "20.00", "", "-0.12"],
            ["BILLED1", "退款", "-5.00", "RF1", "0.03"],
            ["BILLED2", "交易", "20.00", "", "-0.12"],
        ]
    );
    let (_, archive) = bill(&world, "signcustomer", "2026-01-01").await;
    let files = unzip(&archive);
    assert!(
        files[0].0.ends_with("_账务明细.csv") && files[0].1.contains("34.79"),
        "{}",
        files[0].1
    );
}

/// What a merchant finds out about a bill that is not what it asked for.
#[tokio::test]
async fn every_fault_of_a_bill() {
    let world = AlipayWorld::start().await;
    world.trade("BILLED1", NOTIFY).await;
    world.alipay().pay("BILLED1").unwrap();
    world.clock.advance(TimeDelta::days(1));
    let (_, good) = bill(&world, "trade", "2026-01-01").await;
    let faults = &world.running.sandbox().faults;
    let spoilt = async |fault| {
        faults.on_requests(RequestRule::new(BILL_FILE, fault), 1).unwrap();
        bill(&world, "trade", "2026-01-01").await.1
    };
    assert!(good.starts_with(&spoilt(RequestFault::Truncated).await));
    let broken = spoilt(RequestFault::BrokenArchive).await;
    assert_eq!(broken.iter().zip(&good).filter(|(one, other)| one != other).count(), 1);
    let of = |archive: Vec<u8>| unzip(&archive).remove(0);
    let (name, text) = of(spoilt(RequestFault::OtherDay).await);
    assert!(name.contains("_20251231_") && !text.contains("BILLED1"), "{name}");
    let (name, text) = of(spoilt(RequestFault::OtherSeller).await);
    assert!(name.starts_with("2088000000000000") && text.contains("BILLED1"), "{name}");
    let huge = spoilt(RequestFault::Huge).await;
    assert!(huge.len() < 1024 * 1024, "packed small");
    assert!(of(huge).1.len() >= 128 * 1024 * 1024);

    faults.on_requests(RequestRule::new(BILL, RequestFault::OtherHost), 1).unwrap();
    let wanted = json!({ "bill_type": "trade", "bill_date": "2026-01-01" });
    let told = world.done(METHOD, &wanted).await;
    assert!(told["bill_download_url"].as_str().unwrap().starts_with("http://bills.example.com/"));
}

#[tokio::test]
async fn an_address_dies_after_half_a_minute() {
    let world = AlipayWorld::start().await;
    world.clock.advance(TimeDelta::days(1));
    let told =
        world.done(METHOD, &json!({ "bill_type": "trade", "bill_date": "2026-01-01" })).await;
    assert_eq!(told["bill_file_code"], "EMPTY_DATA_WITH_BILL_FILE");
    let url = told["bill_download_url"].as_str().unwrap();
    let status = async || world.http.get(url).send().await.unwrap().status().as_u16();
    world.clock.advance(TimeDelta::seconds(30));
    assert_eq!(status().await, 200);
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(status().await, 403);
}

#[tokio::test]
async fn days_that_are_not_over_and_unknown_kinds_have_no_bill() {
    let world = AlipayWorld::start().await;
    let table = [
        ("trade", "2026-01-01", "BILL_NOT_EXIST"),
        ("trade", "2026-01-02", "BILL_NOT_EXIST"),
        ("trade", "2026-01", "BILL_NOT_EXIST"),
        ("trade", "2026-13-01", "INVAILID_ARGUMENTS"),
        ("trade", "20251231", "INVAILID_ARGUMENTS"),
        ("settlementMerge", "2025-12-31", "TYPE_NOT_SUPPORTED"),
    ];
    for (kind, date, sub_code) in table {
        let content = json!({ "bill_type": kind, "bill_date": date });
        assert_eq!(world.refused(METHOD, &content).await, sub_code, "{kind} {date}");
    }
    bill(&world, "trade", "2025-12-31").await;
    bill(&world, "trade", "2025-12").await;
}

#[tokio::test]
async fn what_was_paid_in_another_process_is_known() {
    let first = AlipayWorld::start().await;
    for number in ["KEPT1", "KEPT2", "UNPAID"] {
        first.trade(number, NOTIFY).await;
    }
    first.alipay().pay("KEPT1").unwrap();
    first.alipay().pay("KEPT2").unwrap();
    let refund =
        json!({ "out_trade_no": "KEPT1", "refund_amount": "5.00", "out_request_no": "RF1" });
    first.done("alipay.trade.refund", &refund).await;
    let paid = serde_json::to_vec(&first.running.sandbox().paid()).unwrap();

    let second = AlipayWorld::start().await;
    for _ in 0..2 {
        let read = serde_json::from_slice(&paid).unwrap();
        assert!(second.running.sandbox().take_up(read));
        let again = serde_json::to_vec(&second.running.sandbox().paid()).unwrap();
        assert_eq!(String::from_utf8(again), String::from_utf8(paid.clone()), "once each");
    }
    let query = async |world: &AlipayWorld, number: &str| {
        world.done("alipay.trade.query", &json!({ "out_trade_no": number })).await
    };
    assert_eq!(query(&second, "KEPT1").await, query(&first, "KEPT1").await);
    // The rest of it can go back here; more cannot.
    let rest =
        json!({ "out_trade_no": "KEPT1", "refund_amount": "45.01", "out_request_no": "RF2" });
    second.refused("alipay.trade.refund", &rest).await;
    let unknown = second.refused("alipay.trade.query", &json!({ "out_trade_no": "UNPAID" })).await;
    assert_eq!(unknown, "ACQ.TRADE_NOT_EXIST");
}
