//! The pages on which a member agrees to sign in. A browser has no messenger: who it is, is chosen.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{MEMBERS, Wecom};
use crate::local_url::{LocalUrl, NotLocal};
use crate::page;

/// What the application sends along; WeCom's pages are as strict about it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    appid: String,
    agentid: String,
    redirect_uri: String,
    state: String,
    response_type: String,
    scope: String,
    login_type: String,
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    redirect_uri: String,
    state: String,
    userid: String,
}

#[derive(Template)]
#[template(path = "wecom/agree.html")]
struct AgreePage<'a> {
    members: [(&'static str, &'static str); 4],
    redirect_uri: &'a str,
    state: &'a str,
}

pub(super) async fn within(asked: web::Query<Asked>, wecom: web::Data<Wecom>) -> HttpResponse {
    let scopes = ["snsapi_base", "snsapi_privateinfo"];
    let good = asked.response_type == "code" && scopes.contains(&asked.scope.as_str());
    shown(&wecom, &asked, good)
}

pub(super) async fn elsewhere(asked: web::Query<Asked>, wecom: web::Data<Wecom>) -> HttpResponse {
    let good = asked.login_type == "CorpApp";
    shown(&wecom, &asked, good)
}

fn shown(wecom: &Wecom, asked: &Asked, good: bool) -> HttpResponse {
    if !good || !wecom.is_app(&asked.appid, &asked.agentid) {
        return refused("appid、agentid 或参数不对");
    }
    let plain = asked.state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if asked.state.len() > 128 || !plain {
        return refused("state 只能是 128 个以内的字母和数字");
    }
    if let Err(NotLocal) = LocalUrl::parse(&asked.redirect_uri) {
        return refused(&NotLocal.to_string());
    }
    let Asked { redirect_uri, state, .. } = asked;
    page::ok(&AgreePage { members: MEMBERS, redirect_uri, state })
}

pub(super) async fn agree(chosen: web::Form<Chosen>, wecom: web::Data<Wecom>) -> HttpResponse {
    let Ok(target) = LocalUrl::parse(&chosen.redirect_uri) else {
        return refused(&NotLocal.to_string());
    };
    if !MEMBERS.iter().any(|(userid, _)| *userid == chosen.userid) {
        return refused("没有这个成员");
    }
    let code = wecom.issue_code(&chosen.userid);
    page::see_other(target.with("code", &code).with("state", &chosen.state).as_str())
}

fn refused(reason: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, "无法登录", reason, "/sandbox")
}
