//! Bills: the vector of another implementation, every way to be wrong, and where files come from.

use super::{
    super::testing::{MCH_ID, NOW, gateway, http, settings, signed_reply},
    flow,
    trade::TradeRows,
    *,
};
use crate::{
    base::{
        http_client::test_server::{Reply, TestServer},
        money::Fen,
    },
    reconciliation::{BillEntry, BillRow, BilledRefund, Fee, Rate},
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::{Read, Write};

const HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn day() -> Day {
    "2025-12-31".parse().unwrap()
}

fn wanted() -> Wanted {
    Wanted { merchant: MCH_ID.to_owned(), day: day() }
}

fn vector() -> Value {
    let file = include_str!("../../../../tests/fixtures/wechat/trade_bill.json");
    serde_json::from_str(file).unwrap()
}

fn plain() -> Vec<u8> {
    BASE64_STANDARD.decode(vector()["plain_b64"].as_str().unwrap()).unwrap()
}

fn text() -> String {
    String::from_utf8(plain()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn sha1(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes))
}

fn checked(text: &str) -> Result<u64, BadBill> {
    TradeRows::open(text.as_bytes(), wanted())?.check()
}

fn rows(text: &str) -> Vec<BillRow> {
    TradeRows::open(text.as_bytes(), wanted()).unwrap().map(Result::unwrap).collect()
}

/// A row of a payment, and what it adds to the sums.
fn row(number: u32, amount: &str) -> String {
    format!(
        "`2025-12-31 10:00:00,`wx,`{MCH_ID},`0,`,`T{number},`N{number},`o,`JSAPI,`SUCCESS,`OTHERS,\
         `CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`饭卡,`,`0.00000,`0.60%,`{amount},`0.00,`\r\n"
    )
}

#[test]
fn the_vector_is_read_as_its_maker_meant_it() {
    let rows = rows(&text());
    let fen = |fen| Fen::new(fen).unwrap();
    let payment = BillRow {
        entry: BillEntry::Payment,
        at: Timestamp::parse_rfc3339("2025-12-31T09:59:58+08:00").unwrap(),
        out_trade_no: "CC20251231T000000000001".to_owned(),
        transaction_id: "4200000000202512310000000001".to_owned(),
        amount: fen(5000),
        coupon: Fen::ZERO,
        fee: Fee::from_thousandths(30_000),
        rate: Some(Rate::from_millionths(6000)),
    };
    let refund = BillRow {
        entry: BillEntry::Refund {
            refund_id: "50000000002025123100000000000001".to_owned(),
            stage: BilledRefund::UnderWay,
            out_refund_no: "RF20251231T000000000001".to_owned(),
        },
        at: Timestamp::parse_rfc3339("2025-12-31T10:05:00+08:00").unwrap(),
        amount: fen(1200),
        fee: Fee::from_thousandths(-7000),
        ..payment.clone()
    };
    assert_eq!(rows, [payment, refund]);
    assert_eq!(checked(&text()), Ok(2));
}

fn check_hash(file: &Packed, hex_sha1: &str) -> Result<(), BadBill> {
    file.read_hashed(hex_sha1, |_| Ok(()))
}

#[test]
fn the_hash_is_of_the_unpacked_bytes() {
    let vector = vector();
    let packed = BASE64_STANDARD.decode(vector["gzip_b64"].as_str().unwrap()).unwrap();
    let [right, wrong] =
        ["hash_value", "sha1_of_gzip_bytes_WRONG"].map(|name| vector[name].as_str().unwrap());
    // A client that unpacks by itself leaves the plain bytes.
    for bytes in [packed, plain()] {
        let file = Packed::new(bytes);
        assert_eq!(check_hash(&file, right), Ok(()));
        assert_eq!(check_hash(&file, &right.to_uppercase()), Ok(()));
        assert_eq!(check_hash(&file, wrong), Err(BadBill::Hash));
        // What else is wrong with a file counts only where it is the one that WeChat signed for.
        let broken = |hash| file.read_hashed(hash, |_| Err::<(), _>(BadBill::NotABill));
        assert_eq!(broken(right), Err(BadBill::NotABill));
        assert_eq!(broken(wrong), Err(BadBill::Hash));
        let read = |from: &mut dyn Read| TradeRows::open(from, wanted())?.check();
        assert_eq!(file.read_hashed(right, read), checked(&text()), "read to its end");
        assert_eq!(file.read_hashed(wrong, read), Err(BadBill::Hash));
    }
}

#[test]
fn damaged_and_endless_files_are_refused() {
    let mut packed = gzip(&plain());
    packed.truncate(packed.len() - 12);
    assert_eq!(check_hash(&Packed::new(packed), ""), Err(BadBill::Packed));
    // A thousandth of the size unpacks beyond every limit.
    let zeros = vec![0; 1024 * 1024];
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..=1024 {
        to.write_all(&zeros).unwrap();
    }
    let file = Packed::new(to.finish().unwrap());
    assert_eq!(check_hash(&file, ""), Err(BadBill::TooLarge));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_wrong_file_has_its_own_error() {
    let good = text();
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let without_sums = good.lines().take(3).fold(String::new(), |all, line| all + line + "\r\n");
    let cell = |column| BadBill::Cell { line: 2, column };
    for (name, file, expected) in [
        ("empty", String::new(), BadBill::Truncated),
        ("html", "<html><body>sign in, please</body></html>".to_owned(), BadBill::NotABill),
        ("json", r#"{"code":"SIGN_ERROR","message":"x"}"#.to_owned(), BadBill::NotABill),
        ("no sums", without_sums.clone(), BadBill::Truncated),
        ("no row of sums", format!("{without_sums}{SUMS}\r\n"), BadBill::Truncated),
        ("cut in a row", good.chars().take(500).collect(), BadBill::Cells(3)),
        (
            "a row is missing",
            good.lines()
                .enumerate()
                .filter(|(n, _)| *n != 2)
                .fold(String::new(), |all, (_, line)| all + line + "\r\n"),
            BadBill::Summary("总交易单数"),
        ),
        ("two bills", good.repeat(2), BadBill::Mixed(6)),
        ("another merchant", change("`1000000001", "`1000000002"), BadBill::Merchant(2)),
        ("another day", change("2025-12-31 09", "2025-12-30 09"), BadBill::Day(2)),
        ("dollars", change("`CNY", "`USD"), BadBill::Currency(2)),
        ("no such day", change("2025-12-31 09", "2025-13-31 09"), cell("交易时间")),
        ("no such state", change("`SUCCESS", "`ACCEPT"), cell("交易状态")),
        (
            "a part of a fen",
            change("`50.00,`0.00,", "`50.001,`0.00,"),
            BadBill::Cell { line: 2, column: "应结订单金额" },
        ),
        ("a float", change("`50.00,`0.00,`\r", "`5e1,`0.00,`\r"), cell("订单金额")),
        ("no number", change("`4200000000202512310000000001,`CC", "`,`CC"), cell("微信订单号")),
        (
            "more settled than ordered",
            change("`50.00,`0.00,`0,", "`50.01,`0.00,`0,"),
            cell("应结订单金额"),
        ),
        ("another sum", change("`2,`50.00", "`2,`51.00"), BadBill::Summary("应结订单总金额")),
        ("another sum of fees", change("`0.23000", "`0.23001"), BadBill::Summary("手续费总金额")),
        (
            "another sum of orders",
            change("`0.23000,`50.00", "`0.23000,`50.01"),
            BadBill::Summary("订单总金额"),
        ),
        (
            "no such column",
            change("手续费,费率,订单金额", "费用,费率,订单金额"),
            BadBill::Column("手续费"),
        ),
        ("a column twice", change("商品名称,", "商户号,"), BadBill::Column("商户号")),
        ("a long line", change("一卡通", &"一".repeat(6000)), BadBill::TooLarge),
        (
            "a number twice",
            change("`50000000002025123100000000000001", "`4200000000202512310000000001"),
            BadBill::Twice(3),
        ),
    ] {
        assert_eq!(checked(&file), Err(expected), "{name}");
    }
    let mut gbk = plain();
    gbk[300] = 0xFF;
    let gbk = TradeRows::open(gbk.as_slice(), wanted()).map(TradeRows::check);
    assert!(matches!(gbk, Err(BadBill::Encoding(_) | BadBill::Column(_))));
}

#[test]
fn order_and_names_of_columns_may_differ() {
    let head = "商户号,交易时间,微信订单号,商户订单号,交易状态,货币种类,总金额,企业红包金额,\
                微信退款单号,商户退款单号,退款金额,手续费\n";
    let rows_of = format!(
        "`{MCH_ID},`2025-12-31 00:00:00,`T1,`N1,`SUCCESS,`CNY,`0.29,`0.00,`0,`0,`0.00,`0.00\n\
         `{MCH_ID},`2025-12-31 23:59:59,`T1,`N1,`REVOKED,`CNY,`0,`0.00,`R1,`F1,`0.1,`-0.00\n"
    );
    let sums =
        "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额\n`2.0,`0.29,`0.1,`0,`0\n";
    let file = format!("{head}{rows_of}{sums}");
    assert_eq!(checked(&file), Ok(2));
    let amounts: Vec<_> = rows(&file).iter().map(|row| row.amount.get()).collect();
    assert_eq!(amounts, [29, 10]);
    assert_eq!(
        checked(&format!("{head}{}", "总交易单数,总交易额,手续费总金额\n`0,`0,`0\n")),
        Ok(0)
    );
}

#[test]
fn coupons_are_what_the_merchant_does_not_get() {
    let row = row(1, "50.00").replacen("`50.00", "`45.00", 1);
    let file =
        format!("{HEADER}\r\n{row}{SUMS}\r\n`1,`45.00,`0.00,`0.00,`0.00000,`50.00,`0.00\r\n");
    assert_eq!(checked(&file), Ok(1));
    let row = &rows(&file)[0];
    assert_eq!((row.amount.get(), row.coupon.get()), (5000, 500));
}

#[test]
fn a_hundred_thousand_rows_are_read_in_seconds() {
    let mut file = format!("{HEADER}\r\n");
    for number in 0..100_000 {
        file.push_str(&row(number, "0.01"));
    }
    file.push_str(SUMS);
    file.push_str("\r\n`100000,`1000.00,`0,`0,`0,`1000.00,`0\r\n");
    let packed = Packed::new(gzip(file.as_bytes()));
    check_hash(&packed, &sha1(file.as_bytes())).unwrap();
    assert_eq!(TradeRows::open(packed.unpacked(), wanted()).unwrap().check(), Ok(100_000));
}

fn flow_file(row: &str, sums: &str) -> String {
    format!(
        "\u{feff}记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,\
         账户结余（元）,资金变更提交申请人,备注,业务凭证号\r\n\
         `2025-12-31 10:00:00,`T1,`F1,`交易,`交易,`收入,`50.00,`50.00,`system,`一,卡通,`\r\n{row}\
         资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n{sums}\r\n"
    )
}

#[test]
fn the_account_tells_fees_by_their_payments() {
    let charged = "`2025-12-31 10:00:00,`T1,`F2,`扣除交易手续费,`扣除交易手续费,`支出,`0.30,`49.70,`system,`,`\r\n";
    let good = flow_file(charged, "`2.0,`1.0,`50.00,`1.0,`0.30");
    let flow = flow::read(good.as_bytes(), &wanted()).unwrap();
    assert_eq!((flow.flow.fee_of("T1"), flow.flow.fee_of("T2"), flow.trades), (Some(30), None, 2));
    for (name, file, expected) in [
        ("count", flow_file(charged, "`3,`1,`50.00,`1,`0.30"), BadBill::Summary("资金流水总笔数")),
        ("sum", flow_file(charged, "`2,`1,`50.00,`1,`0.31"), BadBill::Summary("支出金额")),
        ("cut", good.lines().take(3).collect::<Vec<_>>().join("\n"), BadBill::Truncated),
        ("day", good.replacen("2025-12-31", "2026-01-02", 1), BadBill::Day(2)),
        (
            "direction",
            good.replacen("支出,", "转出,", 1),
            BadBill::Cell { line: 3, column: "收支类型" },
        ),
    ] {
        assert_eq!(flow::read(file.as_bytes(), &wanted()), Err(expected), "{name}");
    }
}

/// WeChat's answers to the question for a bill and to its download, twice.
fn replies(url: &str, hash: &str, file: Reply) -> [Reply; 3] {
    let offer = json!({"hash_type": "SHA1", "hash_value": hash, "download_url": url});
    let none = json!({"code": "NO_STATEMENT_EXIST", "message": "账单文件不存在"});
    [signed_reply(200, &offer.to_string()), file, signed_reply(400, &none.to_string())]
}

async fn bill(replies: impl IntoIterator<Item = Reply>) -> Result<Bill, BillError> {
    let server = TestServer::start(replies);
    gateway(&server.base_url()).bill(day(), NOW).await
}

#[tokio::test]
async fn a_bill_is_fetched_from_its_host_and_checked() {
    let file = gzip(&plain());
    for (name, hash, body, expected) in [
        ("good", sha1(&plain()), file.clone(), Ok(2)),
        ("hash of the packed bytes", sha1(&file), file.clone(), Err(BadBill::Hash)),
        ("html", sha1(&plain()), b"<html>".to_vec(), Err(BadBill::Hash)),
        ("html with its hash", sha1(b"<html>"), b"<html>".to_vec(), Err(BadBill::NotABill)),
        ("truncated", sha1(&plain()), file[..file.len() - 20].to_vec(), Err(BadBill::Packed)),
    ] {
        let (gateway, server) = serve_with(&hash, Reply::new(200).body(body));
        let got = gateway.bill(day(), NOW).await.map(|bill| bill.count);
        let expected = expected.map_err(|bad| BillError::Bad { file: TRADE, bad });
        assert_eq!(got, expected, "{name}");
        let requests = server.requests();
        assert!(
            requests[1].head.starts_with("GET /v3/billdownload/file?token=a%2Fb&tartype=gzip ")
        );
        assert!(requests[1].header("authorization").starts_with("WECHATPAY2-SHA256-RSA2048 "));
    }
}

/// A gateway whose provider offers a file at its own host.
fn serve_with(hash: &str, file: Reply) -> (WechatPay, TestServer) {
    let server = TestServer::start_with(|base_url| {
        let url = format!("{base_url}/v3/billdownload/file?token=a%2Fb&tartype=gzip");
        replies(&url, hash, file).to_vec()
    });
    let mut settings = settings(&server.base_url());
    settings.bill_hosts = vec![server.base_url().replace("http://", "")];
    (WechatPay::new(settings, super::super::testing::APP_ID, http()), server)
}

#[tokio::test]
async fn what_is_no_bill_is_said() {
    let error = |code: &str| json!({"code": code, "message": "x"}).to_string();
    let none = bill([signed_reply(400, &error("NO_STATEMENT_EXIST"))]).await.unwrap();
    assert_eq!((none.count, none.hash.as_str()), (0, ""));
    for (reply, expected) in [
        (signed_reply(400, &error("STATEMENT_CREATING")), BillError::NotReady),
        (signed_reply(429, &error("FREQUENCY_LIMITED")), BillError::Throttled),
        (signed_reply(403, &error("NO_AUTH")), BillError::Refused("NOAUTH".to_owned())),
        (signed_reply(500, &error("SYSTEM_ERROR")), BillError::Unknown),
        (Reply::new(200).body("{}"), BillError::Unknown),
        (signed_reply(200, "{}"), BillError::Unknown),
        (Reply::silence(), BillError::Unknown),
    ] {
        assert_eq!(bill([reply]).await.err(), Some(expected));
    }
}

/// Anybody could have written an unsigned refusal: it alone closes no day.
#[tokio::test]
async fn a_day_without_transactions_is_proven() {
    let none = json!({"code": "NO_STATEMENT_EXIST", "message": "账单文件不存在"}).to_string();
    let unsigned = || Reply::new(400).body(none.as_str());
    let withdrawal = flow_file("", "`1,`1,`50.00,`0,`0").replacen("交易,`交易", "提现,`提现", 1);
    let paid = flow_file("", "`1,`1,`50.00,`0,`0");
    let not_ready = Err(BillError::NotReady);
    for (name, trade, flow, expected) in [
        ("signed", signed_reply(400, &none), None, Ok(0)),
        ("unsigned twice", unsigned(), Some(Err(unsigned())), not_ready.clone()),
        ("the other is signed", unsigned(), Some(Err(signed_reply(400, &none))), Ok(0)),
        ("the account moved otherwise", unsigned(), Some(Ok(withdrawal)), Ok(0)),
        ("the account has a payment", unsigned(), Some(Ok(paid)), not_ready),
    ] {
        let server = TestServer::start_with(|base_url| {
            let url = format!("{base_url}/v3/billdownload/file?token=a");
            let flow = flow.map(|flow| match flow {
                Ok(file) => {
                    let body = Reply::new(200).body(gzip(file.as_bytes()));
                    replies(&url, &sha1(file.as_bytes()), body)[..2].to_vec()
                }
                Err(reply) => vec![reply],
            });
            std::iter::once(trade).chain(flow.into_iter().flatten()).collect()
        });
        let mut settings = settings(&server.base_url());
        settings.bill_hosts = vec![server.base_url().replace("http://", "")];
        let gateway = WechatPay::new(settings, super::super::testing::APP_ID, http());
        let got = gateway.bill(day(), NOW).await.map(|bill| bill.count);
        assert_eq!(got, expected, "{name}");
    }
}

#[tokio::test]
async fn files_of_other_hosts_are_not_fetched() {
    for (url, host) in [
        ("http://evil.example/v3/billdownload/file?token=1", "evil.example"),
        ("http://127.0.0.1:1/v3/billdownload/file", "127.0.0.1:1"),
        ("https://api.mch.weixin.qq.com/v3/billdownload/file", "api.mch.weixin.qq.com"),
        ("http://api.mch.weixin.qq.com@evil.example/", "evil.example"),
        ("http://user@bills.test/", "bills.test"),
        ("file:///etc/passwd", ""),
    ] {
        let server = TestServer::start(replies(url, "", Reply::new(200)));
        let mut settings = settings(&server.base_url());
        settings.bill_hosts = ["bills.test", "api.mch.weixin.qq.com"].map(str::to_owned).to_vec();
        let gateway = WechatPay::new(settings, super::super::testing::APP_ID, http());
        let refused = gateway.bill(day(), NOW).await.err();
        assert_eq!(refused, Some(BillError::Host(host.to_owned())), "{url}");
        assert_eq!(server.requests().len(), 1, "{url}");
    }
}
