//! Signs in a browser, which has no WeChat: a page to choose a user from, and an API.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{User, WeChat};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page;

#[derive(Deserialize)]
pub(super) struct SignInVisit {
    #[serde(default)]
    redirect_uri: String,
    /// Empty: the general app.
    #[serde(default)]
    app_id: String,
}

#[derive(Deserialize)]
pub(super) struct SignInChoice {
    redirect_uri: String,
    #[serde(default)]
    app_id: String,
    user: u32,
}

/// A user by number or by openid.
#[derive(Deserialize)]
#[serde(untagged)]
enum UserChoice {
    Index(u32),
    Openid(String),
}

#[derive(Deserialize)]
pub(super) struct CodeWanted {
    user: UserChoice,
    #[serde(default)]
    app_id: String,
}

#[derive(Template)]
#[template(path = "wechat/sign_in.html")]
struct SignIn<'a> {
    users: &'a [User],
    redirect_uri: &'a str,
    app_id: &'a str,
    /// Whether the visit named the app; then the redirect names it too.
    named: bool,
}

const NO_APP: &str = "没有这个小程序";

impl WeChat {
    pub(super) fn find(&self, wanted: &CodeWanted) -> Option<User> {
        match &wanted.user {
            UserChoice::Index(index) => self.user_of(self.named_or_general(&wanted.app_id), *index),
            UserChoice::Openid(openid) => self.user_by_openid(openid),
        }
    }

    fn named_or_general<'a>(&'a self, app_id: &'a str) -> &'a str {
        if app_id.is_empty() { self.general.people.app_id() } else { app_id }
    }
}

pub(super) async fn page(
    visit: web::Query<SignInVisit>,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    if let Err(NotLocal) = LocalUrl::parse(&visit.redirect_uri) {
        return refuse(&NotLocal.to_string());
    }
    let app_id = wechat.named_or_general(&visit.app_id);
    let Some(users) = wechat.demo_users_of(app_id) else { return refuse(NO_APP) };
    page::ok(&SignIn {
        users: &users,
        redirect_uri: &visit.redirect_uri,
        app_id,
        named: !visit.app_id.is_empty(),
    })
}

pub(super) async fn choose(
    choice: web::Form<SignInChoice>,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let Ok(target) = LocalUrl::parse(&choice.redirect_uri) else {
        return refuse(&NotLocal.to_string());
    };
    let app_id = wechat.named_or_general(&choice.app_id);
    let Some(user) = wechat.user_of(app_id, choice.user) else {
        return refuse("没有这个演示用户");
    };
    let code = wechat.issue_code(&user, wechat.clock.now());
    let target = target.with("code", &code);
    if choice.app_id.is_empty() {
        return page::see_other(target.as_str());
    }
    page::see_other(target.with("app_id", app_id).as_str())
}

pub(super) async fn make_code(
    wanted: web::Json<CodeWanted>,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let Some(user) = wechat.find(&wanted) else {
        return HttpResponse::NotFound().json(json!({ "message": "没有这个用户" }));
    };
    let code = wechat.issue_code(&user, wechat.clock.now());
    HttpResponse::Created().json(json!({ "code": code, "user": user }))
}

fn refuse(reason: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, "无法登录", reason, "/sandbox")
}
