//! Signs in a browser, which has no WeChat: a page to choose a user from, and an API.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{User, WeChat};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page;
use crate::stand_ins::phone::{
    Person, Platform, SignInChoice, SignInPage, SignInVisit, refuse_sign_in, signed_in,
};
use crate::stand_ins::wechat::surname_of;

const PLATFORM: Platform =
    Platform {
        name: "微信", call: "wx.login", code: "登录凭证", path: "/sandbox/wechat/sign-in"
    };

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
        return refuse_sign_in(&NotLocal.to_string());
    }
    let app_id = wechat.named_or_general(&visit.app_id);
    let Some(users) = wechat.demo_users_of(app_id) else { return refuse_sign_in(NO_APP) };
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
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let Ok(target) = LocalUrl::parse(&choice.redirect_uri) else {
        return refuse_sign_in(&NotLocal.to_string());
    };
    let app_id = wechat.named_or_general(&choice.app_id);
    let Some(user) = wechat.user_of(app_id, choice.user) else {
        return refuse_sign_in("没有这个演示用户");
    };
    let code = wechat.issue_code(&user, wechat.clock.now());
    signed_in(&target, &code, (!choice.app_id.is_empty(), app_id))
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

fn person(user: &User) -> Person<'_> {
    Person {
        index: user.index,
        name: &user.name,
        surname: surname_of(&user.name),
        id: &user.openid,
    }
}
