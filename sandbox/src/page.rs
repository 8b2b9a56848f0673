//! Renders pages, redirects and refusals.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;

/// A page that says why something was not done.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    title: &'a str,
    reason: &'a str,
    back: &'a str,
}

/// A section of a page; empty where it cannot be rendered.
pub(crate) fn section(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a section of a page could not be rendered");
        String::new()
    })
}

fn render(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => HttpResponse::build(status)
            .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .content_type("text/html; charset=utf-8")
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

pub(crate) fn ok(template: &impl Template) -> HttpResponse {
    render(StatusCode::OK, template)
}

/// `back`: where the page's link leads, `/sandbox` if nothing better is known.
pub(crate) fn refused(status: StatusCode, title: &str, reason: &str, back: &str) -> HttpResponse {
    render(status, &Refused { title, reason, back })
}

/// A button of the control page did nothing.
pub(crate) fn not_done(status: StatusCode, refusal: &impl std::fmt::Display) -> HttpResponse {
    refused(status, "没有执行", &refusal.to_string(), "/sandbox")
}

pub(crate) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// Fen as yuan with two decimals.
pub(crate) fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Fen of yuan with up to two decimals, as a form sends them.
pub(crate) fn fen_of(yuan: &str) -> Option<i64> {
    let (whole, part) = yuan.split_once('.').unwrap_or((yuan, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !(1..=9).contains(&whole.len()) || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<2}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_forms_are_yuan() {
        let table = [("5", Some(500)), ("0.5", Some(50)), ("12.34", Some(1234)), ("0", Some(0))];
        for (text, fen) in table.into_iter().chain([
            ("", None),
            (".5", None),
            ("1.234", None),
            ("-1", None),
            ("1e3", None),
            ("一", None),
        ]) {
            assert_eq!(fen_of(text), fen, "{text}");
        }
    }
}
