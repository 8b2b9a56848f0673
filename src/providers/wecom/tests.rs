//! WeCom's answers, from a server that sends prepared ones.

use super::{Wecom, WecomSettings};
use crate::{
    base::{
        clock::SystemClock,
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            seal::Sealer,
        },
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
        kv::MemoryKv,
    },
    work_login::{DirectoryError, WorkDirectory},
};
use std::{sync::Arc, time::Duration};

fn wecom_within(total: Duration, base_url: &str) -> Wecom {
    let settings = WecomSettings {
        base_url: base_url.parse().unwrap(),
        corp_id: "ww01".into(),
        agent_id: "1000002".into(),
        secret: "app-secret".into(),
    };
    let http = http_client::build(Timeouts { total, ..Timeouts::default() }).unwrap();
    let ring = KeyRing::single(NamedKey::unnamed(Key32::from_bytes([7; 32])));
    Wecom::new(
        settings,
        http,
        (Arc::new(MemoryKv::new(Arc::new(SystemClock))), Sealer::new(ring)),
        Arc::new(SystemClock),
    )
}

fn wecom(base_url: &str) -> Wecom {
    wecom_within(Timeouts::default().total, base_url)
}

fn body(text: &str) -> Reply {
    Reply::new(200).header("Content-Type", "text/plain").body(text)
}

fn token(token: &str) -> Reply {
    body(&format!(r#"{{"errcode":0,"errmsg":"ok","access_token":"{token}","expires_in":7200}}"#))
}

fn first_line(server: &TestServer, nth: usize) -> String {
    server.requests()[nth].head.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn only_a_userid_is_a_member() {
    let cases = [
        (r#"{"errcode":0,"userid":"ZhangWei"}"#, Ok("zhangwei")),
        (r#"{"errcode":0,"openid":"o-1"}"#, Err(DirectoryError::NotMember)),
        (r#"{"errcode":0,"openid":"o-1","external_userid":"w"}"#, Err(DirectoryError::NotMember)),
        (r#"{"errcode":0,"userid":""}"#, Err(DirectoryError::NotMember)),
        (r#"{"errcode":0,"UserId":"old"}"#, Err(DirectoryError::NotMember)),
        (r#"{"errcode":0,"userid":"a b"}"#, Err(DirectoryError::Unavailable)),
        (r#"{"errcode":40029,"errmsg":"invalid code"}"#, Err(DirectoryError::CodeRefused)),
        (r#"{"errcode":60020,"errmsg":"ip"}"#, Err(DirectoryError::Unavailable)),
        (r#"{"errcode":-1}"#, Err(DirectoryError::Unavailable)),
        ("<html>", Err(DirectoryError::Unavailable)),
    ];
    for (told, expected) in cases {
        let server = TestServer::start([token("t"), body(told)]);
        let member = wecom(&server.base_url()).member_of("c+d").await;
        let member =
            member.as_ref().map(crate::staff_accounts::WorkId::as_str).map_err(|error| *error);
        assert_eq!(member, expected, "{told}");
        let line = "GET /cgi-bin/auth/getuserinfo?access_token=t&code=c%2Bd HTTP/1.1";
        assert_eq!(first_line(&server, 1), line);
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_once_more_where_it_is_refused() {
    let member = || body(r#"{"errcode":0,"userid":"li"}"#);
    let expired = body(r#"{"errcode":42001}"#);
    let replies = [token("one"), member(), expired, token("two"), member(), member()];
    let server = TestServer::start(replies);
    let wecom = wecom(&server.base_url());
    for code in ["a", "b", "c"] {
        assert_eq!(wecom.member_of(code).await.unwrap().as_str(), "li");
    }
    assert_eq!(
        first_line(&server, 0),
        "GET /cgi-bin/gettoken?corpid=ww01&corpsecret=app-secret HTTP/1.1"
    );
    let asked: Vec<String> = (1..6).map(|nth| first_line(&server, nth)).collect();
    let of = |token: &str, code: &str| {
        format!("GET /cgi-bin/auth/getuserinfo?access_token={token}&code={code} HTTP/1.1")
    };
    assert_eq!(asked[0], of("one", "a"));
    assert_eq!((&asked[1], &asked[3]), (&of("one", "b"), &of("two", "b")));
    assert_eq!(asked[4], of("two", "c"));
    let twice =
        [token("t"), body(r#"{"errcode":40014}"#), token("u"), body(r#"{"errcode":40014}"#)];
    let server = TestServer::start(twice);
    let refused = self::wecom(&server.base_url()).member_of("a").await;
    assert_eq!((refused, server.requests().len()), (Err(DirectoryError::Unavailable), 4));
}

#[tokio::test]
async fn a_code_whose_answer_is_lost_is_not_sent_again() {
    let server = TestServer::start([token("t"), Reply::silence()]);
    let silent = wecom_within(Duration::from_millis(200), &server.base_url());
    assert_eq!(silent.member_of("a").await, Err(DirectoryError::Unavailable));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn browsers_are_sent_to_the_page_of_their_kind() {
    let real = wecom("https://qyapi.weixin.qq.com");
    let back = "https://card.example.edu.cn/staff/auth/wecom/callback";
    assert_eq!(
        real.authorize_url(back, "s1", true),
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww01&redirect_uri=https%3A%2F%2F\
         card.example.edu.cn%2Fstaff%2Fauth%2Fwecom%2Fcallback&response_type=code&scope=snsapi_base\
         &state=s1&agentid=1000002#wechat_redirect"
    );
    assert_eq!(
        real.authorize_url(back, "s1", false),
        "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww01&redirect_uri=\
         https%3A%2F%2Fcard.example.edu.cn%2Fstaff%2Fauth%2Fwecom%2Fcallback&state=s1&agentid=1000002"
    );
    let there = wecom("http://127.0.0.1:8090").authorize_url(back, "s1", false);
    assert!(there.starts_with("http://127.0.0.1:8090/wwlogin/sso/login?login_type="), "{there}");
    assert!(real.is_within("Mozilla/5.0 … MicroMessenger/7 wxwork/4.1"));
    assert!(!real.is_within("Mozilla/5.0 (X11; Linux) Chrome/130"));
    assert!(!format!("{real:?}").contains("app-secret"));
}
