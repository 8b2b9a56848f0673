//! Whether WeChat accepts a mini-program's app id and secret: its access token is fetched in normal mode,
//! which ends nobody's.
//!
//! | `errcode` | finding |
//! | --- | --- |
//! | none or 0, with a token | works |
//! | 40013, 41002 | the app id |
//! | 40125, 41004, 40001 | the secret |
//! | 40164 | the address is not allowed; sign-in works all the same |
//! | 45009, 45011 | too many calls |
//! | -1, another status than 200, no JSON; no answer | unknown |

use super::{
    super::errcode::answer_to_trial, ADDRESS_NOT_LISTED, DAILY_LIMIT, MINUTE_LIMIT, WechatApi,
};
use crate::{
    base::clock::Clock,
    key_trials::{KeyTrial, TrialFinding, Tried},
};
use async_trait::async_trait;
use serde::Deserialize;
use std::net::IpAddr;

const BUSY: i64 = -1;

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenTold {
    errcode: i64,
    errmsg: String,
    access_token: String,
}

#[async_trait]
impl KeyTrial for WechatApi {
    fn section(&self) -> &'static str {
        "wechat"
    }

    fn title(&self) -> &'static str {
        "微信登录"
    }

    async fn try_keys(&self, clock: &dyn Clock) -> Tried {
        let Ok(request) = self.token.question(self) else {
            return Tried::found(TrialFinding::NotUnderstood);
        };
        let answer = match answer_to_trial(request, clock).await {
            Ok(answer) => answer,
            Err(tried) => return tried,
        };
        let (finding, detail) = judge(answer.status, &answer.body);
        Tried { finding, detail, clock_ahead_seconds: answer.clock_ahead_seconds }
    }

    fn words(&self, finding: TrialFinding) -> &'static str {
        words(finding)
    }
}

/// What an answer says of the keys, with WeChat's code, and the address that it does not let in.
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
        40_125 | 41_004 | 40_001 => Found::WrongSecret,
        ADDRESS_NOT_LISTED => {
            let address = address_in(&told.errmsg);
            let detail = address.map(|address| format!("40164，{address}"));
            return (Found::AddressRefused, detail.unwrap_or_else(|| "40164".to_owned()));
        }
        DAILY_LIMIT | MINUTE_LIMIT => Found::Throttled,
        BUSY => Found::NotUnderstood,
        _ => Found::Refused,
    };
    (finding, told.errcode.to_string())
}

/// The address from which WeChat was called, as it tells it.
fn address_in(errmsg: &str) -> Option<IpAddr> {
    errmsg.split([' ', ',']).find_map(|word| word.parse().ok())
}

const fn words(finding: TrialFinding) -> &'static str {
    use TrialFinding as Found;
    match finding {
        Found::Works | Found::AnswerUnsigned => {
            "通了。小程序编号和密钥都对，本服务器的地址可以调用接口。"
        }
        Found::WrongNumber => "小程序编号不对：请对照微信公众平台检查 app_id。",
        Found::WrongSecret => "小程序密钥不对：app_secret 可能已在微信公众平台重置，请换成新的。",
        Found::AddressRefused => {
            "编号和密钥对，但服务器地址不在白名单：登录可用，手机号和消息不可用。请在微信公众平台的“IP 白名单”里加上本服务器的出口地址。"
        }
        Found::Unreachable => "连不上微信：请检查服务器能否访问 api_base_url。密钥对不对还不知道。",
        Found::TimedOut => "微信没有及时回答。密钥对不对还不知道，请稍后再试。",
        Found::NotUnderstood => {
            "微信系统忙，或回答的不是微信（请检查 api_base_url 和网络）。密钥对不对还不知道。"
        }
        Found::Throttled => {
            "微信说调用太频繁，或当天的次数已用完。密钥对不对还不知道，请稍后再试。"
        }
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
        | Found::NotPermitted => "微信拒绝了，原因不在上述各项：请按代码查微信的文档。",
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use TrialFinding as Found;

    #[test]
    fn an_answer_is_judged_by_its_errcode() {
        let refused = |code: i64, message: &str| {
            format!(r#"{{"errcode":{code},"errmsg":"{message} rid: 65f-1"}}"#)
        };
        let address = "invalid ip 114.221.21.30 ipv6 ::ffff:114.221.21.30, not in whitelist";
        let cases = [
            (r#"{"access_token":"t","expires_in":7200}"#.to_owned(), Found::Works, ""),
            (r#"{"errcode":0,"access_token":"t"}"#.to_owned(), Found::Works, ""),
            (refused(40013, "invalid appid"), Found::WrongNumber, "40013"),
            (refused(41002, "appid missing"), Found::WrongNumber, "41002"),
            (refused(40125, "invalid appsecret"), Found::WrongSecret, "40125"),
            (refused(41004, "appsecret missing"), Found::WrongSecret, "41004"),
            (refused(40164, address), Found::AddressRefused, "40164，114.221.21.30"),
            (refused(40164, "<b>"), Found::AddressRefused, "40164"),
            (refused(45009, "reach max api daily quota"), Found::Throttled, "45009"),
            (refused(45011, "minute"), Found::Throttled, "45011"),
            (refused(-1, "system error"), Found::NotUnderstood, "-1"),
            (refused(89503, "confirm"), Found::Refused, "89503"),
            ("{}".to_owned(), Found::NotUnderstood, ""),
            ("<html>".to_owned(), Found::NotUnderstood, "200"),
            (String::new(), Found::NotUnderstood, "200"),
        ];
        for (body, finding, detail) in cases {
            assert_eq!(judge(200, body.as_bytes()), (finding, detail.to_owned()), "{body}");
        }
        let token = br#"{"access_token":"t"}"#;
        assert_eq!(judge(502, token), (Found::NotUnderstood, "502".to_owned()));
    }
}
