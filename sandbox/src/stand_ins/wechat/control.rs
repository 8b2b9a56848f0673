//! The control API of messages, delivered orders and access tokens.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Deserialize;
use serde_json::json;

use super::messages::Consents;
use super::sign_in::CodeWanted;
use super::{WeChat, phone};
use crate::state::lock;

pub(super) fn routes(config: &mut ServiceConfig) {
    const API: &str = "/sandbox/api/wechat";
    config
        .route("/sandbox/wechat/phone-codes", web::post().to(phone::make_code))
        .route(&format!("{API}/messages"), web::get().to(messages))
        .route(&format!("{API}/messages/settings"), web::post().to(set_messages))
        .route(&format!("{API}/templates"), web::post().to(add_template))
        .route(&format!("{API}/grants"), web::post().to(grant))
        .route(&format!("{API}/shipments"), web::get().to(shipments))
        .route(&format!("{API}/tokens/end"), web::post().to(end_tokens));
}

async fn messages(wechat: Data<WeChat>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": wechat.sent_messages() }))
}

async fn shipments(wechat: Data<WeChat>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": wechat.shipments() }))
}

/// What is absent stays; a quota below zero is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessageSettings {
    consents: Option<Consents>,
    quota: Option<i64>,
}

async fn set_messages(new: Json<NewMessageSettings>, wechat: Data<WeChat>) -> HttpResponse {
    let mut api = lock(&wechat.server_api);
    if let Some(consents) = new.consents {
        api.messages.consents = consents;
    }
    if let Some(quota) = new.quota {
        api.messages.quota = u64::try_from(quota).ok();
    }
    let shown = json!({ "consents": api.messages.consents, "quota": api.messages.quota });
    HttpResponse::Ok().json(shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTemplate {
    template_id: String,
    keys: Vec<String>,
}

async fn add_template(new: Json<NewTemplate>, wechat: Data<WeChat>) -> HttpResponse {
    let NewTemplate { template_id, keys } = new.into_inner();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    if wechat.set_template(&template_id, Some(&keys)) {
        HttpResponse::Created().json(json!({ "template_id": template_id }))
    } else {
        HttpResponse::Conflict().json(json!({ "message": "模板太多" }))
    }
}

#[derive(Deserialize)]
struct Grant {
    #[serde(flatten)]
    user: CodeWanted,
    template_id: String,
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

async fn grant(grant: Json<Grant>, wechat: Data<WeChat>) -> HttpResponse {
    let user = wechat.find(&grant.user);
    let granted =
        user.is_some_and(|user| wechat.grant(&user.openid, &grant.template_id, grant.times));
    if granted {
        HttpResponse::Created().json(json!({ "times": grant.times }))
    } else {
        HttpResponse::NotFound().json(json!({ "message": "没有这个用户或模板" }))
    }
}

async fn end_tokens(wechat: Data<WeChat>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "ended": wechat.end_tokens() }))
}
