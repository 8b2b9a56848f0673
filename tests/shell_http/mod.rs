//! The HTTP shell over real connections: what surrounds every request, whatever it asks for.

mod limits;
mod served;

use serde_json::Value;
use served::{Answer, Served};

const JSON: &str = "application/json";

fn post(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /test/orders HTTP/1.1\r\nHost: test\r\nConnection: close\r\nIdempotency-Key: k\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn head(line: &str, headers: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn get(path: &str) -> Vec<u8> {
    head(&format!("GET {path}"), "")
}

/// An error as every error must be.
fn assert_problem(what: &str, answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["code"], code, "{what}");
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["type"], format!("urn:onecard:problem:{code}"), "{what}");
    assert!(!problem["title"].as_str().unwrap().is_ascii(), "{what}: a Chinese title");
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{what}");
    assert!(!problem["request_id"].as_str().unwrap().is_empty(), "{what}");
    problem
}

#[actix_web::test]
async fn every_bad_request_gets_its_problem_document() {
    let served = Served::start("").await;
    let deep = format!("{{\"note\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let long = format!("{{\"note\":\"{}\"}}", "x".repeat(64 * 1024));
    let chunk = "x".repeat(70_000);
    let chunked = head(
        "POST /test/orders",
        "Idempotency-Key: k\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
    );
    let chunked = [chunked, format!("{:x}\r\n{chunk}\r\n0\r\n\r\n", chunk.len()).into()].concat();
    let no_key = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty body", post(JSON, b""), 400, "request_malformed"),
        ("not JSON", post(JSON, b"{amount_fen}"), 400, "request_malformed"),
        ("two documents", post(JSON, b"{\"amount_fen\":1}{}"), 400, "request_malformed"),
        ("not UTF-8", post(JSON, b"{\"note\":\"\xff\xfe\"}"), 400, "request_malformed"),
        ("GBK", post(JSON, b"{\"note\":\"\xd6\xd0\"}"), 400, "request_malformed"),
        ("deep nesting", post(JSON, deep.as_bytes()), 422, "request_invalid"),
        ("endless nesting", post(JSON, "[".repeat(60_000).as_bytes()), 400, "request_malformed"),
        (
            "NUL in a text",
            post(JSON, br#"{"amount_fen":1,"note":"\u0000"}"#),
            422,
            "request_invalid",
        ),
        ("NUL in the path", get("/api/v1/schools/%00"), 400, "request_malformed"),
        ("NUL in the query", get("/api/v1/client?x=%00"), 400, "request_malformed"),
        ("a list", post(JSON, b"[1,null,null]"), 422, "request_invalid"),
        ("a text", post(JSON, b"\"x\""), 422, "request_invalid"),
        ("null", post(JSON, b"null"), 422, "request_invalid"),
        ("no content type", post("", b"{\"amount_fen\":1}"), 415, "unsupported_media_type"),
        ("text", post("text/plain", b"{\"amount_fen\":1}"), 415, "unsupported_media_type"),
        ("form", post("application/x-www-form-urlencoded", b"a=1"), 415, "unsupported_media_type"),
        ("too large", post(JSON, long.as_bytes()), 413, "request_too_large"),
        ("too large in chunks", chunked, 413, "request_too_large"),
        ("no key", head("POST /test/orders", no_key), 400, "idempotency_key_missing"),
        ("unknown API path", get("/api/v1/nothing"), 404, "not_found"),
        ("unknown callback", get("/callbacks/xnec/nobody"), 404, "not_found"),
        ("unknown terminal path", head("POST /terminal/v1/x", ""), 404, "not_found"),
        ("unknown path", get("/nothing"), 404, "not_found"),
        ("outside the folder", get("/../../../../etc/passwd"), 404, "not_found"),
        ("outside, encoded", get("/..%2f..%2fetc%2fpasswd"), 400, "request_malformed"),
        ("a name that is too long", get(&format!("/{}", "x".repeat(300))), 404, "not_found"),
        ("below a file", get("/index.html/x"), 404, "not_found"),
        ("hidden file", get("/.secret"), 400, "request_malformed"),
        ("method", head("DELETE /healthz", ""), 405, "method_not_allowed"),
        ("invented method", head("BREW /api/v1/client", ""), 405, "method_not_allowed"),
        ("id that is none", get("/test/numbers/eleven"), 404, "not_found"),
        ("number over its type", get("/test/numbers/99999999999"), 404, "not_found"),
        ("query", get("/test/numbers/1?limit=many"), 422, "request_invalid"),
        ("panic", get("/test/panic"), 500, "internal"),
        ("error of a library", get("/test/foreign"), 500, "internal"),
    ];
    for (what, request, status, code) in cases {
        let answer = served.send(request).await;
        let problem = assert_problem(what, &answer, status, code);
        assert!(!problem.to_string().contains("hush"), "{what} tells too much");
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET"), "{what}");
    }
}

#[actix_web::test]
async fn bad_fields_are_named_with_pointers() {
    let served = Served::start("").await;
    let cases: [(&str, &str); 8] = [
        (r"{}", "/amount_fen"),
        (r#"{"amount_fen":"1"}"#, "/amount_fen"),
        (r#"{"amount_fen":1e400}"#, "/amount_fen"),
        (r#"{"amount_fen":99999999999999999999}"#, "/amount_fen"),
        (r#"{"amount_fen":-1}"#, "/amount_fen"),
        (r#"{"amount_fen":1,"funding":"gold"}"#, "/funding"),
        (r#"{"amount_fen":1,"colour":"red"}"#, "/colour"),
        (r#"{"amount_fen":1,"note":"more than ten characters"}"#, "/note"),
    ];
    for (body, pointer) in cases {
        let answer = served.send(post(JSON, body.as_bytes())).await;
        if body.contains("1e400") {
            // A number that no number type holds is not JSON to the parser.
            assert_problem(body, &answer, 400, "request_malformed");
            continue;
        }
        let problem = assert_problem(body, &answer, 422, "request_invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        assert!(!problem["errors"][0]["detail"].as_str().unwrap().is_ascii(), "{body}");
    }
    let good = served.send(post("application/json; charset=utf-8", br#"{"amount_fen":1}"#)).await;
    assert_eq!((good.status, good.text().as_str()), (200, "1"));
}

#[actix_web::test]
async fn a_request_id_is_ours_unless_a_trusted_proxy_gave_a_good_one() {
    let ask = |id: &str| head("GET /healthz", &format!("X-Request-Id: {id}\r\n"));
    let longest = "x".repeat(64);
    let cases = [("edge-1", true), (&longest, true), (&"x".repeat(65), false), ("a b", false)];
    let (trusting, strict) = (Served::start("127.0.0.1").await, Served::start("").await);
    for (id, good) in cases {
        let answer = trusting.send(ask(id)).await;
        assert_eq!(answer.header("x-request-id") == Some(id), good, "{id}");
        let answer = strict.send(ask(id)).await;
        let ours: uuid::Uuid = answer.header("x-request-id").unwrap().parse().unwrap();
        assert_eq!(ours.get_version_num(), 7, "{id}");
    }
}

#[actix_web::test]
async fn every_answer_carries_the_headers_that_keep_browsers_safe() {
    let served = Served::start("").await;
    for path in ["/", "/healthz", "/api/nothing", "/api/docs/", "/test/panic"] {
        let answer = served.send(get(path)).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
}

#[actix_web::test]
async fn the_client_is_served_and_cached_by_name() {
    let served = Served::start("").await;
    let cases = [
        ("/", 200, "no-cache", "<p>client"),
        ("/index.html", 200, "no-cache", "<p>client"),
        ("/assets/app-1a2b.js", 200, "public, max-age=31536000, immutable", "void 0"),
        ("/assets/missing.js", 404, "no-store", "not_found"),
    ];
    for (path, status, caching, text) in cases {
        let answer = served.send(get(path)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
        assert!(answer.text().contains(text), "{path}: {}", answer.text());
    }
    let again = head(
        "GET /",
        &format!("If-None-Match: {}\r\n", {
            let first = served.send(get("/")).await;
            first.header("etag").unwrap().to_owned()
        }),
    );
    let again = served.send(again).await;
    assert_eq!((again.status, again.header("cache-control")), (304, Some("no-cache")));
}

#[actix_web::test]
async fn a_client_that_is_not_built_is_told_of_and_nothing_else_breaks() {
    let served = Served::without_client().await;
    let page = served.send(get("/")).await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("h5_dir"));
    assert_eq!(served.send(get("/healthz")).await.status, 200);
}

#[actix_web::test]
async fn ready_means_migrated_and_not_stopping() {
    let served = Served::start("").await;
    let check = async || {
        let answer = served.send(get("/readyz")).await;
        let readiness: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(readiness["ready"], answer.status == 200);
        (answer.status, readiness["checks"].clone())
    };
    let (status, checks) = check().await;
    assert_eq!((status, &checks["migrations"]), (503, &Value::from("failed")), "{checks}");
    assert_eq!(checks["database"], "ok");
    served.app.db.migrate().await.unwrap();
    let (status, checks) = check().await;
    assert_eq!(status, 200, "{checks}");
    served.app.drain();
    let (status, checks) = check().await;
    assert_eq!((status, &checks["serving"]), (503, &Value::from("failed")));
    assert_eq!(served.send(get("/healthz")).await.status, 200, "still alive");
}

#[actix_web::test]
async fn a_client_learns_its_world() {
    let served = Served::start("").await;
    let answer = served.send(get("/api/v1/client")).await;
    let client: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(client["environment"], "sandbox");
    assert!(client["server_time"].as_str().unwrap().ends_with("+08:00"));
    assert_eq!(client["wechat"]["app_id"], "wx0123456789abcdef");
    let sign_in = &client["wechat"]["sign_in_url"];
    assert_eq!(sign_in, "http://127.0.0.1:8090/sandbox/wechat/sign-in");
    assert_eq!(client["wechat"]["cashier_url"], Value::Null, "no WeChat Pay is configured");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8090;"), "{policy}");
}

#[actix_web::test]
async fn the_document_lists_the_paths_and_can_be_browsed() {
    let served = Served::start("").await;
    let document = served.send(get("/api/openapi.json")).await;
    let document: Value = serde_json::from_slice(&document.body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["title"], "onecard");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["components"]["schemas"]["Problem"].is_object());
    for path in ["/healthz", "/readyz", "/api/v1/client"] {
        assert!(document["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }
    assert_eq!(served.send(get("/api/docs")).await.header("location"), Some("/api/docs/"));
    assert!(served.send(get("/api/docs/")).await.text().contains("swagger-ui"));
    let script = served.send(get("/api/docs/swagger-initializer.js")).await.text();
    assert!(script.contains("/api/openapi.json"), "{script}");
}
