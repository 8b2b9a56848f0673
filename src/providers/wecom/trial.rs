//! Whether WeCom accepts the organisation's id and the application's secret: its token is fetched, which ends
//! nobody's. WeCom gives the token to any address, so that it is then asked who a code is of that cannot exist.
//!
//! | `errcode` | finding |
//! | --- | --- |
//! | 0, with a token; then 40029 | works |
//! | 40013, 41002 | the organisation's id |
//! | 40001, 41004, 40091 | the secret |
//! | 60020 | the address is not allowed |
//! | 45009, 45033 | too many calls |
//! | -1, another status than 200, no JSON; no answer | unknown |

use super::{super::errcode::answer_to_trial, ADDRESS_NOT_LISTED, CODE_REFUSED, Wecom};
use crate::{
    base::clock::Clock,
    key_trials::{KeyTrial, TrialFinding, Tried},
};
use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use std::net::IpAddr;

/// WeCom issues no such code.
const NO_CODE: &str = "onecard-key-trial-no-such-code";

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenTold {
    errcode: i64,
    errmsg: String,
    access_token: String,
}

#[async_trait]
impl KeyTrial for Wecom {
    fn section(&self) -> &'static str {
        "wecom"
    }

    fn title(&self) -> &'static str {
        "企业微信"
    }

    async fn try_keys(&self, clock: &dyn Clock) -> Tried {
        let answer = match answer_to_trial(self.token_question(), clock).await {
            Ok(answer) => answer,
            Err(tried) => return tried,
        };
        let (finding, detail) = match judge(answer.status, &answer.body) {
            (TrialFinding::Works, _) => self.ask_about_nobody(&answer.body).await,
            other => other,
        };
        Tried { finding, detail, clock_ahead_seconds: answer.clock_ahead_seconds }
    }

    fn words(&self, finding: TrialFinding) -> &'static str {
        words(finding)
    }
}

impl Wecom {
    /// Whether this server may ask with the token of an answer.
    async fn ask_about_nobody(&self, body: &[u8]) -> (TrialFinding, String) {
        let told = serde_json::from_slice::<TokenTold>(body).unwrap_or_default();
        match self.ask(NO_CODE, &SecretString::from(told.access_token)).await {
            Ok(told) if told.errcode == CODE_REFUSED => (TrialFinding::Works, String::new()),
            Ok(told) => judge(200, &told.body),
            Err(_) => (TrialFinding::NotUnderstood, String::new()),
        }
    }
}

/// What an answer says of the keys, with WeCom's code, and the address that it does not let in.
fn judge(status: u16, body: &[u8]) -> (TrialFinding, String) {
    use TrialFinding as Found;
    let told = serde_json::from_slice::<TokenTold>(body);
    let (200, Ok(told)) = (status, told) else {
        return (Found::NotUnderstood, status.to_string());
    };
    let finding = match told.errcode {
        0 if told.access_token.is_empty() => return (Found::NotUnderstood, String::new()),
        0 => return (Found::Works, String::new()),
        40_013 | 41_002 => Found::WrongNumber,
        40_001 | 41_004 | 40_091 => Found::WrongSecret,
        ADDRESS_NOT_LISTED => {
            let mut words = told.errmsg.split([' ', ',']);
            let address = words.find_map(|word| word.parse::<IpAddr>().ok());
            let detail = address.map(|address| format!("60020，{address}"));
            return (Found::AddressRefused, detail.unwrap_or_else(|| "60020".to_owned()));
        }
        45_009 | 45_033 => Found::Throttled,
        -1 => Found::NotUnderstood,
        _ => Found::Refused,
    };
    (finding, told.errcode.to_string())
}

const fn words(finding: TrialFinding) -> &'static str {
    use TrialFinding as Found;
    match finding {
        Found::Works | Found::AnswerUnsigned => {
            "通了。企业编号和应用的 secret 都对，本服务器的地址可以调用接口。agent_id 和可信域名，第一次登录时才知道。"
        }
        Found::WrongNumber => "企业编号不对：请对照管理后台“我的企业”检查 corp_id。",
        Found::WrongSecret => "secret 不对：应是自建应用的 Secret，不是通讯录同步的。",
        Found::AddressRefused => {
            "服务器地址不在白名单：请在应用的“企业可信 IP”里加上本服务器的出口地址。"
        }
        Found::Unreachable => "连不上企业微信：请检查服务器能否访问 base_url。密钥对不对还不知道。",
        Found::TimedOut => "企业微信没有及时回答。密钥对不对还不知道，请稍后再试。",
        Found::NotUnderstood => {
            "企业微信系统忙，或回答的不是企业微信（请检查 base_url 和网络）。密钥对不对还不知道。"
        }
        Found::Throttled => "企业微信说调用太频繁。密钥对不对还不知道，请稍后再试。",
        Found::Refused
        | Found::WrongKey
        | Found::WrongIdentity
        | Found::WrongSerial
        | Found::ClockOff
        | Found::OwnKey
        | Found::AnswerForged
        | Found::AnotherKey
        | Found::WrongKeyId
        | Found::WrongContentKey
        | Found::NotPermitted => "企业微信拒绝了，原因不在上述各项：请按代码查企业微信的文档。",
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use TrialFinding as Found;

    #[test]
    fn an_answer_is_judged_by_its_errcode() {
        let refused = |code: i64, text: &str| format!(r#"{{"errcode":{code},"errmsg":"{text}"}}"#);
        let address = "not allow to access from your ip, hint: [1655], from ip: 101.43.1.2, more";
        let cases = [
            (r#"{"errcode":0,"access_token":"t"}"#.to_owned(), Found::Works, ""),
            (refused(0, "ok"), Found::NotUnderstood, ""),
            (refused(40013, "invalid corpid"), Found::WrongNumber, "40013"),
            (refused(40001, "invalid credential"), Found::WrongSecret, "40001"),
            (refused(60020, address), Found::AddressRefused, "60020，101.43.1.2"),
            (refused(45033, "concurrency"), Found::Throttled, "45033"),
            (refused(-1, "busy"), Found::NotUnderstood, "-1"),
            (refused(50001, "x"), Found::Refused, "50001"),
            ("<html>".to_owned(), Found::NotUnderstood, "200"),
        ];
        for (body, finding, detail) in cases {
            assert_eq!(judge(200, body.as_bytes()), (finding, detail.to_owned()), "{body}");
        }
    }
}
