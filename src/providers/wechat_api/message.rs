//! Subscribe messages: `POST /cgi-bin/message/subscribe/send`.

use super::{Answered, NoAnswer, WechatApi, wait_of};
use crate::messages::{MessageOutcome, MessageSource, MessageTemplate, StudentMessage};
use serde::Serialize;
use std::collections::BTreeMap;

const PATH: &str = "/cgi-bin/message/subscribe/send";

/// Final for this message:
///
/// | code | means |
/// | --- | --- |
/// | 40003 | no such user of this app |
/// | 40037 | no such template |
/// | 41030 | no such page in the released version |
/// | 43101 | the user did not agree, or what was agreed to is used up |
/// | 43107, 43108 | the user, or WeChat, has turned off the app's messages |
/// | 45168 | WeChat does not pass the content |
/// | 47003 | a value breaks the rule of its field |
const FINAL: [i64; 8] = [40_003, 40_037, 41_030, 43_101, 43_107, 43_108, 45_168, 47_003];
/// Of these, what an operator has to repair.
const MISCONFIGURED: [i64; 3] = [40_037, 41_030, 47_003];

const THING_MAX_CHARS: usize = 20;

#[derive(Serialize)]
struct Body<'a> {
    touser: &'a str,
    template_id: &'a str,
    page: &'a str,
    data: BTreeMap<&'a str, Field>,
    miniprogram_state: &'a str,
    lang: &'static str,
}

#[derive(Serialize)]
struct Field {
    value: String,
}

impl WechatApi {
    /// Sends a message under this template. `state` is the version of the mini-program that it opens.
    pub(in crate::providers) async fn send_message(
        &self,
        template: &MessageTemplate,
        state: &str,
        message: &StudentMessage,
    ) -> MessageOutcome {
        let field = |(key, source): &'_ (String, MessageSource)| Field {
            value: fitted(key, source.text(message)),
        };
        let body = Body {
            touser: &message.to,
            template_id: &template.id,
            page: &message.page,
            data: template.fields.iter().map(|of| (of.0.as_str(), field(of))).collect(),
            miniprogram_state: state,
            lang: "zh_CN",
        };
        match self.call(PATH, &body).await {
            Ok(Answered { errcode: 0, .. }) => MessageOutcome::Taken,
            Ok(Answered { errcode, .. }) if FINAL.contains(&errcode) => {
                if MISCONFIGURED.contains(&errcode) {
                    tracing::error!(errcode, "WeChat API: the settings of a message are wrong");
                }
                MessageOutcome::Refused { code: errcode.to_string() }
            }
            Ok(Answered { errcode, .. }) => MessageOutcome::Unknown { wait: wait_of(errcode) },
            Err(NoAnswer) => MessageOutcome::Unknown { wait: None },
        }
    }
}

/// Whether a field can hold what is to fill it: a key is a type and one or two digits.
pub fn fits(key: &str, source: MessageSource) -> bool {
    let kind = kind_of(key);
    let digits = key.get(kind.len()..).unwrap_or_default();
    if !(1..=2).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    match kind {
        "thing" => source != MessageSource::Number,
        "amount" => source == MessageSource::Amount,
        "time" | "date" => source == MessageSource::Time,
        "character_string" => source == MessageSource::Number,
        "phrase" => source == MessageSource::State,
        _ => false,
    }
}

fn kind_of(key: &str) -> &str {
    key.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Cut to what the type holds, in characters. Only names of schools are ever longer.
fn fitted(key: &str, text: String) -> String {
    if kind_of(key) == "thing" { text.chars().take(THING_MAX_CHARS).collect() } else { text }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_key_holds_what_its_type_is_for() {
        use MessageSource::{Amount, Number, School, State, Time, What};
        let good = [
            ("thing1", What),
            ("thing12", School),
            ("thing3", Time),
            ("amount2", Amount),
            ("time3", Time),
            ("date4", Time),
            ("character_string5", Number),
            ("phrase6", State),
        ];
        for (key, source) in good {
            assert!(fits(key, source), "{key} {source:?}");
        }
        let bad = [
            ("thing", What),
            ("thing123", What),
            ("thing1", Number),
            ("amount1", Time),
            ("time1", Amount),
            ("character_string1", School),
            ("phrase1", What),
            ("name1", School),
            ("phone_number1", Number),
            ("keyword1", What),
            ("1", What),
            ("", What),
        ];
        for (key, source) in bad {
            assert!(!fits(key, source), "{key} {source:?}");
        }
    }

    #[test]
    fn a_thing_is_cut_by_characters() {
        let long = "云南艺术学院文华校区第一食堂附属实验学校".repeat(2);
        assert_eq!(fitted("thing1", long).chars().count(), 20);
        assert_eq!(fitted("thing1", "短".into()), "短");
    }
}
