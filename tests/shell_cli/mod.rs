//! The program as an operator meets it: help, exit codes, and a server that starts and stops.

mod doors;
mod process;
mod strangers;

use process::{Place, Server, answer, finished, output, wait_until};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};
use testkit::{Program, World, on_postgres};

/// Commands, and what their help says.
const HELP: [(&[&str], &[&str]); 16] = [
    (&["--help"], &["serve", "migrate", "verify", "school", "roster", "openapi", "Examples:"]),
    (&["serve", "--help"], &["SIGTERM", "/metrics", "redis.url"]),
    (&["migrate", "--help"], &["several run at once", "--first-macs"]),
    (&["verify", "--help"], &["--anchor <FILE>", "--since <FILE>", "--close <FILE>", "Examples:"]),
    (&["school", "--help"], &["import"]),
    (&["school", "import", "--help"], &["<PATH>...", "--replace", "Examples:"]),
    (
        &["roster", "import", "--help"],
        &["--school <CODE>", "--check", "<FILE.csv>", "student_no", "GBK"],
    ),
    (
        &["door", "rights", "import", "--help"],
        &[
            "--school <CODE>",
            "--group <NAME>",
            "<FILE.csv>",
            "student_no,door_group",
            "from,until,hours",
            "GBK",
            "--reason",
            "Example:",
        ],
    ),
    (
        &["door", "locks", "import", "--help"],
        &["--school <CODE>", "<FILE.csv>", "lock_id,door_group,name", "GBK", "Example:"],
    ),
    (
        &["library", "readers", "--help"],
        &["--school <CODE>", "<FILE.csv>", "reader,student_no", "must not exist", "Example:"],
    ),
    (&["merchant", "add", "--help"], &["--code <CODE>", "--name <NAME>", "Example:"]),
    (
        &["terminal", "add", "--help"],
        &["--kind <KIND>", "pos", "gate", "library", "water", "--replace", "openssl", "SCHOOL/ID"],
    ),
    (&["rekey", "--help"], &["data", "index", "mac", "--reason", "Example:"]),
    (&["rekey", "mac", "--help"], &["--take-over"]),
    (&["reconcile", "--help"], &["--provider", "--date", "--csv", "--xlsx", "10:00"]),
    (&["openapi", "--help"], &["OpenAPI 3.1"]),
];

#[test]
fn help_says_what_each_command_does() {
    for (arguments, expected) in HELP {
        let (code, out, _) = finished(Place::bare().command(arguments));
        assert_eq!(code, 0, "{arguments:?}");
        for text in expected {
            assert!(out.contains(text), "{arguments:?} does not say {text}:\n{out}");
        }
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let cases: [&[&str]; 20] = [
        &[],
        &["door"],
        &["door", "rights", "import", "list.csv"],
        &["door", "rights", "import", "--school", "xnec"],
        &["door", "rights", "import", "--school", "xnec", "--group", " 一号楼", "list.csv"],
        &["door", "locks", "import", "list.csv"],
        &["library"],
        &["library", "readers", "--school", "xnec"],
        &["reconcile", "--school", "xnec"],
        &["reconcile", "--school", "xnec", "--provider", "bank", "--date", "2026-11-28"],
        &["reconcile", "--school", "xnec", "--provider", "wechat_pay", "--date", "28.11.2026"],
        &["rekey"],
        &["rekey", "data", "--take-over"],
        &["fly"],
        &["serve", "--fast"],
        &["school", "import"],
        &["roster", "import", "people.csv"],
        &["merchant", "add", "--school", "xnec"],
        &["terminal", "add", "--school", "xnec", "--id", "T1", "--kind", "till"],
        &["--config", "nowhere.toml", "migrate"],
    ];
    for arguments in cases {
        let (code, out, err) = finished(Place::bare().command(arguments));
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(!err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_configuration_is_named_at_once() {
    let place = Place::bare();
    place.write("onecard.toml", "server.lisen = \"x\"\n[database]\nurl = \"mysql://x\"\n");
    let (code, _, err) = finished(place.command(&["serve"]));
    assert_eq!(code, 2);
    for key in
        ["keys.master", "keys.data", "keys.index", "keys.jwt", "server.lisen", "database.url"]
    {
        let lines = err.lines().filter(|line| line.trim_start().starts_with(&format!("{key}:")));
        assert_eq!(lines.count(), 1, "{key} on a line of its own:\n{err}");
    }
}

#[test]
fn a_fresh_place_becomes_ready_answers_and_stops_at_a_signal() {
    for signal in ["TERM", "INT"] {
        let place = Place::configured();
        let server = Server::start(&place);
        assert_eq!(answer(&server.listen, "/readyz").0, 200);
        let (status, page) = answer(&server.metrics_listen, "/metrics");
        assert_eq!(status, 200);
        assert!(page.contains("onecard_http_requests_total"), "{page}");
        assert!(page.contains("route=\"/readyz\""), "{page}");
        assert_eq!(answer(&server.listen, "/metrics").0, 404, "counters have their own port");
        let (code, log) = server.stop(signal);
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("\"stopped\""), "{log}");
    }
}

#[test]
fn a_request_in_flight_is_answered_before_the_server_ends() {
    let mut place = Place::configured();
    place.set("SERVER__WORKERS", "1");
    let server = Server::start(&place);
    let body = r#"{"refresh_token":"none"}"#;
    let mut connection = TcpStream::connect(&server.listen).unwrap();
    write!(
        connection,
        "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{{",
        body.len()
    )
    .unwrap();
    // One worker takes connections up in their order: once a later one is answered this one is
    // inside.
    assert_eq!(answer(&server.listen, "/healthz").0, 200);
    server.signal("TERM");
    wait_until(|| TcpStream::connect(&server.listen).is_err());
    connection.write_all(&body.as_bytes()[1..]).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(server.ended().0, 0);
}

#[test]
fn the_log_holds_nothing_that_a_client_sent() {
    let place = Place::configured();
    let server = Server::start(&place);
    for path in ["/api/v1/hush-path?name=hush", "/hush", "/api/v1/client?token=hush", "/%68ush"] {
        answer(&server.listen, path);
    }
    let (_, log) = server.stop("TERM");
    assert!(!log.contains("hush"), "{log}");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> = lines.iter().filter(|l| l["target"] == "onecard::access").collect();
    assert_eq!(access.len(), 4, "{log}");
    for line in access {
        assert!(line["request_id"].is_string() && line["time"].is_string(), "{line}");
        let fields = &line["fields"];
        assert!(fields["status"].is_u64() && fields["duration_ms"].is_u64(), "{line}");
        assert_eq!(fields["method"], "GET");
    }
}

#[test]
fn a_second_server_on_one_database_is_refused_and_other_commands_are_not() {
    let place = Place::configured();
    let server = Server::start(&place);
    let (code, _, err) = finished(place.command(&["serve"]));
    assert_eq!(code, 1);
    assert!(err.contains("another onecard server uses this database"), "{err}");
    assert!(err.contains("redis.url"), "{err}");
    let (code, out, _) = finished(place.command(&["migrate"]));
    assert_eq!((code, out.trim()), (0, "the database is up to date"));
    assert_eq!(answer(&server.listen, "/readyz").0, 200);
    assert_eq!(server.stop("TERM").0, 0);
    // Killed, it leaves no lock behind.
    drop(Server::start(&place));
    assert_eq!(Server::start(&place).stop("TERM").0, 0);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["LISTEN", "METRICS_LISTEN"] {
        let place = Place::configured();
        let mut command = place.command(&["serve"]);
        command.env(format!("ONECARD__SERVER__{key}"), &address);
        let (code, _, err) = finished(command);
        assert_eq!(code, 1);
        let named = format!("server.{} = {address}", key.to_lowercase());
        assert!(err.contains(&named), "{err}");
    }
}

#[test]
fn migrations_run_once_however_many_ask() {
    let place = Place::configured();
    let running: Vec<_> = (0..4).map(|_| place.command(&["migrate"]).spawn().unwrap()).collect();
    let outputs: Vec<_> = running.into_iter().map(output).collect();
    for (code, _, err) in &outputs {
        assert_eq!(*code, 0, "{err}");
    }
    let applied = outputs.iter().filter(|(_, out, _)| out.contains("applied")).count();
    assert_eq!(applied, 1, "{outputs:?}");
}

#[test]
fn without_auto_migrate_a_server_waits_for_the_operator() {
    let mut place = Place::configured();
    place.set("DATABASE__AUTO_MIGRATE", "false");
    let server = Server::start(&place);
    assert_eq!(answer(&server.listen, "/readyz").0, 503);
    assert_eq!(finished(place.command(&["migrate"])).0, 0);
    assert_eq!(answer(&server.listen, "/readyz").0, 200);
    assert_eq!(server.stop("TERM").0, 0);
}

#[test]
fn commands_on_a_database_without_tables_say_what_to_do() {
    for arguments in
        [&["school", "import", "x.toml"][..], &["roster", "import", "--school", "x", "x.csv"]]
    {
        let (code, _, err) = finished(Place::configured().command(arguments));
        assert_eq!(code, 1, "{arguments:?}");
        assert!(err.contains("onecard migrate"), "{err}");
    }
}

#[test]
fn verify_proves_a_ledger_that_is_still_empty_and_names_an_anchor_it_cannot_read() {
    let place = Place::configured();
    assert_eq!(finished(place.command(&["migrate"])).0, 0);
    let (code, out, err) = finished(place.command(&["verify"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.lines().count() >= 7 && !out.contains("BROKEN"), "{out}");
    let (code, _, err) = finished(place.command(&["verify", "--anchor", "nowhere.jsonl"]));
    assert_eq!(code, 1);
    assert!(err.contains("nowhere.jsonl"), "{err}");
    place.write("empty.jsonl", "");
    let (code, out, _) = finished(place.command(&["verify", "--anchor", "empty.jsonl"]));
    assert_eq!(code, 1, "an anchor without heads proves nothing");
    assert!(out.contains("BROKEN"), "{out}");
}

#[test]
fn the_document_needs_no_configuration() {
    let (code, out, _) = finished(Place::bare().command(&["openapi"]));
    assert_eq!(code, 0);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/client"].is_object());
}

/// The PostgreSQL of the tests does without either, that of the bench with both.
#[actix_web::test]
async fn a_postgresql_that_may_lose_commits_is_warned_of() {
    on_postgres(async |db| {
        let world = World::unserved(db).await;
        let mut program = Program::of(&world, crate::ONECARD);
        program.start().await;
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            // Sessions of the program ask for synchronous commits.
            let show = format!("SELECT setting FROM pg_settings WHERE name = '{setting}'");
            let off = setting != "synchronous_commit" && world.rows.texts(&show).await == ["off"];
            let warned = program.log().contains(&format!("{setting} = off"));
            assert_eq!(warned, off, "{setting}");
        }
    })
    .await;
}
