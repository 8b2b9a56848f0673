//! Signs in a browser, which has no Alipay: a page to choose a user from, and an API.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{Alipay, AlipayUser};
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

/// A user by number, by user id or by open id.
#[derive(Deserialize)]
#[serde(untagged)]
enum UserChoice {
    Index(u32),
    Id(String),
}

#[derive(Deserialize)]
pub(super) struct UserWanted {
    user: UserChoice,
    /// Absent or empty: the general app.
    #[serde(default)]
    app_id: String,
}

#[derive(Template)]
#[template(path = "alipay/sign_in.html")]
struct SignIn<'a> {
    users: &'a [AlipayUser],
    redirect_uri: &'a str,
    app_id: &'a str,
    /// Whether the visit named the app; then the redirect names it too.
    named: bool,
}

const NO_APP: &str = "没有这个小程序";

impl Alipay {
    pub(super) fn find(&self, wanted: &UserWanted) -> Option<AlipayUser> {
        let app = self.app(self.named_or_general(&wanted.app_id))?;
        match &wanted.user {
            UserChoice::Index(index) => app.people.user(*index),
            UserChoice::Id(id) => app.people.by_id(id),
        }
    }

    fn named_or_general<'a>(&'a self, app_id: &'a str) -> &'a str {
        match self.apps.first() {
            Some(general) if app_id.is_empty() => general.app_id(),
            _ => app_id,
        }
    }
}

pub(super) async fn page(
    visit: web::Query<SignInVisit>,
    alipay: web::Data<Alipay>,
) -> HttpResponse {
    if let Err(NotLocal) = LocalUrl::parse(&visit.redirect_uri) {
        return refuse(&NotLocal.to_string());
    }
    let app_id = alipay.named_or_general(&visit.app_id);
    let Some(users) = alipay.demo_users_of(app_id) else { return refuse(NO_APP) };
    page::ok(&SignIn {
        users: &users,
        redirect_uri: &visit.redirect_uri,
        app_id,
        named: !visit.app_id.is_empty(),
    })
}

pub(super) async fn choose(
    choice: web::Form<SignInChoice>,
    alipay: web::Data<Alipay>,
) -> HttpResponse {
    let Ok(target) = LocalUrl::parse(&choice.redirect_uri) else {
        return refuse(&NotLocal.to_string());
    };
    let app_id = alipay.named_or_general(&choice.app_id);
    let Some(user) = alipay.user_of(app_id, choice.user) else {
        return refuse("没有这个演示用户");
    };
    let target = target.with("code", &alipay.issue_code(&user, alipay.clock.now()));
    if choice.app_id.is_empty() {
        return page::see_other(target.as_str());
    }
    page::see_other(target.with("app_id", app_id).as_str())
}

pub(super) async fn make_code(
    wanted: web::Json<UserWanted>,
    alipay: web::Data<Alipay>,
) -> HttpResponse {
    let Some(user) = alipay.find(&wanted) else { return no_user() };
    let code = alipay.issue_code(&user, alipay.clock.now());
    HttpResponse::Created().json(json!({ "code": code, "user": user }))
}

pub(super) fn no_user() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "message": "没有这个用户" }))
}

fn refuse(reason: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, "无法登录", reason, "/sandbox")
}
