//! A merchant, a place for its callbacks, and a sandbox between them.

mod alipay;
mod desk;
mod merchant;
mod receiver;
mod vectors;

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use sandbox::clock::{Clock, ManualClock};
use sandbox::{Options, Running, Sandbox};
use serde_json::{Value, json};

pub use alipay::{AlipayWorld, Shop, Told, decoded, field};
pub use desk::{Asked, Desk};
pub use merchant::{Answer, Merchant, Parcel, RequestClaim, der};
pub use receiver::{Received, Receiver};
pub use vectors::{Vectors, vectors};

pub struct World {
    pub running: Running,
    pub merchant: Merchant,
    pub clock: Arc<ManualClock>,
    pub http: Client,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let vectors = vectors();
        let keys = vectors.keys();
        let credentials = keys.credentials.clone();
        let clock = Arc::new(ManualClock::at(vectors.now()));
        let mut options = Options::new(keys);
        options.clock = clock.clone();
        change(&mut options);
        let running = sandbox::start(options).await.unwrap();
        let http = browser();
        let merchant = Merchant {
            base_url: running.base_url().to_owned(),
            credentials,
            key: vectors.private_key("merchant"),
            public_key: vectors.public_key("wechat_pay"),
            certificates: HashMap::new(),
            http: http.clone(),
        };
        Self { running, merchant, clock, http }
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.running.sandbox()
    }

    pub fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    pub fn openid(&self) -> String {
        self.sandbox().wechat.demo_users()[0].openid.clone()
    }

    /// A prepay body that breaks no rule.
    pub fn order(&self, out_trade_no: &str, notify_url: &str) -> Value {
        json!({
            "appid": self.merchant.credentials.wechat.app_id,
            "mchid": self.merchant.credentials.wechat_pay.mch_id,
            "description": "校园卡充值",
            "out_trade_no": out_trade_no,
            "notify_url": notify_url,
            "amount": { "total": 5000, "currency": "CNY" },
            "payer": { "openid": self.openid() },
        })
    }

    /// Sends the order and returns its prepay id.
    pub async fn prepay(&self, order: &Value) -> String {
        let answer = self.merchant.prepay(order, self.now()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["prepay_id"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.running.base_url())).send().await.unwrap()
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Response {
        let url = format!("{}{path}", self.running.base_url());
        self.http.post(url).json(body).send().await.unwrap()
    }

    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let url = format!("{}{path}", self.running.base_url());
        self.http.post(url).form(fields).send().await.unwrap()
    }
}

/// Follows no redirects and knows no proxy.
pub fn browser() -> Client {
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

pub fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}
