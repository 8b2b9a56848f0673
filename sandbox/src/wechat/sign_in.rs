//! Where a browser, which has no WeChat, chooses who it is; and the same without a page.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{User, WeChat};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page;
use crate::state::Sandbox;

#[derive(Deserialize)]
pub(super) struct Visit {
    #[serde(default)]
    redirect_uri: String,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    redirect_uri: String,
    user: u32,
}

/// A user by number or by openid.
#[derive(Deserialize)]
#[serde(untagged)]
enum Who {
    Index(u32),
    Openid(String),
}

#[derive(Deserialize)]
pub(super) struct CodeWanted {
    user: Who,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    users: &'a [User],
    redirect_uri: &'a str,
}

impl WeChat {
    fn find(&self, who: &Who) -> Option<User> {
        match who {
            Who::Index(index) => self.user(*index),
            Who::Openid(openid) => self.user_by_openid(openid),
        }
    }
}

pub(super) async fn page(visit: web::Query<Visit>, sandbox: web::Data<Sandbox>) -> HttpResponse {
    match LocalUrl::parse(&visit.redirect_uri) {
        Ok(_) => page::ok(&SignIn {
            users: &sandbox.wechat.demo_users(),
            redirect_uri: &visit.redirect_uri,
        }),
        Err(NotLocal) => refuse(&NotLocal.to_string()),
    }
}

pub(super) async fn choose(choice: web::Form<Choice>, sandbox: web::Data<Sandbox>) -> HttpResponse {
    let Ok(target) = LocalUrl::parse(&choice.redirect_uri) else {
        return refuse(&NotLocal.to_string());
    };
    let Some(user) = sandbox.wechat.user(choice.user) else {
        return refuse("没有这个演示用户");
    };
    let code = sandbox.wechat.issue_code(&user, sandbox.clock.now());
    page::see_other(&target.with("code", &code))
}

pub(super) async fn make_code(
    wanted: web::Json<CodeWanted>,
    sandbox: web::Data<Sandbox>,
) -> HttpResponse {
    let Some(user) = sandbox.wechat.find(&wanted.user) else {
        return HttpResponse::NotFound().json(json!({ "message": "没有这个用户" }));
    };
    let code = sandbox.wechat.issue_code(&user, sandbox.clock.now());
    HttpResponse::Created().json(json!({ "code": code, "user": user }))
}

fn refuse(reason: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, "无法登录", reason, "/sandbox")
}
