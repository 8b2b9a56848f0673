//! The demo users, on the control page and in the control API.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde_json::json;

use super::{SentMessage, User, WeChat};
use crate::control::{PAGE_LENGTH, Panel, moment};
use crate::page;

#[derive(Template)]
#[template(path = "wechat/users.html")]
struct UsersSection {
    users: Vec<User>,
}

/// A message, as the page shows it.
struct MessageRow {
    at: String,
    openid: String,
    template_id: String,
    text: String,
    page: String,
}

#[derive(Template)]
#[template(path = "wechat/messages.html")]
struct MessagesSection {
    shipments: usize,
    messages: Vec<MessageRow>,
}

pub(super) fn panel(wechat: &WeChat) -> Panel {
    let messages = wechat.sent_messages();
    let shown = messages.into_iter().take(PAGE_LENGTH).map(MessageRow::from);
    let section =
        MessagesSection { shipments: wechat.shipments().len(), messages: shown.collect() };
    Panel {
        activity: vec![page::section(&section)],
        setup: vec![page::section(&UsersSection { users: users(wechat) })],
        ..Panel::default()
    }
}

impl From<SentMessage> for MessageRow {
    fn from(sent: SentMessage) -> Self {
        let values: Vec<String> = sent.data.into_values().collect();
        Self {
            at: moment(sent.at),
            openid: sent.openid,
            template_id: sent.template_id,
            text: values.join(" · "),
            page: sent.page,
        }
    }
}

pub(super) async fn list(wechat: Data<WeChat>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": users(&wechat) }))
}

/// Of every app.
fn users(wechat: &WeChat) -> Vec<User> {
    let of = |app_id| wechat.demo_users_of(app_id).unwrap_or_default();
    wechat.app_ids().flat_map(of).collect()
}
