//! Input that is wrong, missing, over-long, overflowing or badly encoded: a problem document with a
//! stable code and a Chinese title, and not one row changed.

use serde_json::{Value, json};
use testkit::{Answer, ELSEWHERE, Student, TestDb, World, claim, on_each_database, wish};

on_each_database!(
    bodies_that_cannot_be_read_change_nothing,
    fields_that_are_wrong_are_named_and_change_nothing,
    amounts_outside_the_limits_change_nothing,
    idempotency_keys_that_are_none_change_nothing,
    paths_and_methods_that_are_wrong_change_nothing,
    access_tokens_that_are_wrong_change_nothing,
    refresh_tokens_and_codes_that_are_wrong_change_nothing,
);

/// Every path that takes a body, with a body of the right shape.
fn posts() -> [(&'static str, Value); 8] {
    [
        ("/api/v1/auth/wechat/login", json!({ "code": "x" })),
        ("/api/v1/auth/refresh", json!({ "refresh_token": "x" })),
        ("/api/v1/auth/logout", json!({ "refresh_token": "x" })),
        (
            "/api/v1/auth/portal/login",
            json!({ "school": "xnec", "id_value": "2301001", "query_password": "170026" }),
        ),
        ("/api/v1/bindings/current/unbind", json!({ "query_password": "170026" })),
        (
            "/api/v1/me/query-password",
            json!({ "old_password": "170026", "new_password": "836194" }),
        ),
        ("/api/v1/bindings", claim("hbkj", ELSEWHERE.0, ELSEWHERE.1)),
        ("/api/v1/orders", wish(5000)),
    ]
}

/// A bound student, and the same as nothing has happened.
struct Caller {
    world: World,
    student: Student,
}

impl Caller {
    async fn start(db: &TestDb) -> Self {
        let world = World::start(db).await;
        let student = world.student(0).await;
        Self { world, student }
    }

    async fn send(&self, line: &str, content_type: &str, body: &[u8]) -> Answer {
        let token = format!("Bearer {}", self.student.access_token);
        self.send_with(
            line,
            &[("Idempotency-Key", "k"), ("Authorization", &token)],
            (content_type, body),
        )
        .await
    }

    async fn send_with(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        (content_type, body): (&str, &[u8]),
    ) -> Answer {
        let headers = headers.iter().copied().chain([("Content-Type", content_type)]);
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.world.api().raw(line, &headers, body).await
    }

    async fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&format!("POST {path}"), "application/json", body).await
    }
}

async fn bodies_that_cannot_be_read_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    for (path, good) in posts() {
        let text = good.to_string();
        for (what, body, status, code) in unreadable(&text) {
            let what = format!("{path}: {what}");
            caller.post(path, &body).await.problem(&what, status, code);
        }
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "image/png"] {
            let answer = caller.send(&format!("POST {path}"), content_type, text.as_bytes()).await;
            answer.problem(&format!("{path}: {content_type}"), 415, "unsupported_media_type");
        }
    }
    assert_eq!(caller.world.rows.everything().await, before);
}

/// Bodies made from a good one, and what is said of each.
fn unreadable(good: &str) -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    const MALFORMED: &str = "request_malformed";
    const INVALID: &str = "request_invalid";
    let with_first_text = |start: &str| good.replacen(":\"", &format!(":\"{start}"), 1);
    let text = format!(":\"{}\"", good.split(":\"").nth(1).unwrap().split('"').next().unwrap());
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut not_utf8 = good.as_bytes().to_vec();
    not_utf8[good.find(":\"").unwrap() + 2] = 0xff;
    vec![
        ("nothing", Vec::new(), 400, MALFORMED),
        ("cut short", good.as_bytes()[..good.len() - 1].to_vec(), 400, MALFORMED),
        ("two documents", good.repeat(2).into(), 400, MALFORMED),
        ("a comma too many", good.replace('}', ",}").into(), 400, MALFORMED),
        ("not UTF-8", not_utf8, 400, MALFORMED),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_be_bytes).collect(), 400, MALFORMED),
        ("a byte of NUL", with_first_text("\0").into(), 400, MALFORMED),
        ("NUL in a text", with_first_text("\\u0000").into(), 422, INVALID),
        ("nested", good.replacen(&text, &format!(":{}", nested(100)), 1).into(), 422, INVALID),
        ("nested deeply", nested(30_000).into(), 422, INVALID),
        ("opened only", "{\"x\":".repeat(10_000).into(), 400, MALFORMED),
        ("over 64 KiB", format!("{}{good}", " ".repeat(65_536)).into(), 413, "request_too_large"),
        ("a list", format!("[{good}]").into(), 422, INVALID),
        ("a text", "\"text\"".into(), 422, INVALID),
        ("null", "null".into(), 422, INVALID),
    ]
}

/// Every field of every body, missing and of every other type.
async fn fields_that_are_wrong_are_named_and_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    for (path, good) in posts() {
        for pointer in pointers(&good, "") {
            let mut without = good.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = without.pointer_mut(parent).unwrap();
            if let Some(fields) = parent.as_object_mut() {
                fields.remove(name);
                named(&caller, path, &without, &pointer).await;
            }
            for wrong in wrong_values(good.pointer(&pointer).unwrap()) {
                let mut changed = good.clone();
                *changed.pointer_mut(&pointer).unwrap() = wrong;
                named(&caller, path, &changed, &pointer).await;
            }
        }
    }
    for (path, body, pointer) in [
        ("/api/v1/bindings", claim("hbkj", &"9".repeat(33), "1"), "/id_value"),
        ("/api/v1/bindings", claim("hbkj", "9", &"9".repeat(65)), "/query_password"),
        ("/api/v1/bindings", claim("咸宁", "9", "9"), "/school"),
        ("/api/v1/auth/wechat/login", json!({ "code": "码" }), "/code"),
    ] {
        named(&caller, path, &body, pointer).await;
    }
    assert_eq!(caller.world.rows.everything().await, before);
}

/// Pointers to every value below the root.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(n, v)| (n.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(name, child)| {
        let here = format!("{at}/{name}");
        std::iter::once(here.clone()).chain(pointers(child, &here)).collect::<Vec<_>>()
    });
    below.collect()
}

/// What is of another type than `good`, or breaks its rule.
fn wrong_values(good: &Value) -> Vec<Value> {
    let all = [json!(null), json!(true), json!(7), json!(1.5), json!("x"), json!([]), json!({})];
    let same = |a: &Value, b: &Value| std::mem::discriminant(a) == std::mem::discriminant(b);
    let mut wrong: Vec<Value> = all.into_iter().filter(|value| !same(value, good)).collect();
    match good {
        Value::String(_) => wrong.extend([json!(""), json!("x".repeat(1000))]),
        Value::Number(_) => wrong.extend([json!(-1), json!(0), json!(1.5), json!(i64::MIN)]),
        Value::Array(_) => wrong.extend([json!([]), json!([7]), json!([[]])]),
        Value::Object(_) => wrong.push(json!({})),
        Value::Null | Value::Bool(_) => {}
    }
    wrong
}

/// The field at the pointer, or something in it, is named.
async fn named(caller: &Caller, path: &str, body: &Value, pointer: &str) {
    let what = format!("{path} {pointer}: {body:.120}");
    let answer = caller.post(path, body.to_string().as_bytes()).await;
    let problem = answer.problem(&what, 422, "request_invalid");
    let errors = problem["errors"].as_array().unwrap();
    let at = |error: &Value| error["pointer"].as_str().unwrap().starts_with(pointer);
    assert!(errors.iter().any(at), "{what}: {problem}");
    assert!(errors.iter().all(|error| !error["detail"].as_str().unwrap().is_ascii()), "{problem}");
}

async fn amounts_outside_the_limits_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    let cases = [
        ("-9223372036854775808", "request_invalid"),
        ("-1", "request_invalid"),
        ("-0.0", "request_invalid"),
        ("0", "request_invalid"),
        ("1.0", "request_invalid"),
        ("49999.99", "request_invalid"),
        ("5e3", "request_invalid"),
        ("50001", "amount_out_of_range"),
        ("10000000", "amount_out_of_range"),
        ("10000001", "request_invalid"),
        ("9223372036854775807", "request_invalid"),
        ("9223372036854775808", "request_invalid"),
        ("18446744073709551616", "request_invalid"),
        ("1e300", "request_invalid"),
    ];
    for (amount, code) in cases {
        let body = wish(7).to_string().replace(":7", &format!(":{amount}"));
        let problem =
            caller.post("/api/v1/orders", body.as_bytes()).await.problem(amount, 422, code);
        assert_eq!(problem["errors"][0]["pointer"], "/amount_fen", "{amount}");
    }
    for no_number in ["05", "+5", "5.", "NaN", "Infinity", "1e400", "0x10"] {
        let body = wish(7).to_string().replace(":7", &format!(":{no_number}"));
        let answer = caller.post("/api/v1/orders", body.as_bytes()).await;
        answer.problem(no_number, 400, "request_malformed");
    }
    assert_eq!(caller.world.rows.everything().await, before);
    for amount in [1, 50_000] {
        caller.student.order(amount, &amount.to_string()).await.body(201);
    }
}

async fn idempotency_keys_that_are_none_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    let token = format!("Bearer {}", caller.student.access_token);
    let (body, long) = (wish(5000).to_string(), "k".repeat(65));
    let cases: [(&str, &[&str], u16, &str); 6] = [
        ("none", &[], 400, "idempotency_key_missing"),
        ("empty", &[""], 400, "idempotency_key_missing"),
        ("over-long", &[&long], 422, "request_invalid"),
        ("with a space", &["a b"], 422, "request_invalid"),
        ("not ASCII", &["键"], 422, "request_invalid"),
        ("two", &["a", "b"], 422, "request_invalid"),
    ];
    for (what, keys, status, code) in cases {
        let mut headers = vec![("Authorization", token.as_str())];
        headers.extend(keys.iter().map(|key| ("Idempotency-Key", *key)));
        let sent = ("application/json", body.as_bytes());
        let answer = caller.send_with("POST /api/v1/orders", &headers, sent).await;
        answer.problem(what, status, code);
    }
    assert_eq!(caller.world.rows.everything().await, before);
}

async fn paths_and_methods_that_are_wrong_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    for (line, status, code) in [
        ("PUT /api/v1/orders", 405, "method_not_allowed"),
        ("GET /api/v1/orders?limit=many", 422, "request_invalid"),
        ("GET /api/v1/orders?cursor=1", 422, "request_invalid"),
        ("DELETE /api/v1/orders", 405, "method_not_allowed"),
        ("GET /api/v1/bindings", 405, "method_not_allowed"),
        ("GET /api/v1/auth/wechat/login", 405, "method_not_allowed"),
        ("POST /api/v1/card", 405, "method_not_allowed"),
        ("PATCH /api/v1/me", 405, "method_not_allowed"),
        ("BREW /api/v1/client", 405, "method_not_allowed"),
        ("PUT /api/v1/orders/019aa2a5-0000-7000-8000-000000000000", 405, "method_not_allowed"),
        ("GET /api/v1/orders/019aa2a5-0000-7000-8000-000000000000", 404, "not_found"),
        ("GET /api/v1/orders/1", 404, "not_found"),
        ("GET /api/v1/orders/019aa2a5-0000-7000-8000-00000000000g", 404, "not_found"),
        ("GET /api/v1/orders/%E5%92%B8", 404, "not_found"),
        ("GET /api/v1/orders/%ff%fe", 404, "not_found"),
        ("GET /api/v1/orders/'%20OR%201=1--", 404, "not_found"),
        ("GET /api/v1/orders/%00", 400, "request_malformed"),
        ("GET /api/v1/card?x=%00", 400, "request_malformed"),
        ("GET /api/v1/schools/nowhere", 404, "school_not_found"),
        ("GET /api/v1/schools?limit=many", 422, "request_invalid"),
        ("GET /api/v1/schools?limit=-1", 422, "request_invalid"),
        ("GET /api/v1/schools?limit=65536", 422, "request_invalid"),
        ("GET /api/v1/nothing", 404, "not_found"),
        ("POST /api/v2/orders", 404, "not_found"),
        ("GET /nothing", 404, "not_found"),
    ] {
        caller.send(line, "application/json", b"").await.problem(line, status, code);
    }
    assert_eq!(caller.world.rows.everything().await, before);
}

async fn access_tokens_that_are_wrong_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    let good = &caller.student.access_token;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let tokens = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer rubbish".to_owned(),
        format!("Bearer {header}.{claims}."),
        format!("Bearer {header}.{claims}.{}", "A".repeat(signature.len())),
        format!("Bearer {unsigned}"),
        format!("Bearer {good}x"),
        format!("Bearer {}", caller.student.refresh_token),
        format!("Bearer {}", "a.".repeat(3000)),
        format!("Basic {good}"),
        good.clone(),
        "Bearer 咸宁".to_owned(),
    ];
    for token in tokens {
        for path in ["/api/v1/me", "/api/v1/card", "/api/v1/orders/1"] {
            let headers = [("Authorization", token.as_str())];
            let answer = caller.send_with(&format!("GET {path}"), &headers, ("", b"")).await;
            answer.problem(&format!("{path} {token:.60}"), 401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(caller.world.rows.everything().await, before);
}

async fn refresh_tokens_and_codes_that_are_wrong_change_nothing(db: &TestDb) {
    let caller = Caller::start(db).await;
    let before = caller.world.rows.everything().await;
    for path in ["refresh", "logout"] {
        for token in ["rubbish", ".", "019aa2a5000070008000000000000000.AAAA", &"a".repeat(128)] {
            let body = json!({ "refresh_token": token }).to_string();
            let answer = caller.post(&format!("/api/v1/auth/{path}"), body.as_bytes()).await;
            answer.problem(token, 401, "unauthenticated");
        }
    }
    for code in ["rubbish", "{}", "&js_code=x", &"c".repeat(128)] {
        let body = json!({ "code": code }).to_string();
        let answer = caller.post("/api/v1/auth/wechat/login", body.as_bytes()).await;
        answer.problem(code, 401, "login_code_refused");
    }
    assert_eq!(caller.world.rows.everything().await, before);
    assert_eq!(caller.student.me().await.status, 200, "the student is still signed in");
}
