//! Signs in a browser, which has no Alipay: a page to choose a user from, and an API.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{Alipay, AlipayUser};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page;
use crate::stand_ins::phone::{
    Person, Platform, SignInChoice, SignInPage, SignInVisit, refuse_sign_in, signed_in,
};
use crate::stand_ins::wechat::surname_of;

const PLATFORM: Platform = Platform {
    name: "支付宝",
    call: "my.getAuthCode",
    code: "授权码",
    path: "/sandbox/alipay/sign-in",
};

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
        return refuse_sign_in(&NotLocal.to_string());
    }
    let app_id = alipay.named_or_general(&visit.app_id);
    let Some(users) = alipay.demo_users_of(app_id) else { return refuse_sign_in(NO_APP) };
    page::ok(&SignInPage {
        platform: &PLATFORM,
        users: users.iter().map(person).collect(),
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
        return refuse_sign_in(&NotLocal.to_string());
    };
    let app_id = alipay.named_or_general(&choice.app_id);
    let Some(user) = alipay.user_of(app_id, choice.user) else {
        return refuse_sign_in("没有这个演示用户");
    };
    let code = alipay.issue_code(&user, alipay.clock.now());
    signed_in(&target, &code, (!choice.app_id.is_empty(), app_id))
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

fn person(user: &AlipayUser) -> Person<'_> {
    Person {
        index: user.index,
        name: &user.name,
        surname: surname_of(&user.name),
        id: &user.user_id,
    }
}
