//! What strangers can do to a running server: hold on to it, fill its memory, shout into its log.

use super::process::{Place, Server, answer, wait_until};
use flate2::{Compression, write::GzEncoder};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

fn half_a_body(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    let head = "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: test\r\n\
                Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    connection.write_all(head.as_bytes()).unwrap();
    connection
}

#[test]
fn a_slow_body_does_not_delay_a_stop() {
    let mut place = Place::configured();
    place.set("SERVER__WORKERS", "1");
    let server = Server::start(&place);
    let slow = half_a_body(&server.listen);
    // One worker takes connections up in their order.
    assert_eq!(answer(&server.listen, "/healthz").0, 200);
    let began = Instant::now();
    assert_eq!(server.stop("TERM").0, 0);
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    drop(slow);
}

#[test]
fn more_unfinished_bodies_than_descriptors_at_the_start_keep_nobody_out() {
    let place = Place::configured();
    let server = Server::start_with(&place, "ulimit -Sn 200");
    let unfinished: Vec<_> = (0..300).map(|_| half_a_body(&server.listen)).collect();
    assert_eq!(answer(&server.listen, "/healthz").0, 200);
    drop(unfinished);
    let (code, log) = server.stop("TERM");
    assert_eq!(code, 0);
    assert!(!log.contains("Too many open files"), "{log}");
}

#[test]
fn a_limit_that_cannot_be_raised_is_warned_of_and_lowers_the_connections() {
    let place = Place::configured();
    let server = Server::start_with(&place, "ulimit -n 400");
    let held: Vec<_> = (0..300).map(|_| half_a_body(&server.listen)).collect();
    drop(held);
    wait_until(|| answer(&server.listen, "/healthz").0 == 200);
    let (code, log) = server.stop("TERM");
    assert_eq!(code, 0);
    let warning = "is too low for server.max_connections";
    assert!(log.lines().any(|line| line.contains(warning) && line.contains("WARN")), "{log}");
    assert!(!log.contains("Too many open files"), "{log}");
}

/// The most memory that the process ever took, in KiB.
fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn compressed_bodies_do_not_fill_the_memory() {
    let place = Place::configured();
    let server = Server::start(&place);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..60 {
        bomb.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() <= 64 * 1024, "{}", bomb.len());
    assert_eq!(answer(&server.listen, "/healthz").0, 200);
    let before = peak(&server);
    let sending: Vec<_> = (0..16)
        .map(|_| {
            let (listen, bomb) = (server.listen.clone(), bomb.clone());
            std::thread::spawn(move || {
                let mut connection = TcpStream::connect(listen).unwrap();
                let head = format!(
                    "POST /callbacks/nowhere/wechat-pay/transactions HTTP/1.1\r\nHost: test\r\n\
                     Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                    bomb.len()
                );
                connection.write_all(head.as_bytes()).unwrap();
                // It may be refused before it is sent.
                let _ = connection.write_all(&bomb);
                let mut answer = String::new();
                let _ = connection.read_to_string(&mut answer);
                assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            })
        })
        .collect();
    for thread in sending {
        thread.join().unwrap();
    }
    let grown = peak(&server) - before;
    assert!(grown < 24 * 1024, "{grown} KiB more");
}

#[test]
fn what_is_no_http_is_no_error_of_the_server() {
    let place = Place::configured();
    let server = Server::start(&place);
    let huge = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let strange: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\nbad header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad\x01: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
        huge.as_bytes(),
    ];
    for sent in strange {
        let mut connection = TcpStream::connect(&server.listen).unwrap();
        // It may be refused before it is sent.
        let _ = connection.write_all(sent);
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let (code, log) = server.stop("TERM");
    assert_eq!(code, 0);
    assert!(log.contains("stream error"), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}
