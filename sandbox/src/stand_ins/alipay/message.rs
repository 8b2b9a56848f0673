//! `alipay.open.app.mini.templatemessage.send`, of messages that users agreed to: without a `form_id`.
//!
//! Its error codes are not documented where we could read them: those here are the sandbox's own.

use std::collections::{BTreeMap, VecDeque};

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Alipay;
use super::gateway::Call;
use super::operations::Answer;
use super::refusal::Refusal;
use crate::state::lock;

const MOST_SENT: usize = 1000;
const MOST_VALUE_CHARS: usize = 50;
const MOST_CONTENT_CHARS: usize = 2048;

/// A message that reached its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentTemplateMessage {
    pub at: DateTime<Utc>,
    pub app_id: String,
    /// The id under which it was sent.
    pub to: String,
    pub user_template_id: String,
    pub page: String,
    /// By key.
    pub data: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(super) struct TemplateMessages {
    /// Whether users have agreed.
    refused: bool,
    newest_first: VecDeque<SentTemplateMessage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    to_user_id: String,
    #[serde(default)]
    to_open_id: String,
    #[serde(default)]
    user_template_id: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    value: String,
}

impl Alipay {
    /// Whether users refuse messages from now on.
    pub fn refuse_messages(&self, refused: bool) {
        lock(&self.messages).refused = refused;
    }

    /// The messages that reached their users, newest first.
    pub fn template_messages(&self) -> Vec<SentTemplateMessage> {
        lock(&self.messages).newest_first.iter().cloned().collect()
    }
}

pub(super) fn send(alipay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let invalid = |why: &str| Refusal::business("INVALID_PARAMETER", why);
    let wanted: Wanted = serde_json::from_str(&call.content).map_err(|_| invalid("参数无效"))?;
    let Wanted { to_user_id, to_open_id, user_template_id, page, data } = wanted;
    let to = match (to_user_id.is_empty(), to_open_id.is_empty()) {
        (false, true) => to_user_id,
        (true, false) => to_open_id,
        (true, true) | (false, false) => return Err(invalid("接收人有误")),
    };
    if call.app.people.by_id(&to).is_none() {
        return Err(Refusal::business("USER_NOT_EXIST", "用户不存在"));
    }
    if user_template_id.is_empty() || user_template_id.len() > 64 {
        return Err(Refusal::business("TEMPLATE_NOT_EXIST", "模板不存在"));
    }
    if !page.starts_with("pages/") || page.len() > 128 {
        return Err(invalid("页面有误"));
    }
    let fields: BTreeMap<String, Field> =
        serde_json::from_str(&data).map_err(|_| invalid("data 有误"))?;
    let holds = |(key, field): (&String, &Field)| {
        key.starts_with("keyword") && (1..=MOST_VALUE_CHARS).contains(&field.value.chars().count())
    };
    if data.chars().count() > MOST_CONTENT_CHARS || fields.is_empty() || !fields.iter().all(holds) {
        return Err(invalid("data 有误"));
    }
    let mut messages = lock(&alipay.messages);
    if messages.refused {
        return Err(Refusal::business("USER_UNSUBSCRIBE", "用户未订阅该模板"));
    }
    messages.newest_first.truncate(MOST_SENT - 1);
    messages.newest_first.push_front(SentTemplateMessage {
        at: alipay.clock.now(),
        app_id: call.app.app_id().to_owned(),
        to,
        user_template_id,
        page,
        data: fields.into_iter().map(|(key, field)| (key, field.value)).collect(),
    });
    Ok(Answer::new())
}

pub(super) async fn list(alipay: Data<Alipay>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": alipay.template_messages() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConsents {
    refused: bool,
}

pub(super) async fn set(new: Json<NewConsents>, alipay: Data<Alipay>) -> HttpResponse {
    alipay.refuse_messages(new.refused);
    HttpResponse::Ok().json(json!({ "refused": new.refused }))
}
