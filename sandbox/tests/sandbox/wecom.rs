//! WeCom: its token, the pages on which a member agrees, and who a code is of.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Url;
use sandbox::faults::{RequestFault, RequestRule};
use sandbox::wecom::{MEMBER, OUTSIDER, TOKEN, WecomCredentials};
use serde_json::Value;

use crate::support::{World, location};

const TOKEN_PATH: &str = "/cgi-bin/gettoken?corpid=ww01&corpsecret=sandbox-secret";

async fn world() -> World {
    let app = WecomCredentials {
        corp_id: "ww01".to_owned(),
        agent_id: "1000002".to_owned(),
        secret: "sandbox-secret".to_owned(),
    };
    World::start_with(|options| Arc::get_mut(&mut options.keys).unwrap().wecom = Some(app)).await
}

async fn ask(world: &World, path: &str) -> Value {
    let answer = world.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn token(world: &World) -> String {
    let told = ask(world, TOKEN_PATH).await;
    assert_eq!((&told["errcode"], &told["expires_in"].is_i64()), (&Value::from(0), &true));
    told["access_token"].as_str().unwrap().to_owned()
}

async fn member(world: &World, token: &str, code: &str) -> Value {
    ask(world, &format!("/cgi-bin/auth/getuserinfo?access_token={token}&code={code}")).await
}

#[tokio::test]
async fn a_token_needs_both_and_stays_the_same() {
    let world = world().await;
    let one = token(&world).await;
    assert_eq!(token(&world).await, one);
    for (path, code) in [
        ("/cgi-bin/gettoken", 41002),
        ("/cgi-bin/gettoken?corpid=ww01", 41004),
        ("/cgi-bin/gettoken?corpid=ww02&corpsecret=sandbox-secret", 40013),
        ("/cgi-bin/gettoken?corpid=ww01&corpsecret=other", 40001),
    ] {
        assert_eq!(ask(&world, path).await["errcode"], code, "{path}");
    }
    let unlisted = RequestRule::new(TOKEN, RequestFault::AddressNotAllowed);
    world.sandbox().faults.on_requests(unlisted, 1).unwrap();
    let told = ask(&world, TOKEN_PATH).await;
    let text = told["errmsg"].as_str().unwrap();
    assert!(told["errcode"] == 60020 && text.contains("from ip: 127.0.0.1"), "{told}");
    let busy = RequestRule::new(MEMBER, RequestFault::SystemError);
    world.sandbox().faults.on_requests(busy, 1).unwrap();
    assert_eq!(member(&world, &one, "c").await["errcode"], -1);
    world.clock.advance(TimeDelta::seconds(7200));
    let late = member(&world, &one, "c").await;
    assert_eq!(late["errcode"], 42001);
    assert_ne!(token(&world).await, one);
    world.sandbox().wecom.end_tokens();
    assert_eq!(member(&world, &one, "c").await["errcode"], 40014);
    assert_eq!(member(&world, "", "c").await["errcode"], 41001);
}

#[tokio::test]
async fn a_code_is_good_once_for_five_minutes() {
    let world = world().await;
    let token = token(&world).await;
    let issue = |userid: &str| world.sandbox().wecom.issue_code(userid);
    let code = issue("LiNa");
    let told = member(&world, &token, &code).await;
    assert_eq!((&told["errcode"], &told["userid"]), (&Value::from(0), &Value::from("LiNa")));
    assert_eq!(member(&world, &token, &code).await["errcode"], 40029, "used");
    assert_eq!(member(&world, &token, "none").await["errcode"], 40029);
    let outside = member(&world, &token, &issue(OUTSIDER)).await;
    assert!(
        outside["errcode"] == 0 && outside["userid"].is_null() && outside["openid"].is_string()
    );
    let late = issue("LiNa");
    world.clock.advance(TimeDelta::seconds(301));
    assert_eq!(member(&world, &token, &late).await["errcode"], 40029);
}

#[tokio::test]
async fn a_member_agrees_on_a_page_that_is_as_strict_as_the_real_one() {
    let world = world().await;
    let back = "http%3A%2F%2F127.0.0.1%3A8080%2Fback";
    let base = format!("appid=ww01&redirect_uri={back}&state=s1&agentid=1000002");
    let within = "/connect/oauth2/authorize?response_type=code&scope=snsapi_base&";
    let elsewhere = "/wwlogin/sso/login?login_type=CorpApp&";
    for page in [within, elsewhere] {
        assert_eq!(world.get(&format!("{page}{base}")).await.status(), 200, "{page}");
        for (was, is) in [
            ("appid=ww01", "appid=ww02"),
            ("agentid=1000002", "agentid=1"),
            ("state=s1", "state=s%201"),
            (back, "https%3A%2F%2Fexample.com"),
        ] {
            let bad = format!("{page}{}", base.replace(was, is));
            assert_eq!(world.get(&bad).await.status(), 400, "{bad}");
        }
    }
    for bad in ["/connect/oauth2/authorize?", "/wwlogin/sso/login?"] {
        assert_eq!(world.get(&format!("{bad}{base}")).await.status(), 400, "{bad}");
    }
    let form = |userid| {
        [("redirect_uri", "http://127.0.0.1:8080/back"), ("state", "s1"), ("userid", userid)]
    };
    let sent = world.post_form("/sandbox/wecom/agree", &form("LiNa")).await;
    let target = Url::parse(&location(&sent)).unwrap();
    let pairs: Vec<_> = target.query_pairs().into_owned().collect();
    assert_eq!((pairs[0].0.as_str(), pairs[1].1.as_str()), ("code", "s1"));
    let token = token(&world).await;
    assert_eq!(member(&world, &token, &pairs[0].1).await["userid"], "LiNa");
    assert_eq!(world.post_form("/sandbox/wecom/agree", &form("nobody")).await.status(), 400);
}
