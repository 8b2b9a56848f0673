//! A day of many rows through everything that a real one goes through: the question for each file, its download,
//! its hash, unpacking, reading and checking it, and the comparison. With `ONECARD_LONG=1` it has 100,000 rows.

use super::{
    kinds::{Books, Made, peak_mib},
    office::{Office, noon_after},
};
use aws_lc_rs::digest;
use encoding_rs::GBK;
use flate2::{Compression, write::GzEncoder};
use onecard::{base::clock::Timestamp, orders::fact::Provider};
use serde_json::json;
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Cursor, Read, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};
use testkit::{AlipayForge, Forge, TestDb, merchant, on_each_database, yuan};
use zip::{ZipWriter, write::SimpleFileOptions};

on_each_database!(
    a_large_day_of_wechat_pay_is_fetched_and_compared,
    a_large_day_of_alipay_is_fetched_and_compared,
);

/// What the provider's host answers: head and body by the beginning of the path.
type Pages = Vec<(&'static str, String, Vec<u8>)>;

async fn a_large_day_of_wechat_pay_is_fetched_and_compared(db: &TestDb) {
    Box::pin(a_large_day(db, Provider::WechatPay)).await;
}

async fn a_large_day_of_alipay_is_fetched_and_compared(db: &TestDb) {
    Box::pin(a_large_day(db, Provider::Alipay)).await;
}

async fn a_large_day(db: &TestDb, provider: Provider) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let count = if long { 100_000_u64 } else { 1200 };
    let mut books = Box::pin(Books::open(db)).await;
    books.provider = provider;
    if provider == Provider::Alipay {
        books.merchant = AlipayForge::with_sandbox_keys().seller_id;
    }
    let made: Vec<_> = (0..count)
        .map(|n| books.clean(100 + i64::try_from(n % 900).unwrap(), books.at(n % 86_400)))
        .collect();
    books.put(&made).await;
    let noon = noon_after(books.day);
    let host = Host::serve(|base_url| match provider {
        Provider::WechatPay => wechat_pages(&made, base_url, noon),
        Provider::Alipay => alipay_pages(&made, &books, base_url),
    });
    drop(made);
    let mut settings = books.world.settings("http://127.0.0.1:1");
    for (name, value) in &mut settings {
        match name.as_str() {
            "ONECARD__WECHAT_PAY__BASE_URL" => host.base_url.clone_into(value),
            "ONECARD__ALIPAY__GATEWAY_URL" => *value = format!("{}/gateway.do", host.base_url),
            "ONECARD__WECHAT_PAY__BILL_HOSTS" | "ONECARD__ALIPAY__BILL_HOSTS" => {
                host.base_url.trim_start_matches("http://").clone_into(value);
            }
            _ => {}
        }
    }
    let mut office = Office::open_with(settings, noon).await;
    office.provider = provider;

    // The most memory is counted from here on.
    let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let (before, began) = (peak_mib(), Instant::now());
    let totals = office.compare("xnec", books.day).await.unwrap();
    let (took, more) = (began.elapsed(), peak_mib().saturating_sub(before));
    println!(
        "{provider:?}: {} rows fetched and compared in {took:?}, {more} MiB more",
        totals.bill_rows
    );
    if long && is_reset && !cfg!(debug_assertions) {
        assert!(took < Duration::from_secs(30), "{provider:?}: {took:?}");
        assert!(more < 200, "{provider:?}: {more} MiB");
    }
    assert_eq!(totals.open_differences, 0, "{:?}", office.found("xnec", books.day).await.first());
    assert_eq!((totals.bill_rows, totals.our_rows), (count, count));
    assert_eq!((totals.paid_count, totals.paid_fen), (count, totals.billed_fen));
    let fees = "SELECT COUNT(*) FROM transfer WHERE kind = 'fee'";
    assert_eq!(books.world.rows.number(fees).await, i64::try_from(count).unwrap());
}

fn beijing(at: Timestamp) -> String {
    at.to_rfc3339()[..19].replace('T', " ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn wechat_pages(made: &[Made], base_url: &str, now: Timestamp) -> Pages {
    let forge = Forge::with_sandbox_keys();
    let offer = |file: &str, text: &str| {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let offer = json!({
            "hash_type": "SHA1", "hash_value": hex(hash.as_ref()),
            "download_url": format!("{base_url}/v3/billdownload/file?token={file}"),
        });
        let letter = forge.signed_at(now.seconds(), offer.to_string());
        let head = letter.headers.iter().fold(String::new(), |mut head, (name, value)| {
            write!(head, "{name}: {value}\r\n").unwrap();
            head
        });
        (head, letter.body)
    };
    let (trade, flow) = (trade_text(made), flow_text(made));
    let ((trade_head, trade_offer), (flow_head, flow_offer)) =
        (offer("trade", &trade), offer("flow", &flow));
    vec![
        ("/v3/bill/tradebill?", trade_head, trade_offer),
        ("/v3/bill/fundflowbill?", flow_head, flow_offer),
        ("/v3/billdownload/file?token=trade", String::new(), gzip(&trade)),
        ("/v3/billdownload/file?token=flow", String::new(), gzip(&flow)),
    ]
}

fn trade_text(made: &[Made]) -> String {
    let mut text = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,\
        交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
        充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n"
        .to_owned();
    let (mut sum, mut fees, mchid) = (0, 0, merchant());
    for made in made {
        let row = made.row.as_ref().unwrap();
        let (at, amount, fee) = (beijing(row.at), yuan(made.amount), yuan(row.fee.fen()));
        let (id, number) = (&row.transaction_id, &row.out_trade_no);
        write!(
            text,
            "`{at},`wx1,`{mchid},`0,`,`{id},`{number},`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,\
             `OTHERS,`CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`校园卡充值,`,`{fee}000,`0.60%,`{amount},\
             `0.00,`\r\n"
        )
        .unwrap();
        sum += made.amount;
        fees += row.fee.fen();
    }
    let (count, sum, fees) = (made.len(), yuan(sum), yuan(fees));
    write!(
        text,
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
         `{count},`{sum},`0.00,`0.00,`{fees}000,`{sum},`0.00\r\n"
    )
    .unwrap();
    text
}

fn flow_text(made: &[Made]) -> String {
    let mut text =
        "\u{feff}记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),\
                    账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n"
            .to_owned();
    let (mut came, mut went) = (0, 0);
    for (place, made) in made.iter().enumerate() {
        let row = made.row.as_ref().unwrap();
        let (at, id, fee) = (beijing(row.at), &row.transaction_id, row.fee.fen());
        came += made.amount;
        went += fee;
        let (amount, charged, left) = (yuan(made.amount), yuan(fee), yuan(came - went));
        write!(
            text,
            "`{at},`{id},`{place}1,`交易,`交易,`收入,`{amount},`{left},`system,`,`{id}\r\n\
             `{at},`{id},`{place}2,`扣除交易手续费,`扣除交易手续费,`支出,`{charged},`{left},`system,`,`{id}\r\n"
        )
        .unwrap();
    }
    let (each, all) = (made.len(), 2 * made.len());
    let (came, went) = (yuan(came), yuan(went));
    write!(
        text,
        "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n`{all}.0,`{each}.0,`{came},`{each}.0,`{went}\r\n"
    )
    .unwrap();
    text
}

#[expect(clippy::too_many_lines, reason = "the text of a bill")]
fn alipay_pages(made: &[Made], books: &Books, base_url: &str) -> Pages {
    let forge = AlipayForge::with_sandbox_keys();
    let url = format!("{base_url}/downloadBillFile.resource?fileId=1");
    let content =
        json!({ "code": "10000", "msg": "Success", "bill_download_url": url }).to_string();
    let sign = forge.sign(content.as_bytes());
    let answer = format!(
        r#"{{"alipay_data_dataservice_bill_downloadurl_query_response":{content},"sign":"{sign}"}}"#
    );
    let (day, next) = (books.day.to_string(), books.day.next().to_string());
    let head = |name: &str| {
        format!(
            "#支付宝{name}查询\r\n#账号：[{}0156]\r\n#起始日期：[{day} 00:00:00]   终止日期：[{next} 00:00:00]\r\n\
             #-----{name}列表-----\r\n",
            books.merchant
        )
    };
    let mut detail = head("业务明细")
        + "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,\
           对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
           券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,\
           备注\r\n";
    let (mut sum, mut fees) = (0, 0);
    for made in made {
        let row = made.row.as_ref().unwrap();
        let (at, amount, fee) = (beijing(row.at), yuan(made.amount), yuan(row.fee.fen()));
        let (id, number) = (&row.transaction_id, &row.out_trade_no);
        write!(
            detail,
            "{id}\t,{number}\t,交易\t,校园卡充值\t,{at}\t,{at}\t,\t,\t,\t,\t,学生(123***)\t,{amount}\t,{amount}\t,\
             0.00\t,0.00\t,0.00\t,0.00\t,0.00\t,\t,0.00\t,0.00\t,\t,-{fee}\t,0.00\t,\r\n"
        )
        .unwrap();
        sum += made.amount;
        fees += row.fee.fen();
    }
    detail += "#-----业务明细列表结束-----\r\n#导出时间：[2026年01月01日 09:00:00]\r\n";
    let (trades, remainder) = (made.len(), yuan(sum - fees));
    let (sum, fees) = (yuan(sum), yuan(fees));
    let summary = format!(
        "{}门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,\
         卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）\r\n\
         合计\t,\t,{trades}\t,0\t,{sum}\t,{sum}\t,0.00\t,0.00\t,0.00\t,-{fees}\t,0.00\t,{remainder}\t\r\n\
         #-----业务汇总列表结束-----\r\n",
        head("业务汇总")
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("业务明细.csv", detail), ("业务明细(汇总).csv", summary)] {
        let name = format!("{}0156_20251231_{name}", books.merchant);
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&GBK.encode(&text).0).unwrap();
    }
    vec![
        ("/gateway.do", "Content-Type: application/json\r\n".to_owned(), answer.into_bytes()),
        ("/downloadBillFile.resource?", String::new(), zip.finish().unwrap().into_inner()),
    ]
}

/// The provider's host, on a port of this machine.
struct Host {
    base_url: String,
}

impl Host {
    fn serve(pages: impl FnOnce(&str) -> Pages) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let pages = pages(&base_url);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), &pages);
            }
        });
        Self { base_url }
    }
}

fn answer(stream: &TcpStream, pages: &Pages) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let page = pages.iter().find(|(begins, ..)| path.starts_with(begins));
    let (status, more, body) = page.map_or(("404 Not Found", "", &b""[..]), |(_, more, body)| {
        ("200 OK", more.as_str(), body.as_slice())
    });
    let length = body.len();
    let mut out = stream;
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n");
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(body));
}
