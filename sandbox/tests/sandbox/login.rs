use chrono::TimeDelta;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{World, location};

async fn code(world: &World) -> String {
    let answer = world.post_json("/sandbox/wechat/codes", &json!({ "user": 0 })).await;
    assert_eq!(answer.status(), 201);
    answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned()
}

fn query(world: &World, code: &str) -> Vec<(&'static str, String)> {
    let app = &world.merchant.credentials.wechat;
    vec![
        ("appid", app.app_id.clone()),
        ("secret", app.app_secret.clone()),
        ("js_code", code.to_owned()),
        ("grant_type", "authorization_code".to_owned()),
    ]
}

async fn ask(world: &World, query: &[(&str, String)]) -> Response {
    let url = format!("{}/sns/jscode2session", world.running.base_url());
    world.http.get(url).query(query).send().await.unwrap()
}

async fn errcode(response: Response) -> i64 {
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["errcode"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn a_code_becomes_the_openid_of_its_user() {
    let world = World::start().await;
    let code = code(&world).await;
    let response = ask(&world, &query(&world, &code)).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = response.text().await.unwrap();
    assert!(!text.replace(r"\/", "").contains('/'), "slashes are escaped: {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["openid"], world.openid());
    assert_eq!(body["session_key"].as_str().unwrap().len(), 24);
    assert!(body.get("errcode").is_none());
    assert_eq!(errcode(ask(&world, &query(&world, &code)).await).await, 40163);
}

#[tokio::test]
async fn what_is_missing_or_wrong_has_its_number() {
    let world = World::start().await;
    let table = [
        ("appid", None, 41002),
        ("appid", Some("wx0"), 40013),
        ("secret", None, 41004),
        ("secret", Some("wrong"), 40125),
        ("js_code", None, 41008),
        ("js_code", Some("unknown"), 40029),
        ("grant_type", Some("client_credential"), 40002),
    ];
    for (name, value, expected) in table {
        let code = code(&world).await;
        let mut query = query(&world, &code);
        query.retain(|(known, _)| *known != name);
        query.extend(value.map(|value| (name, value.to_owned())));
        assert_eq!(errcode(ask(&world, &query).await).await, expected, "{name} {value:?}");
    }
}

#[tokio::test]
async fn a_post_is_refused_and_old_codes_are_invalid() {
    let world = World::start().await;
    let code = code(&world).await;
    let query = query(&world, &code);
    let url = format!("{}/sns/jscode2session", world.running.base_url());
    let posted = world.http.post(url).query(&query).form(&query).send().await.unwrap();
    assert_eq!(errcode(posted).await, 41002);
    world.clock.advance(TimeDelta::seconds(301));
    assert_eq!(errcode(ask(&world, &query).await).await, 40029);
}

#[tokio::test]
async fn the_sign_in_page_leads_back_with_a_code() {
    let world = World::start().await;
    let target = "http://127.0.0.1:8080/?a=1#/pages/login";
    let path = "/sandbox/wechat/sign-in";
    let page = world.get(&format!("{path}?redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2F")).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("林晓雨"));

    let chosen = world.post_form(path, &[("redirect_uri", target), ("user", "1")]).await;
    assert_eq!(chosen.status(), 303);
    let there = location(&chosen);
    let code = there.strip_prefix("http://127.0.0.1:8080/?a=1&code=").unwrap();
    let code = code.strip_suffix("#/pages/login").unwrap();
    let answer = ask(&world, &query(&world, code)).await.text().await.unwrap();
    assert!(answer.contains(&world.sandbox().wechat.demo_users()[1].openid));

    let elsewhere = [("redirect_uri", "https://example.com/"), ("user", "1")];
    assert_eq!(world.post_form(path, &elsewhere).await.status(), 400);
    assert_eq!(world.get(&format!("{path}?redirect_uri=//example.com")).await.status(), 400);
}

#[tokio::test]
async fn codes_are_made_by_number_or_openid() {
    let world = World::start().await;
    let made = world.post_json("/sandbox/wechat/codes", &json!({ "user": 4321 })).await;
    let user = made.json::<Value>().await.unwrap()["user"].clone();
    assert_eq!(user["index"], 4321);
    for (user, status) in [
        (json!(world.openid()), 201),
        (user["openid"].clone(), 201),
        (json!("oUnknown"), 404),
        (json!(100_000), 404),
    ] {
        let answer = world.post_json("/sandbox/wechat/codes", &json!({ "user": user })).await;
        assert_eq!(answer.status(), status, "{user}");
    }
}
