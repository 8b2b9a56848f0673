//! Whether Alipay accepts the application's keys: a trade that cannot exist is asked about.
//!
//! | answer | finding |
//! | --- | --- |
//! | none is asked for: the configured key of Alipay's fits our private key | our own public key in its place |
//! | `ACQ.TRADE_NOT_EXIST`, signed, and the signature verifies | works |
//! | the same, unsigned | id and private key are good; Alipay's key is not proven |
//! | a signature that does not verify | Alipay's public key is another one |
//! | the number of a certificate that is not configured | Alipay signs with another certificate |
//! | `isv.invalid-signature` | the private key: Alipay holds the public half of another one |
//! | `isv.invalid-app-id` | the application's id |
//! | `isv.invalid-app-cert-sn`, `…-alipay-root-cert-sn` | the certificates, or none where there should be some |
//! | `isv.invalid-timestamp` | the clock |
//! | a code that speaks of an IP address | the address is not allowed |
//! | `isv.insufficient-isv-permissions` and the like | not permitted |
//! | about encryption | the content key |
//! | 20000, `isp.…`, another status than 200, HTML, garbage; no answer | unknown |
//!
//! The code for an address that is not allowed is not in the public documentation: any that names an IP
//! address is taken for it. All of it is for what people are told, never for what happens to money.

use super::{
    Alipay, NOT_EXIST, QUERY,
    answer::{Failure, Said},
    client::{Answer, OpenApi},
    trust::AlipayTrust,
};
use crate::{
    base::{clock::Clock, http_client},
    key_trials::{KeyTrial, TrialFinding, Tried, seconds_ahead},
    payments::gateway::{GatewayError, NotificationRefused},
};
use async_trait::async_trait;
use reqwest::header;

/// No trade has this number: ours are 32 hex digits.
const NO_TRADE: &str = r#"{"out_trade_no":"onecard_key_trial_no_such_trade"}"#;
/// Signed to see whether the key that is to verify answers is our own.
const PROBE: &[u8] = b"onecard: is this our own key?";

#[async_trait]
impl KeyTrial for Alipay {
    fn section(&self) -> &'static str {
        "alipay"
    }

    fn title(&self) -> &'static str {
        "支付宝"
    }

    async fn try_keys(&self, clock: &dyn Clock) -> Tried {
        if trusts_itself(&self.api) {
            return Tried::found(TrialFinding::OwnKey);
        }
        let Ok(request) = self.api.question(QUERY, NO_TRADE, clock.now()) else {
            return Tried::found(TrialFinding::WrongKey);
        };
        let response = match http_client::send(request).await {
            Ok(response) => response,
            Err(error) => return Tried::found(TrialFinding::of_no_answer(&error)),
        };
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let clock_ahead_seconds = seconds_ahead(date, clock.now());
        let (finding, detail) = match Answer::receive(QUERY, Ok(response)).await {
            Ok(answer) => judge(&self.api.read(&answer.body, QUERY)),
            Err(GatewayError::Throttled { .. }) => (TrialFinding::Throttled, String::new()),
            Err(_) => (TrialFinding::NotUnderstood, String::new()),
        };
        Tried { finding, detail, clock_ahead_seconds }
    }

    fn words(&self, finding: TrialFinding) -> &'static str {
        words(finding)
    }
}

/// Whether answers would be verified with the public half of our own key. No call shows it better.
fn trusts_itself(api: &OpenApi) -> bool {
    let trust = AlipayTrust { key: api.trust.key.clone(), numbers: None };
    let probe = api.app_key.sign(PROBE);
    probe.is_ok_and(|probe| trust.verify(PROBE, &probe).is_ok())
}

/// What an answer says of the keys, and Alipay's own code for it.
fn judge(said: &Result<Said, NotificationRefused>) -> (TrialFinding, String) {
    use NotificationRefused as Why;
    use TrialFinding as Found;
    let nothing = |finding| (finding, String::new());
    match said {
        Ok(Said::Failed(failure)) => judge_failure(failure),
        // Somebody made this trade; the keys are good all the same.
        Ok(Said::Done(_)) => nothing(Found::Works),
        Err(Why::Signature) => nothing(Found::AnswerForged),
        Err(Why::UnknownSerial) => nothing(Found::AnotherKey),
        Err(Why::Ciphertext) => nothing(Found::WrongContentKey),
        Err(
            Why::Headers
            | Why::SignatureType
            | Why::NoKeys
            | Why::Stale
            | Why::Envelope
            | Why::Content
            | Why::NotOurs
            | Why::Currency
            | Why::AnotherAddress,
        ) => nothing(Found::NotUnderstood),
    }
}

fn judge_failure(failure: &Failure) -> (TrialFinding, String) {
    use TrialFinding as Found;
    let Failure { code, sub_code, signed } = failure;
    if failure.is(NOT_EXIST) {
        let finding = if *signed { Found::Works } else { Found::AnswerUnsigned };
        return (finding, String::new());
    }
    let said = if sub_code.is_empty() { code } else { sub_code };
    (refusal(code, sub_code), said.clone())
}

fn refusal(code: &str, sub_code: &str) -> TrialFinding {
    use TrialFinding as Found;
    let problem = sub_code.rsplit('.').next().unwrap_or_default();
    match problem {
        "invalid-signature" | "missing-signature-key" => Found::WrongKey,
        "invalid-app-id" | "missing-app-id" => Found::WrongNumber,
        "invalid-app-cert-sn" | "invalid-alipay-root-cert-sn" => Found::WrongSerial,
        "invalid-timestamp" => Found::ClockOff,
        "invalid-app-auth-token" | "app-auth-token-time-out" => Found::WrongSecret,
        "missing-encrypt-key" => Found::WrongContentKey,
        _ if problem.contains("decryption-error") => Found::WrongContentKey,
        _ if problem.split(['-', '_']).any(|part| part.eq_ignore_ascii_case("ip")) => {
            Found::AddressRefused
        }
        _ if code == "40005" || problem.ends_with("call-limited") => Found::Throttled,
        _ if code == "20000" || sub_code.starts_with("isp.") => Found::NotUnderstood,
        _ if problem.ends_with("SYSTEM_ERROR") => Found::NotUnderstood,
        _ if code == "40006" || code == "20001" || code == "40003" => Found::NotPermitted,
        _ => Found::Refused,
    }
}

const fn words(finding: TrialFinding) -> &'static str {
    use TrialFinding as Found;
    match finding {
        Found::Works => {
            "通了。应用编号、应用私钥和支付宝公钥都对。seller_id 和产品签约，第一笔付款时才知道。"
        }
        Found::AnswerUnsigned => {
            "还不知道。看回答，应用编号和应用私钥都对；但支付宝这次没有签名，回答不能作数。请稍后再试。"
        }
        Found::WrongKey => {
            "应用私钥不对：app_private_key_file 与开放平台“接口加签方式”里上传的应用公钥不是一对。"
        }
        Found::WrongNumber => "应用编号不对：请对照开放平台检查 app_id，沙箱与正式环境的编号不同。",
        Found::WrongSerial => {
            "证书不对：应用在开放平台设置的是公钥模式还是证书模式，要与配置一致；证书模式下 app_cert_file 和 alipay_root_cert_file 要从开放平台重新下载。"
        }
        Found::WrongSecret => "app_auth_token 无效或已过期：请商户重新授权。",
        Found::ClockOff => "服务器时钟不准，支付宝不接受这个时间的请求：请校准服务器的时间。",
        Found::AddressRefused => {
            "服务器地址不在白名单：请在开放平台的“服务器 IP 白名单”里加上本服务器的出口地址。"
        }
        Found::OwnKey => {
            "把应用公钥当成了支付宝公钥：alipay_public_key_file 应是开放平台显示的“支付宝公钥”，不是自己生成后上传的那一个。"
        }
        Found::AnswerForged => {
            "支付宝的回答与配置的公钥不符：alipay_public_key_file 应是开放平台显示的“支付宝公钥”。也可能有人在中间改了回答。"
        }
        Found::AnotherKey => "支付宝换了证书：请从开放平台重新下载，替换 alipay_cert_file。",
        Found::WrongContentKey => {
            "内容加密密钥不对：encrypt_key 要与开放平台“接口内容加密方式”里的一致；那里没有设置的，请删去 encrypt_key。"
        }
        Found::NotPermitted => {
            "支付宝认得应用，但没有开通这项权限：请检查应用是否已上线、产品是否已签约。"
        }
        Found::Refused | Found::WrongIdentity | Found::WrongKeyId => {
            "支付宝拒绝了，原因不在上述各项：请把代码交给支付宝的客服。"
        }
        Found::Unreachable => {
            "连不上支付宝：请检查服务器能否访问 gateway_url。密钥对不对还不知道。"
        }
        Found::TimedOut => "支付宝没有及时回答。密钥对不对还不知道，请稍后再试。",
        Found::NotUnderstood => {
            "支付宝系统忙，或回答的不是支付宝（请检查 gateway_url 和网络）。密钥对不对还不知道。"
        }
        Found::Throttled => "支付宝说调用太频繁。密钥对不对还不知道，请过几分钟再试。",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            clock::SystemClock,
            crypto::rsa::PublicKey,
            http_client::{
                Timeouts,
                test_server::{Reply, TestServer},
            },
        },
        providers::alipay::{AlipaySettings, testing},
    };
    use TrialFinding as Found;
    use std::time::Duration;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_failure_is_judged_by_its_codes() {
        let cases = [
            ("40004", "ACQ.TRADE_NOT_EXIST", true, Found::Works, ""),
            ("40004", "aop.ACQ.TRADE_NOT_EXIST", true, Found::Works, ""),
            ("40004", "ACQ.TRADE_NOT_EXIST", false, Found::AnswerUnsigned, ""),
            ("40002", "isv.invalid-signature", false, Found::WrongKey, "isv.invalid-signature"),
            ("40002", "isv.invalid-app-id", false, Found::WrongNumber, "isv.invalid-app-id"),
            ("40001", "isv.missing-app-id", false, Found::WrongNumber, "isv.missing-app-id"),
            (
                "40002",
                "isv.invalid-app-cert-sn",
                false,
                Found::WrongSerial,
                "isv.invalid-app-cert-sn",
            ),
            ("40002", "isv.invalid-timestamp", false, Found::ClockOff, "isv.invalid-timestamp"),
            (
                "20001",
                "aop.invalid-app-auth-token",
                false,
                Found::WrongSecret,
                "aop.invalid-app-auth-token",
            ),
            (
                "40001",
                "isv.missing-encrypt-key",
                false,
                Found::WrongContentKey,
                "isv.missing-encrypt-key",
            ),
            (
                "40002",
                "isv.decryption-error-unknown",
                false,
                Found::WrongContentKey,
                "isv.decryption-error-unknown",
            ),
            (
                "40003",
                "isv.ip-not-in-whitelist",
                false,
                Found::AddressRefused,
                "isv.ip-not-in-whitelist",
            ),
            (
                "40006",
                "isv.insufficient-isv-permissions",
                true,
                Found::NotPermitted,
                "isv.insufficient-isv-permissions",
            ),
            ("40005", "isv.app-call-limited", false, Found::Throttled, "isv.app-call-limited"),
            ("20000", "aop.unknow-error", true, Found::NotUnderstood, "aop.unknow-error"),
            ("40004", "ACQ.SYSTEM_ERROR", true, Found::NotUnderstood, "ACQ.SYSTEM_ERROR"),
            ("40004", "ACQ.INVALID_PARAMETER", true, Found::Refused, "ACQ.INVALID_PARAMETER"),
            ("40004", "", true, Found::Refused, "40004"),
        ];
        for (code, sub_code, signed, finding, detail) in cases {
            let (code, sub_code) = (code.to_owned(), sub_code.to_owned());
            let failure = Failure { code, sub_code, signed };
            let judged = judge(&Ok(Said::Failed(failure.clone())));
            assert_eq!(judged, (finding, detail.to_owned()), "{failure:?}");
        }
    }

    #[test]
    fn an_answer_that_is_not_believed_is_judged_by_why() {
        use NotificationRefused as Why;
        for (why, finding) in [
            (Why::Signature, Found::AnswerForged),
            (Why::UnknownSerial, Found::AnotherKey),
            (Why::Ciphertext, Found::WrongContentKey),
            (Why::Envelope, Found::NotUnderstood),
            (Why::Content, Found::NotUnderstood),
        ] {
            assert_eq!(judge(&Err(why)).0, finding, "{why:?}");
        }
    }

    /// The address is of no server: the finding is there before a call.
    #[tokio::test]
    async fn ones_own_public_key_is_found_without_a_call() {
        let own = PublicKey::from_any_form(&testing::text("/app/public_spki_pem")).unwrap();
        let settings = testing::settings("http://127.0.0.1:1/gateway.do");
        let theirs = Alipay::new(settings.clone(), testing::http());
        let unreachable = theirs.try_keys(&SystemClock).await;
        assert_eq!(unreachable, Tried::found(Found::Unreachable));
        let trust = AlipayTrust { key: own, numbers: None };
        let ours = Alipay::new(AlipaySettings { trust, ..settings }, testing::http());
        assert_eq!(ours.try_keys(&SystemClock).await, Tried::found(Found::OwnKey));
    }

    #[tokio::test]
    async fn what_does_not_answer_in_time_is_unknown() {
        let server = TestServer::start([Reply::silence()]);
        let settings = testing::settings(&format!("{}/gateway.do", server.base_url()));
        let timeouts = Timeouts { total: Duration::from_millis(100), ..Timeouts::default() };
        let silent = Alipay::new(settings, http_client::build(timeouts).unwrap());
        let tried = silent.try_keys(&SystemClock).await;
        assert_eq!(tried, Tried::found(Found::TimedOut));
        assert_eq!(server.requests().len(), 1, "it is not asked twice");
    }
}
