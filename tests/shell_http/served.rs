//! A server of the whole application and a few handlers of the tests, on a free port.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ServerHandle,
    error::ErrorInternalServerError,
    middleware::from_fn,
    rt,
    web::{self, Path, Payload, Query},
};
use garde::Validate;
use onecard::{
    app::App,
    base::{
        clock::SystemClock,
        http::{self, ApiError, Capacity, IdempotencyKey, TimeLimits, ValidJson, raw_body},
    },
    routes,
    wiring::Settings,
};
use serde::Deserialize;
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

const KEY: &str = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends with the test.
pub struct Served {
    pub app: Arc<App>,
    address: SocketAddr,
    handle: ServerHandle,
    _folder: TempDir,
}

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Served {
    /// With a client, and with these proxies trusted.
    pub async fn start(trusted_proxies: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        fs::write(folder.path().join("index.html"), "<!doctype html><p>client").unwrap();
        fs::write(folder.path().join("assets/app-1a2b.js"), "void 0").unwrap();
        fs::write(folder.path().join(".secret"), "hush").unwrap();
        Self::over(folder, trusted_proxies, 1000, TimeLimits::default()).await
    }

    /// With few connections and short times.
    pub async fn limited(connections: usize, times: TimeLimits) -> Self {
        Self::over(TempDir::new().unwrap(), "", connections, times).await
    }

    pub async fn without_client() -> Self {
        Self::limited(1000, TimeLimits::default()).await
    }

    async fn over(
        folder: TempDir,
        trusted_proxies: &str,
        connections: usize,
        times: TimeLimits,
    ) -> Self {
        let mut settings = settings(&folder, trusted_proxies);
        settings.config.server.times = times;
        let app = Arc::new(App::build(settings, Arc::new(SystemClock)).await.unwrap());
        let shared = Arc::clone(&app);
        let application = move || {
            actix_web::App::new()
                .configure(handlers)
                .configure(routes::configure(&shared))
                .wrap(from_fn(http::around))
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let capacity =
            Capacity { workers: 1, blocking_threads: 1, connections, drain: PATIENCE, times };
        let running = http::listen(listener, capacity, application).unwrap();
        let handle = running.handle();
        rt::spawn(running);
        Self { app, address, handle, _folder: folder }
    }

    /// A connection on which these bytes were sent.
    pub fn begun(&self, request: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(request).unwrap();
        connection
    }

    /// Sends these bytes and reads to the end.
    pub async fn send(&self, request: Vec<u8>) -> Answer {
        let address = self.address;
        rt::task::spawn_blocking(move || exchange(address, &request)).await.unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that refuses a body may close before it has read all of it.
    let _ = connection.write_all(request);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let split =
        split.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&answer)));
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[split + 4..].to_vec() }
}

impl Answer {
    /// The single value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value);
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn settings(folder: &TempDir, trusted_proxies: &str) -> Settings {
    let database = format!("sqlite://{}", folder.path().join("data/onecard.db").display());
    let settings = [
        ("ENVIRONMENT", "sandbox"),
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__METRICS_LISTEN", "127.0.0.1:0"),
        ("SERVER__H5_DIR", folder.path().to_str().unwrap()),
        ("SERVER__TRUSTED_PROXIES", trusted_proxies),
        ("DATABASE__URL", &database),
        ("KEYS__MASTER", KEY),
        ("KEYS__DATA", KEY),
        ("KEYS__INDEX", KEY),
        ("KEYS__JWT", KEY),
        ("WECHAT__API_BASE_URL", "http://127.0.0.1:8090"),
        ("WECHAT__APP_ID", "wx0123456789abcdef"),
        ("WECHAT__APP_SECRET", "app-hush"),
    ];
    let settings = settings.map(|(name, value)| (format!("ONECARD__{name}"), value.to_owned()));
    Settings::load(None, settings.into_iter()).unwrap()
}

#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Order {
    #[garde(range(min = 1, max = 50_000))]
    amount_fen: i64,
    #[garde(skip)]
    funding: Option<Funding>,
    #[garde(length(chars, max = 10))]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Funding {
    WechatPay,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<u16>,
}

fn handlers(config: &mut web::ServiceConfig) {
    config
        .route("/test/orders", web::post().to(order))
        .route("/test/raw", web::post().to(raw))
        .route("/test/unread", web::post().to(unread))
        .route("/test/numbers/{number}", web::get().to(number))
        .route("/test/panic", web::get().to(panics))
        .route("/test/foreign", web::get().to(foreign));
}

async fn order(key: IdempotencyKey, ValidJson(order): ValidJson<Order>) -> HttpResponse {
    assert_eq!(key.as_str(), "k");
    assert!(order.note.is_none() && !matches!(order.funding, Some(Funding::WechatPay)));
    HttpResponse::Ok().body(order.amount_fen.to_string())
}

/// The length of the body.
async fn raw(request: HttpRequest, body: Payload) -> Result<HttpResponse, ApiError> {
    let body = raw_body(request.headers(), body.into_inner()).await?;
    Ok(HttpResponse::Ok().body(body.len().to_string()))
}

async fn unread() -> HttpResponse {
    HttpResponse::Ok().body("unread")
}

async fn number(number: Path<u32>, page: Query<Page>) -> HttpResponse {
    HttpResponse::Ok().body(format!("{number} {:?}", page.limit))
}

async fn panics() -> HttpResponse {
    panic!("hush {}", "hush")
}

async fn foreign() -> Result<HttpResponse, actix_web::Error> {
    Err(ErrorInternalServerError("hush"))
}
