//! Messages to users who agreed to them: `alipay.open.app.mini.templatemessage.send`.
//!
//! A message that a user agreed to in `my.requestSubscribeMessage` needs no `form_id`. Codes of failures
//! are not documented where we could read it, so one is final only if Alipay signed it and does not
//! call it its own fault.

use super::{Alipay, CheckedAnswer, Outcome, wire};
use crate::{
    base::clock::Timestamp,
    messages::{
        MessageOutcome, MessageSource, MessageTemplate, Messenger, Shipped, StudentMessage, Told,
    },
    payments::gateway::{GatewayError, Provider},
};
use async_trait::async_trait;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

const SEND: &str = "alipay.open.app.mini.templatemessage.send";

const KEY: &str = "keyword";
const VALUE_MAX_CHARS: usize = 50;
const AFTER_LIMIT: Duration = Duration::from_mins(1);

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    to_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_open_id: Option<&'a str>,
    user_template_id: &'a str,
    page: &'a str,
    /// JSON within JSON.
    data: String,
}

#[derive(Serialize)]
struct Field {
    value: String,
}

/// Whether a key is one of Alipay's: `keyword1` and so on, which hold any text.
pub(super) fn fits(key: &str, _: MessageSource) -> bool {
    let digits = key.strip_prefix(KEY).unwrap_or_default();
    (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn data(template: &MessageTemplate, message: &StudentMessage) -> Option<String> {
    let field = |source: MessageSource| Field {
        value: source.text(message).chars().take(VALUE_MAX_CHARS).collect(),
    };
    let fields: BTreeMap<&str, Field> =
        template.fields.iter().map(|(key, source)| (key.as_str(), field(*source))).collect();
    serde_json::to_string(&fields).ok()
}

#[async_trait]
impl Messenger for Alipay {
    fn provider(&self) -> Provider {
        Provider::Alipay
    }

    fn app_id(&self) -> &str {
        &self.shop.app_id
    }

    fn template(&self, told: Told) -> Option<&MessageTemplate> {
        self.templates.of(told)
    }

    fn tells_shipping(&self) -> bool {
        false
    }

    async fn send(&self, message: &StudentMessage, now: Timestamp) -> MessageOutcome {
        let never = || MessageOutcome::Refused { code: String::new() };
        let Some(template) = self.template(message.told) else { return never() };
        let Some(data) = data(template, message) else { return never() };
        let by_user_id = wire::is_user_id(&message.to);
        let content = Content {
            to_user_id: by_user_id.then_some(message.to.as_str()),
            to_open_id: (!by_user_id).then_some(message.to.as_str()),
            user_template_id: &template.id,
            page: &message.page,
            data,
        };
        match self.api.call(SEND, &content, "", now).await {
            Ok(outcome) => outcome_of(outcome),
            Err(GatewayError::Throttled { retry_after }) => {
                MessageOutcome::Unknown { wait: retry_after.or(Some(AFTER_LIMIT)) }
            }
            Err(GatewayError::Refused { .. } | GatewayError::Unknown) => {
                MessageOutcome::Unknown { wait: None }
            }
        }
    }

    async fn tell_shipping(&self, _: &Shipped, _: Timestamp) -> MessageOutcome {
        MessageOutcome::Refused { code: String::new() }
    }
}

fn outcome_of(outcome: Outcome) -> MessageOutcome {
    let failure = match outcome {
        Outcome::Done(CheckedAnswer { .. }, _) => return MessageOutcome::Taken,
        Outcome::Failed(failure) => failure,
    };
    let signed = failure.signed;
    match failure.into_error() {
        GatewayError::Refused { code } if signed => MessageOutcome::Refused { code },
        GatewayError::Throttled { .. } => MessageOutcome::Unknown { wait: Some(AFTER_LIMIT) },
        GatewayError::Refused { .. } | GatewayError::Unknown => {
            MessageOutcome::Unknown { wait: None }
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::base::money::Fen;

    #[test]
    fn keys_are_keywords() {
        for (key, good) in [
            ("keyword1", true),
            ("keyword12", true),
            ("keyword", false),
            ("keyword123", false),
            ("thing1", false),
            ("keywordx", false),
        ] {
            assert_eq!(fits(key, MessageSource::What), good, "{key}");
        }
    }

    #[test]
    fn values_are_cut_at_fifty_characters() {
        let fields = ["keyword1=school".to_owned(), "keyword2=amount".to_owned()];
        let template = MessageTemplate::new("t".into(), &fields, fits).unwrap();
        let message = StudentMessage {
            told: Told::Credited,
            to: "o".into(),
            page: "p".into(),
            amount: Fen::new(5000).unwrap(),
            at: Timestamp::from_seconds(0),
            number: "n".into(),
            school: "校".repeat(60),
        };
        let expected = format!(
            r#"{{"keyword1":{{"value":"{}"}},"keyword2":{{"value":"¥50.00"}}}}"#,
            "校".repeat(50)
        );
        assert_eq!(data(&template, &message).unwrap(), expected);
    }
}
