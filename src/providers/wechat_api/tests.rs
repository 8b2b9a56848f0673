//! The server API against a server that answers what it is told to.

use super::WechatApi;
use crate::providers::wechat_login::{WechatLoginSettings, WechatMessages};
use crate::{
    base::{
        clock::{ManualClock, Timestamp},
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
        money::Fen,
    },
    identity::login::PhoneError,
    messages::{MessageOutcome, MessageTemplate, Shipped, StudentMessage, Told},
};
use std::{sync::Arc, time::Duration};

/// The clock and the app of the vectors.
const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);
const APP: &str = "wx00000000testca01";

const MINUTE: Option<Duration> = Some(Duration::from_mins(1));
const HOUR: Option<Duration> = Some(Duration::from_hours(1));

struct Called {
    api: WechatApi,
    clock: Arc<ManualClock>,
    server: TestServer,
}

fn answering(replies: impl IntoIterator<Item = Reply>) -> Called {
    let server = TestServer::start(replies);
    let clock = Arc::new(ManualClock::new(NOW));
    let timeouts = Timeouts { total: Duration::from_millis(500), ..Timeouts::default() };
    let http = http_client::build(timeouts).unwrap();
    let settings = WechatLoginSettings {
        base_url: server.base_url().parse().unwrap(),
        app_id: APP.into(),
        app_secret: "app-secret".into(),
        messages: WechatMessages::default(),
    };
    let api = WechatApi::new(&settings, http, Arc::<ManualClock>::clone(&clock));
    Called { api, clock, server }
}

fn body(text: &str) -> Reply {
    Reply::new(200).header("Content-Type", "text/plain").body(text)
}

fn token(token: &str) -> Reply {
    body(&format!(r#"{{"access_token":"{token}","expires_in":7200}}"#))
}

fn errcode(code: i64) -> Reply {
    body(&format!(r#"{{"errcode":{code},"errmsg":"x, rid: 6-a"}}"#))
}

fn template() -> MessageTemplate {
    let fields = ["amount1=amount", "time2=time", "thing3=what", "character_string4=number"];
    let fields: Vec<String> = fields.map(str::to_owned).into();
    MessageTemplate::new("template-1".into(), &fields, super::fits).unwrap()
}

fn message() -> StudentMessage {
    StudentMessage {
        told: Told::Credited,
        to: "o-1".into(),
        page: "pages/order/index?id=1".into(),
        amount: Fen::new(5000).unwrap(),
        at: NOW,
        number: "0123456789abcdef0123456789abcdef".into(),
        school: "湖北工业职院".into(),
    }
}

async fn send(api: &WechatApi) -> MessageOutcome {
    api.send_message(&template(), "formal", &message()).await
}

fn first_line(head: &str) -> &str {
    head.lines().next().unwrap()
}

#[tokio::test]
async fn a_message_is_what_wechat_asks_for() {
    let Called { api, server, .. } = answering([token("t/1+"), body(r#"{"errmsg":"ok"}"#)]);
    assert_eq!(send(&api).await, MessageOutcome::Taken);
    let requests = server.requests();
    assert_eq!(first_line(&requests[0].head), "POST /cgi-bin/stable_token HTTP/1.1");
    assert_eq!(
        requests[0].body,
        br#"{"grant_type":"client_credential","appid":"wx00000000testca01","secret":"app-secret","force_refresh":false}"#
    );
    let line = "POST /cgi-bin/message/subscribe/send?access_token=t%2F1%2B HTTP/1.1";
    assert_eq!(first_line(&requests[1].head), line);
    let sent: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    let expected = serde_json::json!({
        "touser": "o-1",
        "template_id": "template-1",
        "page": "pages/order/index?id=1",
        "data": {
            "amount1": {"value": "¥50.00"},
            "time2": {"value": "2026年1月1日 10:00"},
            "thing3": {"value": "电子账户充值"},
            "character_string4": {"value": "0123456789abcdef0123456789abcdef"},
        },
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn every_answer_to_a_message_has_its_meaning() {
    let refused = |code: i64| MessageOutcome::Refused { code: code.to_string() };
    let unknown = |wait| MessageOutcome::Unknown { wait };
    let finals = [40_003, 40_037, 41_030, 43_101, 43_107, 43_108, 45_168, 47_003];
    let finals = finals.map(|code| (errcode(code), refused(code)));
    let others = [
        (errcode(0), MessageOutcome::Taken),
        (errcode(-1), unknown(None)),
        (errcode(45_009), unknown(HOUR)),
        (errcode(45_011), unknown(MINUTE)),
        (errcode(99_999), unknown(None)),
        (body("<html>busy</html>"), unknown(None)),
        (body(""), unknown(None)),
        (body(&"x".repeat(65 * 1024)), unknown(None)),
        (Reply::new(500).body("{}"), unknown(None)),
        (Reply::new(302).header("Location", "http://127.0.0.1:1/"), unknown(None)),
        (Reply::silence(), unknown(None)),
    ];
    for (reply, expected) in finals.into_iter().chain(others) {
        let shown = format!("{reply:?}");
        let Called { api, server, .. } = answering([token("t"), reply]);
        assert_eq!(send(&api).await, expected, "{shown:.200}");
        assert_eq!(server.requests().len(), 2, "{shown:.200}");
    }
}

#[tokio::test]
async fn a_refused_token_is_fetched_once_more_and_never_by_force() {
    for code in [40_001, 42_001, 40_014] {
        let replies = [token("old"), errcode(code), token("new"), errcode(0)];
        let Called { api, server, .. } = answering(replies);
        assert_eq!(send(&api).await, MessageOutcome::Taken, "{code}");
        let requests = server.requests();
        assert_eq!(requests.len(), 4);
        assert!(first_line(&requests[3].head).contains("access_token=new "));
        for asked in [&requests[0], &requests[2]] {
            assert!(str::from_utf8(&asked.body).unwrap().contains(r#""force_refresh":false"#));
        }
    }
    let replies = [token("old"), errcode(40_001), token("new"), errcode(40_001)];
    let Called { api, server, .. } = answering(replies);
    assert_eq!(send(&api).await, MessageOutcome::Unknown { wait: None });
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_token_is_kept_until_its_last_five_minutes() {
    let replies = [token("a"), errcode(0), errcode(0), token("b"), errcode(0)];
    let Called { api, clock, server } = answering(replies);
    assert_eq!(send(&api).await, MessageOutcome::Taken);
    clock.advance(Duration::from_secs(6899));
    assert_eq!(send(&api).await, MessageOutcome::Taken);
    clock.advance(Duration::from_secs(1));
    assert_eq!(send(&api).await, MessageOutcome::Taken);
    let requests = server.requests();
    assert!(first_line(&requests[4].head).contains("access_token=b "));
}

/// Many deliveries wait for one token. A call that hangs must not be repeated by each of them in turn.
#[tokio::test]
async fn a_token_call_that_hangs_is_not_repeated_by_everybody_who_waits() {
    let Called { api, clock, server } = answering([Reply::silence(), token("t"), errcode(0)]);
    let told = async {
        let sent = futures_util::future::join_all((0..3).map(|_| send(&api))).await;
        sent.iter().all(|outcome| *outcome == MessageOutcome::Unknown { wait: None })
    };
    // The call takes longer than the pause after a failure.
    let time_passes = async {
        while server.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(10));
    };
    let (all_unknown, ()) = tokio::join!(told, time_passes);
    assert!(all_unknown);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_nobody_asks_again_at_once() {
    let bad_tokens = [
        errcode(40_125),
        errcode(40_164),
        errcode(-1),
        body("{}"),
        body(r#"{"access_token":"","expires_in":7200}"#),
        body(r#"{"access_token":"a b","expires_in":7200}"#),
        body("<html>busy</html>"),
    ];
    for reply in bad_tokens {
        let shown = format!("{reply:?}");
        let Called { api, clock, server } = answering([reply, token("t"), errcode(0)]);
        let unknown = MessageOutcome::Unknown { wait: None };
        assert_eq!(send(&api).await, unknown, "{shown}");
        assert_eq!(send(&api).await, unknown, "{shown}");
        assert_eq!(server.requests().len(), 1, "{shown}");
        clock.advance(Duration::from_secs(2));
        assert_eq!(send(&api).await, MessageOutcome::Taken, "{shown}");
    }
}

#[tokio::test]
async fn a_delivered_order_is_told_as_a_virtual_good() {
    let Called { api, server, .. } = answering([token("t"), errcode(0)]);
    let shipped = Shipped {
        transaction_id: "4200000000202601010000000001".into(),
        payer: "o-1".into(),
        what: "校园卡电子账户充值",
    };
    assert_eq!(api.upload_shipping(&shipped, NOW).await, MessageOutcome::Taken);
    let requests = server.requests();
    let line = "POST /wxa/sec/order/upload_shipping_info?access_token=t HTTP/1.1";
    assert_eq!(first_line(&requests[1].head), line);
    let sent: serde_json::Value = serde_json::from_slice(&requests[1].body).unwrap();
    let expected = serde_json::json!({
        "order_key": {"order_number_type": 2, "transaction_id": "4200000000202601010000000001"},
        "logistics_type": 3,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "校园卡电子账户充值"}],
        "upload_time": "2026-01-01T10:00:00.000+08:00",
        "payer": {"openid": "o-1"},
    });
    assert_eq!(sent, expected);
    for (code, expected) in [
        (10_060_002, MessageOutcome::Taken),
        (10_060_003, MessageOutcome::Taken),
        (10_060_023, MessageOutcome::Taken),
        (10_060_001, MessageOutcome::Unknown { wait: None }),
        (48_001, MessageOutcome::Unknown { wait: None }),
        (45_009, MessageOutcome::Unknown { wait: HOUR }),
        (-1, MessageOutcome::Unknown { wait: None }),
    ] {
        let Called { api, .. } = answering([token("t"), errcode(code)]);
        assert_eq!(api.upload_shipping(&shipped, NOW).await, expected, "{code}");
    }
}

/// What `phone_info` holds in the vectors: the decrypted data of the older way are in the same form.
fn phone_of_the_vectors() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wechat/mini_program.json");
    let file: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["decrypted"].to_string()
}

fn told(phone_info: &str) -> Reply {
    body(&format!(r#"{{"errcode":0,"errmsg":"ok","phone_info":{phone_info}}}"#))
}

async fn phone(reply: Reply) -> Result<String, PhoneError> {
    let Called { api, .. } = answering([token("t"), reply]);
    Ok(api.phone_number("code-1").await?.number.masked())
}

#[tokio::test]
async fn the_phone_of_the_vectors_is_read() {
    assert_eq!(phone(told(&phone_of_the_vectors())).await, Ok("130****0000".to_owned()));
    let as_number = phone_of_the_vectors().replace(r#""86""#, "86");
    assert_eq!(phone(told(&as_number)).await, Ok("130****0000".to_owned()));
}

#[tokio::test]
async fn a_phone_is_of_this_app_and_of_now() {
    let good = phone_of_the_vectors();
    let at = |seconds: i64| good.replace("1767232800", &(1_767_232_800 + seconds).to_string());
    let unavailable = Err(PhoneError::Unavailable);
    let cases = [
        (told(&at(-600)), Ok("130****0000".to_owned())),
        (told(&at(300)), Ok("130****0000".to_owned())),
        (told(&at(-601)), unavailable.clone()),
        (told(&at(301)), unavailable.clone()),
        (told(&good.replace(APP, "wx1111")), unavailable.clone()),
        (told(&good.replace("\"13000000000\"", "\"\"")), Err(PhoneError::NoNumber)),
        (told(&good.replace("\"13000000000\"", "\"1300000000x\"")), unavailable.clone()),
        (told(&good.replace("watermark", "mark")), unavailable.clone()),
        (body(r#"{"errcode":0}"#), unavailable.clone()),
        (errcode(40_029), Err(PhoneError::ProofRefused)),
        (errcode(40_163), Err(PhoneError::ProofRefused)),
        (errcode(40_013), Err(PhoneError::ProofRefused)),
        (errcode(45_011), Err(PhoneError::Throttled)),
        (errcode(-1), unavailable.clone()),
        (Reply::new(502).body("x"), unavailable),
    ];
    for (reply, expected) in cases {
        let shown = format!("{reply:?}");
        assert_eq!(phone(reply).await, expected, "{shown:.300}");
    }
}

#[tokio::test]
async fn a_phone_code_is_sent_once_even_when_the_answer_is_lost() {
    let Called { api, server, .. } = answering([token("t"), Reply::silence(), errcode(0)]);
    assert_eq!(api.phone_number("code-1").await.unwrap_err(), PhoneError::Unavailable);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let line = "POST /wxa/business/getuserphonenumber?access_token=t HTTP/1.1";
    assert_eq!(first_line(&requests[1].head), line);
    assert_eq!(requests[1].body, br#"{"code":"code-1"}"#);
}

#[test]
fn the_secret_does_not_print() {
    let Called { api, .. } = answering([]);
    assert!(!format!("{api:?}").contains("app-secret"));
}
