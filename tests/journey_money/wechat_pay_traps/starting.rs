//! A server that starts while WeChat Pay is down, knowing no key of WeChat's.

use super::trap::{fixture, platform, text};
use sandbox::wechat_pay::MAX_SPEED;
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use testkit::{Forge, TestDb, World, eventually, now, on_each_database, seal};

on_each_database!(
    nothing_is_believed_until_the_keys_are_known,
    a_merchant_is_paid_through_certificates_that_were_fetched,
);

/// The sandbox makes the certificate after the server started, and signs with it alone. Each
/// callback before it is known is refused, and comes again.
async fn a_merchant_is_paid_through_certificates_that_were_fetched(db: &TestDb) {
    let settings = [
        ("WECHAT_PAY__PUBLIC_KEY_ID", ""),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", ""),
        ("WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES", "true"),
    ];
    let world = World::start_with(db, &settings).await;
    let student = world.student(0).await;
    let mch_id = world.pay().merchants()[0].mch_id.clone();
    world.pay().add_certificate(&mch_id).unwrap();
    world.pay().set_public_key_percent(&mch_id, 0).unwrap();
    world.pay().set_speed(MAX_SPEED);
    let order = eventually("the provider's answer is believed", async || {
        let answer = student.order(100, "first").await;
        (answer.status == 201).then(|| answer.body(201))
    })
    .await;
    let payment = world.pay_order(&order).await;
    world.until(&payment.out_trade_no, |payment| payment.accepted == 1).await;
    assert_eq!(student.balances().await, [0, 0, 100, 100]);
    assert_checked(&world).await;
}

async fn nothing_is_believed_until_the_keys_are_known(db: &TestDb) {
    let provider = Provider::start();
    let settings = [
        ("WECHAT_PAY__BASE_URL", provider.base_url.as_str()),
        ("WECHAT_PAY__PUBLIC_KEY_ID", ""),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", ""),
        ("WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES", "true"),
    ];
    let world = World::start_with(db, &settings).await;
    let (student, forge, platform) =
        (world.student(0).await, Forge::with_sandbox_keys(), platform());
    // The provider is down, so the order is there and cannot be paid by this answer.
    let refused = student.order(100, "first").await;
    assert!(refused.status >= 500, "{}", refused.text());
    let number = world.rows.only_payment().await.simple().to_string();
    let body = forge.envelope("first", &forge.transaction_of(&number, 100)).to_string();

    let before = world.rows.everything().await;
    for _ in 0..3 {
        let answer = platform.signed(body.as_str()).send(&world.api(), "xnec").await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("FAIL")));
    }
    let by_public_key = forge.signed(body.as_str()).send(&world.api(), "xnec").await;
    assert_eq!(by_public_key.status, 503);
    assert_eq!(world.rows.everything().await, before);

    provider.recover();
    eventually("the repeated message is taken", async || {
        let letter = platform.signed(body.as_str());
        (letter.send(&world.api(), "xnec").await.status == 204).then_some(())
    })
    .await;
    assert_eq!(student.balances().await, [0, 0, 100, 100]);
    let by_public_key = forge.signed(body.as_str()).send(&world.api(), "xnec").await;
    assert_eq!(by_public_key.status, 401, "no key of that serial was fetched");
    assert_checked(&world).await;
}

/// Answers 503, and once recovered, whatever it is asked, with the certificates.
struct Provider {
    base_url: String,
    up: Arc<AtomicBool>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let up = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&up);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), seen.load(Ordering::SeqCst));
            }
        });
        Self { base_url, up }
    }

    fn recover(&self) {
        self.up.store(true, Ordering::SeqCst);
    }
}

fn answer(stream: &TcpStream, up: bool) {
    read_request(stream);
    let mut out = stream;
    let answer = if up { certificates() } else { "HTTP/1.1 503 Down\r\n\r\n".to_owned() };
    let _ = out.write_all(answer.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes());
}

fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    let _ = reader.read_exact(&mut body);
}

/// The certificates of the vectors under our API v3 key, signed with the platform's key just now.
fn certificates() -> String {
    let (keys, forge) = (fixture("keys"), Forge::with_sandbox_keys());
    let pem = text(&keys, "/platform_certificate/certificate_pem");
    let body = json!({ "data": [{
        "serial_no": text(&keys, "/platform_certificate/serial_no"),
        "effective_time": now().to_rfc3339(),
        "expire_time": now().to_rfc3339(),
        "encrypt_certificate": seal(pem.as_bytes(), "certificate", forge.api_v3_key()),
    }] })
    .to_string();
    let letter = platform().signed(body.as_str());
    let headers = letter.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// `verify` checks what was signed with certificates that were fetched; without them it holds everything
/// else.
async fn assert_checked(world: &World) {
    world.at_rest().await;
    world.assert_books(100).await;
    assert_eq!(world.rows.change("UPDATE platform_certificate SET sealed = '{}'", []).await, 1);
    let report = world.report().await;
    let broken: Vec<_> = report.findings.iter().filter(|found| found.total > 0).collect();
    assert!(broken.len() == 1 && broken[0].named[0].what.contains("key"), "{report}");
}
