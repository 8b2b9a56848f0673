//! A small client for requests of the mini-program and for malformed ones.

use crate::{Answer, PATIENCE, http_client};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION},
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    net::TcpStream,
};

/// A server's API.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base_url: String,
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct Student {
    /// The server.
    pub api: Api,
    /// The token of the `Authorization` header.
    pub access_token: String,
    /// The refresh token, valid once.
    pub refresh_token: String,
    /// The binding in the login's answer.
    pub binding: Value,
}

impl Api {
    /// The API of the server at this address.
    pub fn at(base_url: &str) -> Self {
        Self { http: http_client(), base_url: base_url.to_owned() }
    }

    /// Host and port, as in the `Host` header.
    pub fn address(&self) -> &str {
        self.base_url.trim_start_matches("http://")
    }

    /// Signs in with a WeChat login code.
    pub async fn login(&self, code: &str) -> Student {
        self.login_by("wechat", code).await
    }

    /// Signs in with a login code of a platform, by the platform's name in the path.
    pub async fn login_by(&self, platform: &str, code: &str) -> Student {
        let path = format!("/api/v1/auth/{platform}/login");
        let answer = self.post(&path, &json!({ "code": code })).await;
        Student::of(self, &answer.body(200))
    }

    /// Sends a request to a server that may be down.
    pub async fn try_ask(
        &self,
        token: &str,
        (line, key): (&str, &str),
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = self.request(method.parse().unwrap(), path);
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        request = request.header("Idempotency-Key", key);
        self.ask(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// Posts these headers and this body.
    pub async fn deliver(
        &self,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Answer, reqwest::Error> {
        let request = self.request(Method::POST, path).body(body.to_vec());
        let named =
            |request: RequestBuilder, (name, value): &(String, String)| request.header(name, value);
        self.ask(headers.iter().fold(request, named)).await
    }

    /// A GET without a token.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.request(Method::GET, path)).await.unwrap()
    }

    /// A POST without a token.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(self.request(Method::POST, path).json(body)).await.unwrap()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        request.header(ACCEPT, "application/json")
    }

    /// Retries if the server closed a pre-opened connection before it read the request.
    async fn send(mut request: RequestBuilder) -> Result<Response, reqwest::Error> {
        loop {
            let again = request.try_clone();
            let response = request.send().await?;
            match again {
                Some(again) if response.status() == StatusCode::REQUEST_TIMEOUT => request = again,
                _ => return Ok(response),
            }
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = Self::send(request).await?;
        let status = response.status().as_u16();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let headers = headers.collect();
        Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
    }

    /// Like [`Api::raw`], to a server that may be down.
    pub async fn try_raw(
        &self,
        line: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Option<Answer> {
        let wire = self.exchange(line, headers, body).await;
        wire.windows(4).any(|window| window == b"\r\n\r\n").then(|| Answer::parse(&wire))
    }

    /// Sends a request line, headers and a body, byte for byte. A server that refuses a body may
    /// close the connection before it has read all of it; its answer is still read.
    pub async fn raw(&self, line: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        Answer::parse(&self.exchange(line, headers, body).await)
    }

    async fn exchange(&self, line: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
        let address = self.base_url.trim_start_matches("http://").to_owned();
        let length = body.len();
        let mut request = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        if length > 0 || line.starts_with("POST") {
            write!(request, "Content-Length: {length}\r\n").unwrap();
        }
        let request = [request.as_bytes(), b"\r\n", body].concat();
        let exchange = move || {
            let Ok(mut connection) = TcpStream::connect(address) else { return Vec::new() };
            connection.set_read_timeout(Some(PATIENCE)).unwrap();
            let _ = connection.write_all(&request);
            let mut answer = Vec::new();
            let _ = connection.read_to_end(&mut answer);
            answer
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }
}

impl Student {
    /// The user of a login's answer.
    pub fn of(api: &Api, granted: &Value) -> Self {
        let text = |name: &str| granted[name].as_str().unwrap().to_owned();
        Self {
            api: api.clone(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            binding: granted["binding"].clone(),
        }
    }

    /// The same user at another server.
    #[must_use]
    pub fn at(&self, api: Api) -> Self {
        Self { api, ..self.clone() }
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let bearer = format!("Bearer {}", self.access_token);
        self.api.ask(request.header(AUTHORIZATION, bearer)).await
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.api.request(Method::GET, path)).await.unwrap()
    }

    /// A POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    /// A POST to a server that may be down.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.ask(self.api.request(Method::POST, path).json(body)).await
    }

    /// Binds to the person with this number and password.
    pub async fn bind(&self, school: &str, (number, password): (&str, &str)) -> Answer {
        self.bind_with(&claim(school, number, password)).await
    }

    /// Binds with this body.
    pub async fn bind_with(&self, claim: &Value) -> Answer {
        self.post("/api/v1/bindings", claim).await
    }

    /// Orders a top-up.
    pub async fn order(&self, amount_fen: i64, key: &str) -> Answer {
        self.try_order(amount_fen, key).await.unwrap()
    }

    /// Orders a top-up from a server that may be down.
    pub async fn try_order(&self, amount_fen: i64, key: &str) -> Result<Answer, reqwest::Error> {
        self.order_with(&wish(amount_fen), key).await
    }

    /// Orders with this body.
    pub async fn order_with(&self, wish: &Value, key: &str) -> Result<Answer, reqwest::Error> {
        let request = self.api.request(Method::POST, "/api/v1/orders");
        self.ask(request.header("Idempotency-Key", key).json(wish)).await
    }

    /// Adds one more payment to an order, by WeChat Pay.
    pub async fn try_again(&self, order: &Value, key: &str) -> Answer {
        self.try_again_by("wechat_pay", order, key).await
    }

    /// Adds one more payment to an order, by this provider.
    pub async fn try_again_by(&self, funding: &str, order: &Value, key: &str) -> Answer {
        let path = format!("/api/v1/orders/{}/payments", order["id"].as_str().unwrap());
        let request = self.api.request(Method::POST, &path).header("Idempotency-Key", key);
        self.ask(request.json(&json!({ "funding": funding }))).await.unwrap()
    }

    /// Cancels an order.
    pub async fn give_up(&self, order: &Value) -> Value {
        let path = format!("/api/v1/orders/{}/close", order["id"].as_str().unwrap());
        self.ask(self.api.request(Method::POST, &path)).await.unwrap().body(200)
    }

    /// Opens a door from the phone.
    pub async fn open_door(&self, door: &str, key: &str) -> Answer {
        let path = format!("/api/v1/me/doors/{door}/open");
        let request = self.api.request(Method::POST, &path).header("Idempotency-Key", key);
        self.ask(request).await.unwrap()
    }

    /// The current state of an order.
    pub async fn order_again(&self, order: &Value) -> Value {
        self.get(&format!("/api/v1/orders/{}", order["id"].as_str().unwrap())).await.body(200)
    }

    /// 卡余额, 过渡余额, 电子账户, and their sum, in fen.
    pub async fn balances(&self) -> [i64; 4] {
        let card = self.get("/api/v1/card").await.body(200);
        ["card_balance_fen", "transition_balance_fen", "e_account_balance_fen", "total_fen"]
            .map(|name| card[name].as_i64().unwrap())
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let body = json!({ "refresh_token": refresh_token });
        self.api.post("/api/v1/auth/refresh", &body).await
    }

    /// The signed-in user, according to the server.
    pub async fn me(&self) -> Answer {
        self.get("/api/v1/me").await
    }
}

/// The body of a top-up order, paid by WeChat Pay.
pub fn wish(amount_fen: i64) -> Value {
    wish_by("wechat_pay", amount_fen)
}

/// The body of a top-up order, paid by this provider.
pub fn wish_by(funding: &str, amount_fen: i64) -> Value {
    json!({ "purpose": "card_top_up", "funding": funding, "amount_fen": amount_fen })
}

/// The body of a binding request, with all consents given.
pub fn claim(school: &str, number: &str, password: &str) -> Value {
    json!({
        "school": school,
        "id_kind": "student_no",
        "id_value": number,
        "query_password": password,
        "consent": { "version": "2026-11", "items": ["terms", "id_number"] },
    })
}
