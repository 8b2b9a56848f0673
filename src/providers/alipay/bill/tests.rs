//! Bills of Alipay: how they are read, every way to be wrong, and where files come from.

use super::{
    super::testing::{NOW, SELLER_ID, http, settings, signed_reply},
    rows::{Added, check_summary},
    *,
};
use crate::{
    base::{
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
        money::Fen,
    },
    reconciliation::{BillEntry, BillRow, BilledRefund, Fee},
};
use encoding_rs::GBK;
use serde_json::json;
use std::{
    io::{Cursor, Write},
    time::Duration,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const HEADER: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";
const NODE: &str = "alipay_data_dataservice_bill_downloadurl_query_response";

fn day() -> Day {
    "2025-12-31".parse().unwrap()
}

fn wanted() -> Wanted {
    Wanted { merchant: SELLER_ID.to_owned(), day: day() }
}

fn gbk(text: &str) -> Vec<u8> {
    let (bytes, _, lost) = GBK.encode(text);
    assert!(!lost);
    bytes.into_owned()
}

/// A row whose cells are filled up with tabs.
fn row(trade: &str, kind: &str, [ordered, received, fee]: [&str; 3], request: &str) -> String {
    format!(
        "{trade}\t,N{trade}\t,{kind}\t,校园卡充值\t,2025-12-31 09:59:50\t,2025-12-31 10:00:00\t,\t,\t,\t,\t,*明(138****0000)\t,\
         {ordered}\t,{received}\t,0.00\t,0.00\t,0.00\t,0.00\t,0.00\t,\t,0.00\t,0.00\t,{request}\t,{fee}\t,0.00\t,\r\n"
    )
}

fn head(name: &str) -> String {
    format!(
        "#支付宝{name}查询\r\n#账号：[{SELLER_ID}0156]\r\n\
         #起始日期：[2025年12月31日 00:00:00]   终止日期：[2026年01月01日 00:00:00]\r\n\
         #-----{name}列表-----\r\n"
    )
}

fn rows_text() -> String {
    row("T1", "交易", ["50.00", "50.00", "-0.30"], "")
        + &row("T2", "交易", ["20.00", "18.00", "-0.11"], "")
        + &row("T1", "退款", ["-12.00", "-12.00", "0.07"], "R1")
}

fn detail_of(rows: &str) -> String {
    format!(
        "{}{HEADER}\r\n{rows}#-----业务明细列表结束-----\r\n#导出时间：[2026年01月01日 09:00:00]\r\n",
        head("业务明细")
    )
}

fn summary_of(cells: &str) -> String {
    format!(
        "{}门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）\r\n\
         {cells}\r\n#-----业务汇总列表结束-----\r\n",
        head("业务汇总")
    )
}

const TOTAL: &str = "合计\t,\t,2\t,1\t,58.00\t,56.00\t,0.00\t,2.00\t,0.00\t,-0.34\t,0.00\t,55.66\t";

/// An archive with files of these names.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const DETAIL_NAME: &str = "20880000000000110156_20251231_业务明细.csv";
const SUMMARY_NAME: &str = "20880000000000110156_20251231_业务明细(汇总).csv";

fn bill_of(detail: &str, summary: &str) -> Vec<u8> {
    archive(&[(DETAIL_NAME, &gbk(detail)), (SUMMARY_NAME, &gbk(summary))])
}

fn good() -> Vec<u8> {
    bill_of(&detail_of(&rows_text()), &summary_of(TOTAL))
}

fn read_bytes(bytes: Vec<u8>) -> Result<Bill, BadBill> {
    read(&Packed::new(bytes), &wanted())
}

fn refused(bytes: Vec<u8>) -> Option<BadBill> {
    read_bytes(bytes).err()
}

#[test]
fn rows_are_read_as_alipay_means_them() {
    let bill = read_bytes(good()).unwrap();
    let (count, hash) = (bill.count, bill.hash.len());
    let rows: Vec<_> = bill.rows.read().unwrap().map(Result::unwrap).collect();
    let fen = |fen| Fen::new(fen).unwrap();
    let first = BillRow {
        entry: BillEntry::Payment,
        at: Timestamp::parse_rfc3339("2025-12-31T10:00:00+08:00").unwrap(),
        out_trade_no: "NT1".to_owned(),
        transaction_id: "T1".to_owned(),
        amount: fen(5000),
        coupon: Fen::ZERO,
        fee: Fee::from_fen(30),
        rate: None,
    };
    let with_coupon = BillRow {
        out_trade_no: "NT2".to_owned(),
        transaction_id: "T2".to_owned(),
        amount: fen(2000),
        coupon: fen(200),
        fee: Fee::from_fen(11),
        ..first.clone()
    };
    let entry = BillEntry::Refund {
        refund_id: "T1:R1".to_owned(),
        out_refund_no: "R1".to_owned(),
        stage: BilledRefund::Done,
    };
    let back = BillRow { entry, amount: fen(1200), fee: Fee::from_fen(-7), ..first.clone() };
    assert_eq!((count, hash), (3, 64));
    assert_eq!(rows, [first, with_coupon, back]);
}

#[test]
fn a_comma_in_a_text_separates_nothing() {
    let rows = rows_text().replace("校园卡充值", "校园卡,充值");
    let bill = read_bytes(bill_of(&detail_of(&rows), &summary_of(TOTAL))).unwrap();
    assert_eq!(bill.rows.read().unwrap().filter_map(Result::ok).count(), 3);
}

#[test]
fn a_refund_without_a_number_has_that_of_its_order() {
    let rows = rows_text().replace("R1", "");
    let bill = read_bytes(bill_of(&detail_of(&rows), &summary_of(TOTAL))).unwrap();
    let last = bill.rows.read().unwrap().map(Result::unwrap).last().unwrap();
    assert_eq!((last.number(), last.out_refund_no()), ("T1:NT1", Some("NT1")));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_wrong_detail_is_named() {
    let good = detail_of(&rows_text());
    let more = |row: String| detail_of(&(rows_text() + &row));
    for (name, detail, expected) in [
        ("of another seller", good.replace(SELLER_ID, "2088000000000099"), BadBill::Merchant(2)),
        ("of a longer account", good.replace("0156]", "01567]"), BadBill::Merchant(2)),
        ("of another day", good.replace("[2025年12月31日", "[2025年12月30日"), BadBill::Day(3)),
        ("a row of another day", good.replace("31 10:00:00", "29 10:00:00"), BadBill::Day(6)),
        (
            "cut between rows",
            good.split("#-----业务明细列表结束").next().unwrap().to_owned(),
            BadBill::Truncated,
        ),
        ("cut in a row", good[..good.find("\t,退款").unwrap()].to_owned(), BadBill::Cells(8)),
        ("without a header", head("业务明细"), BadBill::Truncated),
        ("a web page", "<html>登录</html>".to_owned(), BadBill::NotABill),
        ("no comments", format!("{HEADER}\r\n"), BadBill::NotABill),
        (
            "a second bill",
            format!("{good}{good}").replacen("\r\n#支付宝", "\r\n#", 1),
            BadBill::Mixed(15),
        ),
        ("without fees", good.replace("服务费（元）", "费（元）"), BadBill::Column("服务费(元)")),
        ("fees twice", good.replace("备注", "服务费（元）"), BadBill::Column("服务费(元)")),
        (
            "an unknown kind",
            good.replacen("\t,交易\t", "\t,转账\t", 1),
            BadBill::Cell { line: 6, column: "业务类型" },
        ),
        (
            "an amount in exponents",
            good.replacen("50.00", "5e1", 1),
            BadBill::Cell { line: 6, column: "订单金额(元)" },
        ),
        (
            "a part of a fen",
            good.replacen("50.00", "50.001", 1),
            BadBill::Cell { line: 6, column: "订单金额(元)" },
        ),
        (
            "a payment below zero",
            good.replacen("\t,50.00", "\t,-50.00", 1),
            BadBill::Cell { line: 6, column: "订单金额(元)" },
        ),
        (
            "a refund above zero",
            good.replacen("\t,-12.00", "\t,12.00", 1),
            BadBill::Cell { line: 8, column: "订单金额(元)" },
        ),
        (
            "more received than ordered",
            good.replacen("50.00\t,50.00", "50.00\t,51.00", 1),
            BadBill::Cell { line: 6, column: "商家实收(元)" },
        ),
        ("no number", good.replacen("NT1", "", 1), BadBill::Cell { line: 6, column: "商户订单号" }),
        (
            "a payment twice",
            more(row("T1", "交易", ["1.00", "1.00", "0.00"], "")),
            BadBill::Twice(9),
        ),
        (
            "a refund twice",
            more(row("T1", "退款", ["-1.00", "-1.00", "0.00"], "R1")),
            BadBill::Twice(9),
        ),
        (
            "a row that is in no sum",
            more(row("T3", "交易", ["1.00", "1.00", "0.00"], "")),
            BadBill::Summary("交易订单总笔数"),
        ),
        ("a long line", good.replacen("校园卡充值", &"长".repeat(9000), 1), BadBill::TooLarge),
    ] {
        assert_eq!(refused(bill_of(&detail, &summary_of(TOTAL))), Some(expected), "{name}");
    }
    // Bytes that are no character.
    let mut bytes = gbk(&good);
    let place = bytes.windows(2).position(|pair| pair == gbk("校")).unwrap();
    bytes[place] = 0xff;
    let broken = archive(&[(DETAIL_NAME, &bytes), (SUMMARY_NAME, &gbk(&summary_of(TOTAL)))]);
    assert_eq!(refused(broken), Some(BadBill::Encoding(6)));
}

#[test]
fn a_summary_must_be_what_the_rows_add_up_to() {
    let detail = detail_of(&rows_text());
    for (name, total, expected) in [
        ("payments", TOTAL.replacen("2\t", "3\t", 1), BadBill::Summary("交易订单总笔数")),
        ("refunds", TOTAL.replacen("1\t", "2\t", 1), BadBill::Summary("退款订单总笔数")),
        ("orders", TOTAL.replacen("58.00", "58.01", 1), BadBill::Summary("订单金额(元)")),
        ("received", TOTAL.replacen("56.00", "56.01", 1), BadBill::Summary("商家实收(元)")),
        ("fees", TOTAL.replacen("-0.34", "0.34", 1), BadBill::Summary("服务费(元)")),
        ("no total", TOTAL.replace("合计", "S1"), BadBill::Truncated),
    ] {
        assert_eq!(refused(bill_of(&detail, &summary_of(&total))), Some(expected), "{name}");
    }
    let other_day = summary_of(TOTAL).replace("[2025年12月31日", "[2025年12月30日");
    assert_eq!(refused(bill_of(&detail, &other_day)), Some(BadBill::Day(3)));
    // A store of the merchant has a row of its own.
    let stores = format!("S1\t,一店{}\r\n{TOTAL}", &TOTAL["合计\t,".len()..]);
    assert_eq!(refused(bill_of(&detail, &summary_of(&stores))), None);
    let nothing = Added::default();
    let none = summary_of("合计,,0,0,0.00,0.00,0.00,0.00,0.00,0.00,0.00,0.00");
    assert_eq!(check_summary(gbk(&none).as_slice(), &wanted(), &nothing), Ok(()));
}

#[test]
fn a_wrong_archive_is_named() {
    let good = good();
    let (detail, summary) = (gbk(&detail_of(&rows_text())), gbk(&summary_of(TOTAL)));
    let mut flipped = good.clone();
    flipped[200] ^= 0xff;
    let many: Vec<_> = (0..17).map(|n| format!("{n}.csv")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    let cases: Vec<(&str, Vec<u8>, BadBill)> = vec![
        ("nothing", Vec::new(), BadBill::Packed),
        ("a web page", b"<html></html>".to_vec(), BadBill::Packed),
        ("half of it", good[..good.len() / 2].to_vec(), BadBill::Packed),
        ("without its last byte", good[..good.len() - 1].to_vec(), BadBill::Packed),
        ("a changed byte", flipped, BadBill::Packed),
        ("no files", archive(&[]), BadBill::NotABill),
        ("one file", archive(&[(DETAIL_NAME, &detail)]), BadBill::NotABill),
        ("the account's bill", archive(&[("a_账务明细.csv", &detail)]), BadBill::NotABill),
        (
            "two details",
            archive(&[
                (DETAIL_NAME, &detail),
                ("x_业务明细.csv", &detail),
                (SUMMARY_NAME, &summary),
            ]),
            BadBill::NotABill,
        ),
        ("many files", archive(&many), BadBill::TooLarge),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(refused(bytes), Some(expected), "{name}");
    }
    // Where an archive lies inside does not matter: nothing is written.
    let elsewhere = archive(&[
        (&format!("../../{DETAIL_NAME}"), &detail),
        (&format!("/etc/{SUMMARY_NAME}"), &summary),
    ]);
    assert_eq!(refused(elsewhere), None);
}

#[test]
fn a_file_that_unpacks_to_more_than_a_bill_is_refused() {
    let mut detail = gbk(&detail_of(&rows_text()));
    detail.resize(128 * 1024 * 1024, b' ');
    let bomb = archive(&[(DETAIL_NAME, &detail), (SUMMARY_NAME, &gbk(&summary_of(TOTAL)))]);
    assert!(bomb.len() < 1024 * 1024);
    assert_eq!(refused(bomb), Some(BadBill::TooLarge));
}

/// Alipay, which offers a file at its own host.
fn serve(file: Reply) -> (Alipay, TestServer) {
    let server =
        TestServer::start_with(|base_url| vec![offer(&format!("{base_url}/f?id=a%2Fb")), file]);
    let mut settings = settings(&format!("{}/gateway.do", server.base_url()));
    settings.bill_hosts = vec![server.base_url().replace("http://", "")];
    (Alipay::new(settings, http()), server)
}

fn offer(url: &str) -> Reply {
    let content = json!({"code": "10000", "msg": "Success", "bill_download_url": url});
    signed_reply(NODE, &content.to_string())
}

#[tokio::test]
async fn a_bill_is_fetched_from_its_host_and_checked() {
    let bad = |bad| Err(BillError::Bad { file: FILE, bad });
    for (name, reply, expected) in [
        ("good", Reply::new(200).body(good()), Ok(3)),
        ("html", Reply::new(200).body("<html>"), bad(BadBill::Packed)),
        ("too late", Reply::new(403).body("<html>"), Err(BillError::Unknown)),
        ("too often", Reply::new(429), Err(BillError::Throttled)),
        ("broken", Reply::new(500), Err(BillError::Unknown)),
        ("led elsewhere", Reply::new(302).header("Location", "/g"), Err(BillError::Unknown)),
    ] {
        let (alipay, server) = serve(reply);
        let got = alipay.bill(day(), NOW).await.map(|bill| bill.count);
        assert_eq!(got, expected, "{name}");
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{name}");
        assert!(requests[1].head.starts_with("GET /f?id=a%2Fb "), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_bill_is_said() {
    let failure = |code: &str| {
        let content = json!({"code": "40004", "msg": "x", "sub_code": code, "sub_msg": "x"});
        signed_reply(NODE, &content.to_string())
    };
    let unsigned = |code: &str| {
        let content = json!({"code": "40004", "msg": "x", "sub_code": code, "sub_msg": "x"});
        Reply::new(200).body(format!(r#"{{"{NODE}":{content}}}"#))
    };
    let empty = json!({"code": "10000", "bill_download_url": "x", "bill_file_code": EMPTY});
    let refused = |code: &str| Err(BillError::Refused(code.to_owned()));
    for (name, reply, expected) in [
        ("empty", signed_reply(NODE, &empty.to_string()), Ok(0)),
        ("no data", failure("NO_BILL_DATA"), Ok(0)),
        ("no data, unsigned", unsigned("NO_BILL_DATA"), Err(BillError::NotReady)),
        ("not yet", failure("isp.BILL_NOT_EXIST"), Err(BillError::NotReady)),
        ("unknown", failure("UNKNOWN_ERROR"), Err(BillError::Unknown)),
        ("system", failure("ACQ.SYSTEM_ERROR"), Err(BillError::Unknown)),
        ("arguments", failure("INVAILID_ARGUMENTS"), refused("INVAILID_ARGUMENTS")),
        ("limited", failure("isv.app-call-limited"), Err(BillError::Throttled)),
        ("429", Reply::new(429), Err(BillError::Throttled)),
        ("500", Reply::new(500).body("<html>"), Err(BillError::Unknown)),
        ("html", Reply::new(200).body("<html>"), Err(BillError::Unknown)),
        (
            "unsigned",
            Reply::new(200).body(format!(r#"{{"{NODE}":{{"code":"10000"}}}}"#)),
            Err(BillError::Unknown),
        ),
        ("no address", signed_reply(NODE, r#"{"code":"10000"}"#), Err(BillError::Unknown)),
        ("silent", Reply::silence(), Err(BillError::Unknown)),
    ] {
        let server = TestServer::start([reply]);
        let short = Timeouts { total: Duration::from_millis(300), ..Timeouts::default() };
        let settings = settings(&format!("{}/gateway.do", server.base_url()));
        let alipay = Alipay::new(settings, http_client::build(short).unwrap());
        let got = alipay.bill(day(), NOW).await.map(|bill| bill.count);
        assert_eq!(got, expected, "{name}");
    }
}

#[tokio::test]
async fn files_of_other_hosts_are_not_fetched() {
    for (url, host) in [
        ("http://evil.example/downloadBillFile.resource?fileId=1", "evil.example"),
        ("http://127.0.0.1:1/downloadBillFile.resource", "127.0.0.1:1"),
        ("https://dwbillcenter.alipay.com/downloadBillFile.resource", "dwbillcenter.alipay.com"),
        ("http://dwbillcenter.alipay.com@evil.example/", "evil.example"),
        ("http://user@dwbillcenter.alipay.com/", "dwbillcenter.alipay.com"),
        ("file:///etc/passwd", ""),
    ] {
        let server = TestServer::start([offer(url)]);
        let mut settings = settings(&format!("{}/gateway.do", server.base_url()));
        settings.bill_hosts = vec!["dwbillcenter.alipay.com".to_owned()];
        let refused = Alipay::new(settings, http()).bill(day(), NOW).await.err();
        assert_eq!(refused, Some(BillError::Host(host.to_owned())), "{url}");
        assert_eq!(server.requests().len(), 1, "{url}");
    }
}
