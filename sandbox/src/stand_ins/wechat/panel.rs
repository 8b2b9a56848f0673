//! The demo users, on the control page and in the control API.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde_json::json;

use super::{User, WeChat};
use crate::control::Panel;
use crate::page;

#[derive(Template)]
#[template(path = "wechat/users.html")]
struct UsersSection {
    users: Vec<User>,
}

pub(super) fn panel(wechat: &WeChat) -> Panel {
    Panel { setup: vec![page::section(&UsersSection { users: users(wechat) })], ..Panel::default() }
}

pub(super) async fn list(wechat: Data<WeChat>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": users(&wechat) }))
}

/// Of every app.
fn users(wechat: &WeChat) -> Vec<User> {
    let of = |app_id| wechat.demo_users_of(app_id).unwrap_or_default();
    wechat.app_ids().flat_map(of).collect()
}
