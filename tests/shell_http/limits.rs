//! What a client can hold on to: how much, how long, how many.

use super::{JSON, assert_problem, get, head, post, served::Served};
use actix_web::rt::task::spawn_blocking;
use flate2::{Compression, write::GzEncoder};
use onecard::base::http::TimeLimits;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const MAX: usize = 64 * 1024;
/// Long enough for any test.
const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(300);

/// The body of the answer, or the status and the code of the refusal.
type Answered = Result<&'static str, (u16, &'static str)>;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

fn coded(path: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!(
        "{coding}Content-Type: {JSON}\r\nIdempotency-Key: k\r\nContent-Length: {}\r\n",
        body.len()
    );
    [head(&format!("POST {path}"), &headers), body.to_vec()].concat()
}

#[actix_web::test]
async fn a_body_is_bounded_as_received_and_as_unpacked() {
    let served = Served::start("").await;
    let gz = "Content-Encoding: gzip\r\n";
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() <= MAX, "{}", bomb.len());
    // Whoever unpacks all of it finds that the end is damaged.
    let mut damaged = bomb.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 1;
    let cases: Vec<(&str, Vec<u8>, Answered)> = vec![
        ("plain", coded("/test/raw", "", &[b'x'; MAX]), Ok("65536")),
        ("one too many", coded("/test/raw", "", &[b'x'; MAX + 1]), Err((413, "request_too_large"))),
        ("called identity", coded("/test/raw", "Content-Encoding: identity\r\n", b"x"), Ok("1")),
        ("gzip", coded("/test/raw", gz, &gzip(&[b'x'; MAX])), Ok("65536")),
        (
            "one too many within gzip",
            coded("/test/raw", gz, &gzip(&[b'x'; MAX + 1])),
            Err((413, "request_too_large")),
        ),
        ("64 MiB within gzip", coded("/test/raw", gz, &bomb), Err((413, "request_too_large"))),
        (
            "64 MiB, unpacked no further than needed",
            coded("/test/raw", gz, &damaged),
            Err((413, "request_too_large")),
        ),
        ("no gzip", coded("/test/raw", gz, b"xx"), Err((400, "request_malformed"))),
        (
            "gzip twice",
            coded("/test/raw", "Content-Encoding: gzip, gzip\r\n", &gzip(&gzip(b"x"))),
            Err((415, "unsupported_media_type")),
        ),
        (
            "gzip on two lines",
            coded("/test/raw", &[gz, gz].concat(), &gzip(&gzip(b"x"))),
            Err((415, "unsupported_media_type")),
        ),
        (
            "brotli",
            coded("/test/raw", "Content-Encoding: br\r\n", b"x"),
            Err((415, "unsupported_media_type")),
        ),
        (
            "JSON within gzip",
            coded("/test/orders", gz, &gzip(b"{\"amount_fen\":1}")),
            Err((415, "unsupported_media_type")),
        ),
    ];
    for (what, request, expected) in cases {
        let answer = served.send(request).await;
        match expected {
            Ok(text) => assert_eq!((answer.status, answer.text().as_str()), (200, text), "{what}"),
            Err((status, code)) => drop(assert_problem(what, &answer, status, code)),
        }
    }
}

/// Reads until the server closes the connection.
fn rest(mut connection: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends it as well.
    let _ = connection.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn whatever_is_left_unfinished_ends_in_time() {
    let times = TimeLimits { head: SHORT, body: SHORT, last_body: SHORT, request: 3 * SHORT };
    let served = Served::limited(1000, times).await;
    let body = |path: &str| {
        let length = "Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 9";
        format!("POST {path} HTTP/1.1\r\nHost: test\r\n{length}\r\n\r\n{{").into_bytes()
    };
    let whole = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
    let chunks = b"POST /test/unread HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "408"),
        ("half a head", b"GET / HTTP/1.1\r\nHo".to_vec(), "408"),
        ("half a head after a request", [&whole[..], b"GET /"].concat(), "200"),
        ("half a body", body("/test/orders"), "408"),
        ("half a raw body", body("/test/raw"), "408"),
        ("half a body that nobody reads", body("/test/unread"), "200"),
        ("half a body of a terminal", body("/terminal/v1/charges"), "401"),
        ("half a body at no path", body("/test/nothing"), "404"),
        ("half a body of chunks that nobody reads", chunks.to_vec(), "200"),
    ];
    let connections: Vec<_> =
        cases.into_iter().map(|(what, sent, status)| (what, served.begun(&sent), status)).collect();
    for (what, connection, status) in connections {
        let began = Instant::now();
        let answer = spawn_blocking(move || rest(connection)).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(5), "{what}: {:?}", began.elapsed());
    }
}

/// A client that sends a little from time to time gains nothing by it.
#[actix_web::test]
async fn a_trickle_ends_in_time() {
    let times = TimeLimits { head: SHORT, body: SHORT, last_body: SHORT, request: 3 * SHORT };
    let served = Served::limited(1000, times).await;
    let chunks = "POST /test/unread HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = "POST /test/raw HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n";
    let head = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\nGET /healthz HTTP/1.1\r\nX-A: ";
    for (what, begun, more) in
        [("chunks", chunks, "1\r\nx\r\n"), ("body", body, "x"), ("head", head, "x")]
    {
        let mut connection = served.begun(begun.as_bytes());
        let ended = spawn_blocking(move || {
            let began = Instant::now();
            let mut answer = [0; 1024];
            connection.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            while connection.write_all(more.as_bytes()).is_ok() {
                // Waits a moment for an answer.
                let _ = connection.read(&mut answer);
                assert!(began.elapsed() < Duration::from_secs(8), "{what} goes on and on");
            }
        });
        ended.await.unwrap();
    }
}

#[actix_web::test]
async fn connections_above_the_limit_wait() {
    let times = TimeLimits { head: LONG, body: LONG, last_body: LONG, request: LONG };
    let served = Served::limited(4, times).await;
    let held: Vec<_> = (0..4).map(|_| served.begun(b"GET / HTTP/1.1\r\nHo")).collect();
    let mut waiting = served.begun(&get("/healthz"));
    waiting.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let (mut waiting, answered) = spawn_blocking(move || {
        let answered = waiting.read(&mut [0; 1]).is_ok();
        (waiting, answered)
    })
    .await
    .unwrap();
    assert!(!answered, "a fifth connection was served");
    drop(held);
    waiting.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let answer = spawn_blocking(move || {
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).map(|_| answer)
    });
    assert!(answer.await.unwrap().unwrap().starts_with("HTTP/1.1 200"));
}

/// A stopping server does not wait long for bodies.
#[actix_web::test]
async fn a_stop_ends_waiting_for_bodies() {
    let times = TimeLimits { head: LONG, body: LONG, last_body: SHORT, request: LONG };
    let served = Served::limited(1000, times).await;
    let whole = post(JSON, b"{\"amount_fen\":1}");
    let half = served.begun(&whole[..whole.len() - 1]);
    served.app.drain();
    let answer = spawn_blocking(move || rest(half)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[actix_web::test]
async fn what_the_head_decides_is_answered_without_the_body() {
    let times = TimeLimits { head: LONG, body: LONG, last_body: LONG, request: LONG };
    let served = Served::limited(1000, times).await;
    served.app.db.migrate().await.unwrap();
    let cases = [
        ("/terminal/v1/charges", JSON, 9, 401),
        ("/callbacks/nowhere/wechat-pay/transactions", JSON, 9, 404),
        ("/api/v1/orders", JSON, 9, 401),
        ("/api/v1/auth/refresh", "text/plain", 9, 415),
        ("/api/v1/auth/refresh", JSON, MAX + 1, 413),
        ("/test/raw", JSON, MAX + 1, 413),
        ("/nothing", JSON, 9, 404),
    ];
    for (path, content_type, length, status) in cases {
        let headers = format!("Content-Type: {content_type}\r\nContent-Length: {length}\r\n");
        let mut half =
            served.begun(&[head(&format!("POST {path}"), &headers), vec![b'{']].concat());
        let answer = spawn_blocking(move || {
            let mut answer = [0; 12];
            half.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned())
        });
        assert_eq!(answer.await.unwrap().unwrap(), format!("HTTP/1.1 {status}"), "{path} {length}");
    }
}
