//! The pages that take the place of the phone, which a browser does not have: signing in as a user of a
//! platform, and paying at its cashier.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::Deserialize;

use crate::local_url::LocalUrl;
use crate::page;

const BACK: &str = "/sandbox";

/// What the sign-in page says of a platform.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) name: &'static str,
    /// The call of the mini-program that the page stands for.
    pub(super) call: &'static str,
    /// What it gives.
    pub(super) code: &'static str,
    /// The address of the page.
    pub(super) path: &'static str,
}

/// A user who can be chosen.
#[derive(Debug)]
pub(super) struct Person<'a> {
    pub(super) index: u32,
    pub(super) name: &'a str,
    /// The first character of the name, for a picture.
    pub(super) surname: &'a str,
    pub(super) id: &'a str,
}

#[derive(Deserialize)]
pub(super) struct SignInVisit {
    #[serde(default)]
    pub(super) redirect_uri: String,
    /// Empty: the general app.
    #[serde(default)]
    pub(super) app_id: String,
}

#[derive(Deserialize)]
pub(super) struct SignInChoice {
    pub(super) redirect_uri: String,
    #[serde(default)]
    pub(super) app_id: String,
    pub(super) user: u32,
}

#[derive(Template)]
#[template(path = "phone/sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) platform: &'a Platform,
    pub(super) users: Vec<Person<'a>>,
    pub(super) redirect_uri: &'a str,
    pub(super) app_id: &'a str,
    /// Whether the visit named the app; then the redirect names it too.
    pub(super) named: bool,
}

/// Back to the client with the code, and with the app if the visit named it.
pub(super) fn signed_in(
    target: &LocalUrl,
    code: &str,
    (named, app_id): (bool, &str),
) -> HttpResponse {
    let target = target.with("code", code);
    if named {
        return page::see_other(target.with("app_id", app_id).as_str());
    }
    page::see_other(target.as_str())
}

pub(super) fn refuse_sign_in(reason: &str) -> HttpResponse {
    page::refused(StatusCode::BAD_REQUEST, "无法登录", reason, BACK)
}

/// What the payer does at the cashier.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CashierAct {
    Pay,
    Fail,
    Cancel,
}

impl CashierAct {
    /// The result of the mini-program's call, which proves nothing.
    pub(super) fn result(self) -> &'static str {
        match self {
            Self::Pay => "ok",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
        }
    }
}

/// A line about what is paid.
pub(super) struct PayFact<'a> {
    pub(super) name: &'static str,
    pub(super) text: &'a str,
    /// Whether it is a number.
    pub(super) mono: bool,
}

#[derive(Template)]
#[template(path = "phone/cashier.html")]
pub(super) struct CashierPage<'a> {
    pub(super) title: &'static str,
    pub(super) payee: String,
    pub(super) amount: String,
    pub(super) facts: Vec<PayFact<'a>>,
    /// The address of the page.
    pub(super) path: &'static str,
    /// Sent back with what the payer does.
    pub(super) sent: Vec<(&'static str, &'a str)>,
}

pub(super) fn refuse_payment(status: StatusCode, reason: &str, back: Option<&str>) -> HttpResponse {
    page::refused(status, "无法支付", reason, back.unwrap_or(BACK))
}
