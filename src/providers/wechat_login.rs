//! WeChat's mini-program login: `GET /sns/jscode2session`.
//!
//! The app secret and the code travel in the query, so no address is ever logged.

use super::{
    errcode::{Answered, NoAnswer, exchange},
    templates::Templates,
    wechat_api::{self, WechatApi},
};
use crate::{
    base::clock::{Clock, Timestamp},
    config::{ProviderSection, Section, address, files},
    identity::login::{LoginError, MiniProgramLogin, PhoneError, ToldPhone},
    key_trials::KeyTrial,
    messages::{MessageOutcome, MessageTemplate, Messenger, Shipped, StudentMessage, Told},
    orders::fact::Provider,
    sessions::{Platform, PlatformUser, UserIds},
};
use async_trait::async_trait;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::sync::Arc;

const PATH: &str = "/sns/jscode2session";
const BASE_URL: &str = "https://api.weixin.qq.com";
/// The longest accepted app id, longer than any of WeChat's.
const APP_ID_MAX_CHARS: usize = 32;

/// `[wechat]`: one mini-program.
#[derive(Clone, Debug)]
pub struct WechatLoginSettings {
    /// The origin of the API; in the sandbox it also serves the sign-in page.
    pub base_url: Url,
    /// The mini-program's app id: letters and digits.
    pub app_id: String,
    /// The mini-program's app secret.
    pub app_secret: SecretString,
    /// What is told to payers.
    pub messages: WechatMessages,
}

/// What WeChat is told beside payments; nothing unless it is configured.
#[derive(Clone, Debug, Default)]
pub struct WechatMessages {
    /// The templates of subscribe messages.
    pub templates: Templates,
    /// The version of the mini-program that a message opens; `formal` unless it says another.
    pub state: MessageState,
    /// Whether WeChat is told of delivered orders.
    pub shipping: bool,
}

/// A version of a mini-program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageState {
    /// The released one.
    #[default]
    Formal,
    /// The one that testers have.
    Trial,
    /// The one that developers have.
    Developer,
}

impl MessageState {
    const ALL: [Self; 3] = [Self::Formal, Self::Trial, Self::Developer];

    /// As WeChat writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Formal => "formal",
            Self::Trial => "trial",
            Self::Developer => "developer",
        }
    }
}

impl ProviderSection for WechatLoginSettings {
    const NAME: &'static str = "wechat";
    const BY_SCHOOL: bool = true;
    const SHARED: &'static [&'static str] = &["api_base_url"];

    fn read(mut section: Section<'_>) -> Option<Self> {
        let base_url = address::origin(&mut section, "api_base_url", BASE_URL);
        let wanted = "the mini-program's app id, letters and digits";
        let app_id = section.required("app_id", wanted, |text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (plain && text.len() <= APP_ID_MAX_CHARS).then(|| text.to_owned())
        });
        let app_secret = files::secret(&mut section, "app_secret", "the mini-program's secret");
        let messages = messages(&mut section);
        section.finish();
        Some(Self {
            base_url: base_url?,
            app_id: app_id?,
            app_secret: app_secret?.value,
            messages: messages?,
        })
    }
}

/// `None` where a problem was reported.
fn messages(section: &mut Section<'_>) -> Option<WechatMessages> {
    let templates = Templates::read(section, wechat_api::fits);
    let wanted = "\"formal\", \"trial\" or \"developer\"";
    let given = section.has_any(&["message_state"]);
    let state = section.parsed("message_state", wanted, |text| {
        MessageState::ALL.into_iter().find(|state| state.code() == text)
    });
    let shipping = section.flag("shipping_information", false);
    let state = if given { state? } else { MessageState::default() };
    Some(WechatMessages { templates: templates?, state, shipping })
}

/// WeChat's login for one mini-program.
#[derive(Debug)]
pub struct WechatLogin {
    address: String,
    app_id: String,
    app_secret: SecretString,
    http: reqwest::Client,
    api: Arc<WechatApi>,
    messages: WechatMessages,
}

/// WeChat's messages of one mini-program.
#[derive(Debug)]
struct WechatMessenger {
    api: Arc<WechatApi>,
    app_id: String,
    messages: WechatMessages,
}

impl WechatLogin {
    /// A login with these settings, using a client from [`crate::base::http_client::build`].
    pub fn new(
        settings: WechatLoginSettings,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let origin = settings.base_url.origin().ascii_serialization();
        Self {
            address: format!("{origin}{PATH}"),
            api: Arc::new(WechatApi::new(&settings, http.clone(), clock)),
            app_id: settings.app_id,
            app_secret: settings.app_secret,
            http,
            messages: settings.messages,
        }
    }

    /// The messages of the same mini-program.
    pub fn messenger(&self) -> Arc<dyn Messenger> {
        Arc::new(WechatMessenger {
            api: Arc::clone(&self.api),
            app_id: self.app_id.clone(),
            messages: self.messages.clone(),
        })
    }

    /// Its keys, to be tried.
    pub fn key_trial(&self) -> Arc<dyn KeyTrial> {
        Arc::<WechatApi>::clone(&self.api)
    }

    /// Sends the request. Never retried: a code whose answer was lost may be
    /// used up.
    async fn ask(&self, code: &str) -> Result<Answered, LoginError> {
        let query = [
            ("appid", self.app_id.as_str()),
            ("secret", self.app_secret.expose_secret()),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let request = self.http.get(&self.address).query(&query);
        let answer = exchange(("WeChat login", PATH), request).await;
        answer.map_err(|NoAnswer| LoginError::Unavailable)
    }
}

#[async_trait]
impl MiniProgramLogin for WechatLogin {
    fn platform(&self) -> Platform {
        Platform::Wechat
    }

    fn app_id(&self) -> &str {
        &self.app_id
    }

    async fn exchange(&self, code: &str) -> Result<PlatformUser, LoginError> {
        let openid = openid_of(&self.ask(code).await?)?;
        let (platform, ids) = (Platform::Wechat, UserIds::OpenId(openid));
        Ok(PlatformUser { platform, app_id: self.app_id.clone(), ids })
    }

    async fn phone(&self, proof: &str) -> Result<ToldPhone, PhoneError> {
        self.api.phone_number(proof).await
    }
}

#[async_trait]
impl Messenger for WechatMessenger {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn app_id(&self) -> &str {
        &self.app_id
    }

    fn template(&self, told: Told) -> Option<&MessageTemplate> {
        self.messages.templates.of(told)
    }

    fn tells_shipping(&self) -> bool {
        self.messages.shipping
    }

    async fn send(&self, message: &StudentMessage, _: Timestamp) -> MessageOutcome {
        match self.template(message.told) {
            Some(template) => {
                self.api.send_message(template, self.messages.state.code(), message).await
            }
            None => MessageOutcome::Refused { code: String::new() },
        }
    }

    async fn tell_shipping(&self, shipped: &Shipped, now: Timestamp) -> MessageOutcome {
        self.api.upload_shipping(shipped, now).await
    }
}

/// The fields of the answer that are used. The session key is not read.
#[derive(Deserialize)]
struct Session {
    openid: Option<String>,
}

fn openid_of(answer: &Answered) -> Result<String, LoginError> {
    if answer.errcode != 0 {
        return Err(refusal(answer.errcode));
    }
    let session = serde_json::from_slice::<Session>(&answer.body).ok();
    let openid = session.and_then(|session| session.openid).filter(|openid| !openid.is_empty());
    openid.ok_or_else(|| {
        tracing::warn!("WeChat login: success without openid");
        LoginError::Unavailable
    })
}

/// Maps an `errcode` to a login error. Codes that neither the user nor the login code causes (busy,
/// bad app id, bad secret, unknown codes) count as unavailability.
const fn refusal(errcode: i64) -> LoginError {
    match errcode {
        // Invalid or expired; already used.
        40_029 | 40_163 => LoginError::CodeRefused,
        // The user is blocked as high-risk.
        40_226 => LoginError::Blocked,
        // More than 100 requests a minute for one user.
        45_011 => LoginError::Throttled,
        _ => LoginError::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::errcode, *};
    use crate::base::{
        clock::SystemClock,
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
    };
    use std::time::Duration;

    fn login_within(total: Duration, base_url: &str) -> WechatLogin {
        let timeouts = Timeouts { total, ..Timeouts::default() };
        let settings = WechatLoginSettings {
            base_url: base_url.parse().unwrap(),
            app_id: "wx00000000testca01".into(),
            app_secret: "app-secret".into(),
            messages: WechatMessages::default(),
        };
        let http = http_client::build(timeouts).unwrap();
        WechatLogin::new(settings, http, Arc::new(SystemClock))
    }

    fn login(base_url: &str) -> WechatLogin {
        login_within(Timeouts::default().total, base_url)
    }

    async fn exchange(reply: Reply) -> Result<PlatformUser, LoginError> {
        let server = TestServer::start([reply]);
        login(&server.base_url()).exchange("code-1").await
    }

    #[tokio::test]
    async fn a_code_becomes_a_user_whatever_the_content_type() {
        let answers = [
            r#"{"openid":"o-1","session_key":"a\/b=="}"#,
            r#"{"errcode":0,"errmsg":"ok","openid":"o-1","session_key":"k","unionid":"u"}"#,
        ];
        for body in answers {
            let reply = Reply::new(200).header("Content-Type", "text/plain").body(body);
            let server = TestServer::start([reply]);
            let user = login(&server.base_url()).exchange("c+d/e&f").await.unwrap();
            assert_eq!((user.app_id.as_str(), user.ids.payer()), ("wx00000000testca01", "o-1"));
            let line = "GET /sns/jscode2session?appid=wx00000000testca01&secret=app-secret\
                        &js_code=c%2Bd%2Fe%26f&grant_type=authorization_code HTTP/1.1\r\n";
            assert!(server.requests()[0].head.starts_with(line));
        }
    }

    #[tokio::test]
    async fn every_other_answer_has_its_meaning() {
        let body = |body: &str| Reply::new(200).body(body);
        let errcode = |code: i32| body(&format!(r#"{{"errcode":{code},"errmsg":"x, rid: 6-a"}}"#));
        let cases = [
            (errcode(40029), LoginError::CodeRefused),
            (errcode(40163), LoginError::CodeRefused),
            (errcode(40226), LoginError::Blocked),
            (errcode(45011), LoginError::Throttled),
            (errcode(-1), LoginError::Unavailable),
            (errcode(40013), LoginError::Unavailable),
            (errcode(41004), LoginError::Unavailable),
            (body(r#"{"errcode":40029,"openid":"o-1"}"#), LoginError::CodeRefused),
            (body("{}"), LoginError::Unavailable),
            (body(r#"{"openid":""}"#), LoginError::Unavailable),
            (body("<html>busy</html>"), LoginError::Unavailable),
            (body(""), LoginError::Unavailable),
            (body(&"x".repeat(errcode::ANSWER_MAX_BYTES + 1)), LoginError::Unavailable),
            (Reply::new(500).body(r#"{"openid":"o-1"}"#), LoginError::Unavailable),
            (Reply::new(302).header("Location", "http://127.0.0.1:1/"), LoginError::Unavailable),
        ];
        for (reply, expected) in cases {
            let shown = format!("{reply:?}");
            assert_eq!(exchange(reply).await.unwrap_err(), expected, "{shown:.200}");
        }
    }

    #[tokio::test]
    async fn a_code_is_sent_once_even_when_the_answer_is_lost() {
        let server = TestServer::start([Reply::silence(), Reply::new(200)]);
        let login = login_within(Duration::from_millis(100), &server.base_url());
        let result = login.exchange("code-1").await;
        assert_eq!(result.unwrap_err(), LoginError::Unavailable);
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn the_secret_does_not_print() {
        let shown = format!("{:?}", login("http://127.0.0.1:1"));
        assert!(!shown.contains("app-secret"), "{shown}");
    }
}
