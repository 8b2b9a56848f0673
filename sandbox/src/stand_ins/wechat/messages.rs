//! Subscribe messages: templates, what users agreed to, and what was sent.

use std::collections::{BTreeMap, HashMap, VecDeque};

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::WeChat;
use super::server_api::{ApiError, Members, answer, error};
use crate::state::lock;

/// Of the sandbox itself; more are made through the control API.
const DEMO_TEMPLATES: [&str; 2] = ["sandbox-credited-template", "sandbox-refunded-template"];
const DEMO_KEYS: [&str; 4] = ["amount1", "time2", "thing3", "character_string4"];
const MOST_TEMPLATES: usize = 1000;
const MOST_SENT: usize = 1000;
const MOST_GRANTS: usize = 100_000;

/// Whether users have to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consents {
    /// Each message uses up one agreement.
    #[default]
    Asked,
    /// Everybody has agreed to everything.
    Always,
}

/// A message that reached its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentMessage {
    pub at: DateTime<Utc>,
    pub app_id: String,
    pub openid: String,
    pub template_id: String,
    pub page: String,
    pub miniprogram_state: String,
    /// By key.
    pub data: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(super) struct Messages {
    templates: HashMap<String, Vec<String>>,
    /// By openid and template.
    grants: HashMap<(String, String), u32>,
    pub(super) consents: Consents,
    /// How many more WeChat takes; no limit where there is none.
    pub(super) quota: Option<u64>,
    newest_first: VecDeque<SentMessage>,
}

impl Default for Messages {
    fn default() -> Self {
        let keys = || DEMO_KEYS.map(str::to_owned).to_vec();
        Self {
            templates: DEMO_TEMPLATES.iter().map(|id| ((*id).to_owned(), keys())).collect(),
            grants: HashMap::new(),
            consents: Consents::default(),
            quota: None,
            newest_first: VecDeque::new(),
        }
    }
}

impl Messages {
    fn set_template(&mut self, id: &str, keys: Option<Vec<String>>) -> bool {
        let fits = self.templates.len() < MOST_TEMPLATES || self.templates.contains_key(id);
        match keys {
            Some(keys) if fits => drop(self.templates.insert(id.to_owned(), keys)),
            Some(_) => {}
            None => drop(self.templates.remove(id)),
        }
        fits
    }

    /// Lets the user agree to so many messages more; false where there is no such template.
    pub(super) fn grant(&mut self, openid: &str, template_id: &str, times: u32) -> bool {
        let fits = self.templates.contains_key(template_id) && self.grants.len() < MOST_GRANTS;
        if fits {
            let key = (openid.to_owned(), template_id.to_owned());
            let granted = self.grants.entry(key).or_default();
            *granted = granted.saturating_add(times);
        }
        fits
    }

    pub(super) fn sent(&self) -> impl Iterator<Item = &SentMessage> {
        self.newest_first.iter()
    }

    /// Uses up one agreement.
    fn spend(&mut self, openid: &str, template_id: &str) -> bool {
        if self.consents == Consents::Always {
            return true;
        }
        let key = (openid.to_owned(), template_id.to_owned());
        let Some(left) = self.grants.get_mut(&key).filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    fn take(&mut self, message: SentMessage) -> Result<(), ApiError> {
        let keys = self.templates.get(&message.template_id);
        let keys = keys.ok_or_else(|| error(40037, "invalid template_id"))?;
        for key in keys {
            let value = message.data.get(key).map(String::as_str).unwrap_or_default();
            if !holds(key, value) {
                let why = format!("argument invalid! data.{key}.value invalid");
                return Err(ApiError(47003, why));
            }
        }
        if let Some(unknown) = message.data.keys().find(|key| !keys.contains(key)) {
            return Err(ApiError(47003, format!("argument invalid! data.{unknown} unknown")));
        }
        if self.quota == Some(0) {
            return Err(error(45009, "reach max api daily quota limit"));
        }
        if !self.spend(&message.openid, &message.template_id) {
            return Err(error(43101, "user refuse to accept the msg"));
        }
        self.quota = self.quota.map(|left| left - 1);
        self.newest_first.truncate(MOST_SENT - 1);
        self.newest_first.push_front(message);
        Ok(())
    }
}

/// Whether a value keeps the rule of its key's type.
fn holds(key: &str, value: &str) -> bool {
    let kind = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let chars = value.chars().count();
    let printable = value.chars().all(|c| !c.is_control());
    if chars == 0 || !printable {
        return false;
    }
    match kind {
        "thing" => chars <= 20,
        "character_string" => chars <= 32 && value.is_ascii(),
        "number" => chars <= 32 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
        "letter" => chars <= 32 && value.bytes().all(|byte| byte.is_ascii_alphabetic()),
        "phrase" => chars <= 5 && value.chars().all(is_chinese),
        "amount" => is_amount(value),
        "time" | "date" => is_time(value, kind == "time"),
        _ => false,
    }
}

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// One sign of a currency and ten digits, with decimals.
fn is_amount(value: &str) -> bool {
    let plain = value.strip_prefix(['¥', '￥', '$']).unwrap_or(value);
    let plain = plain.strip_suffix('元').unwrap_or(plain);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    digits(whole) && digits(fraction) && fraction.len() <= 2 && whole.len() <= 10
}

/// `2026年1月5日`, with `10:00` after it; a time may stand alone.
fn is_time(value: &str, alone: bool) -> bool {
    let (day, time) = match value.split_once(' ') {
        Some((day, time)) => (Some(day), Some(time)),
        None if value.contains('年') => (Some(value), None),
        None => (None, Some(value)),
    };
    let number = |text: &str, most: u32| {
        let short = (1..=4).contains(&text.len());
        short && text.parse::<u32>().is_ok_and(|number| number <= most)
    };
    let is_day = |day: &str| {
        let mut parts = day.trim_end_matches('日').splitn(3, ['年', '月']);
        let parts = (parts.next(), parts.next(), parts.next());
        let (Some(year), Some(month), Some(date)) = parts else { return false };
        number(year, 9999) && number(month, 12) && number(date, 31) && day.ends_with('日')
    };
    let is_hour = |time: &str| {
        time.len() == 5 && time.split_once(':').is_some_and(|(h, m)| number(h, 23) && number(m, 59))
    };
    day.map_or(alone, is_day) && time.is_none_or(is_hour)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageWanted {
    #[serde(default)]
    touser: String,
    #[serde(default)]
    template_id: String,
    #[serde(default)]
    page: String,
    data: BTreeMap<String, Field>,
    /// Newer documents require both.
    miniprogram_state: String,
    lang: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    value: String,
}

impl WeChat {
    /// Lets a user agree to so many messages, as the panel of `wx.requestSubscribeMessage` does; false
    /// where there is no such template.
    pub fn grant(&self, openid: &str, template_id: &str, times: u32) -> bool {
        lock(&self.server_api).messages.grant(openid, template_id, times)
    }

    /// Makes a template with these keys, or removes it; false if there are too many.
    pub fn set_template(&self, id: &str, keys: Option<&[&str]>) -> bool {
        let keys = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
        lock(&self.server_api).messages.set_template(id, keys)
    }

    /// Whether users have to be asked.
    pub fn set_consents(&self, consents: Consents) {
        lock(&self.server_api).messages.consents = consents;
    }

    /// The messages that reached their users, newest first.
    pub fn sent_messages(&self) -> Vec<SentMessage> {
        lock(&self.server_api).messages.sent().cloned().collect()
    }

    fn send_message(&self, app_id: &str, wanted: MessageWanted) -> Result<Members, ApiError> {
        let MessageWanted { touser, template_id, page, data, miniprogram_state, lang } = wanted;
        let known = self.app(app_id).and_then(|app| app.people.by_openid(&touser));
        let path = page.split('?').next().unwrap_or_default();
        let states = ["developer", "trial", "formal"];
        let languages = ["zh_CN", "en_US", "zh_HK", "zh_TW"];
        let rules = [
            (known.is_some(), 40003, "invalid openid"),
            (page.is_empty() || path.starts_with("pages/"), 41030, "invalid page"),
            (states.contains(&miniprogram_state.as_str()), 47001, "invalid miniprogram_state"),
            (languages.contains(&lang.as_str()), 47001, "invalid lang"),
        ];
        if let Some((_, code, why)) = rules.into_iter().find(|(kept, ..)| !kept) {
            return Err(error(code, why));
        }
        let message = SentMessage {
            at: self.clock.now(),
            app_id: app_id.to_owned(),
            openid: touser,
            template_id,
            page,
            miniprogram_state,
            data: data.into_iter().map(|(key, field)| (key, field.value)).collect(),
        };
        lock(&self.server_api).messages.take(message)?;
        Ok(Members::new())
    }
}

pub(super) async fn send(
    request: HttpRequest,
    body: web::Bytes,
    wechat: web::Data<WeChat>,
) -> HttpResponse {
    let read = wechat.read::<MessageWanted>(&request, &body);
    answer(read.and_then(|(app_id, wanted)| wechat.send_message(&app_id, wanted)))
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn values_keep_the_rules_of_their_types() {
        let twenty = "二".repeat(20);
        let (good, bad) = (true, false);
        for (key, value, expected) in [
            ("thing1", twenty.as_str(), good),
            ("thing1", &format!("{twenty}一"), bad),
            ("thing1", "", bad),
            ("thing1", "a\nb", bad),
            ("amount1", "¥50.00", good),
            ("amount1", "50", good),
            ("amount1", "¥50.000", bad),
            ("amount1", "¥12345678901", bad),
            ("amount1", "fifty", bad),
            ("time1", "2026年1月5日 10:00", good),
            ("time1", "15:01", good),
            ("date1", "2026年1月5日", good),
            ("date1", "15:01", bad),
            ("time1", "2026-01-05T10:00:00+08:00", bad),
            ("time1", "2026年13月5日 10:00", bad),
            ("time1", "2026年1月5日 25:00", bad),
            ("character_string1", "0123456789abcdef0123456789abcdef", good),
            ("character_string1", "0123456789abcdef0123456789abcdef0", bad),
            ("character_string1", "订单", bad),
            ("phrase1", "已到账", good),
            ("phrase1", "已经到账了吗", bad),
            ("phrase1", "paid", bad),
            ("name1", "x", bad),
        ] {
            assert_eq!(holds(key, value), expected, "{key} {value}");
        }
    }
}
