//! The server without storage: its HTTP stack, its routes and its verification of a callback, then
//! the answer; optionally with lanes whose batches write nothing in between. It runs as a separate
//! process, so that its CPU time can be measured alone.

use super::orders::SCHOOL;
use crate::postings::Failure;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    middleware::from_fn,
    web::{self, Data},
};
use async_trait::async_trait;
use onecard::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        http::{self, Capacity, raw_body},
        lane::{Batch, Lanes},
    },
    identity::guard::identify,
    payments::{
        Payments,
        gateway::{Evidence, Headers, KeptHeaders, Notified, Provider, RawNotification},
        settle::{IncomingFact, Origin, Verdict},
    },
    policies::import_schools,
    routes,
    wiring::Settings,
};
use serde_json::json;
use std::{convert::Infallible, net::TcpListener, path::Path, sync::Arc, time::Duration};

/// The environment variable that makes this program serve instead of measure; its value names a
/// [`Way`].
pub const ASKED: &str = "ONECARD_BENCH_BARE";
/// The batch size of the server's lanes.
const BATCH: usize = 64;

/// How far a callback is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Verified and answered, like the reference without storage.
    Checks,
    /// Also passed through a lane.
    Lanes,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Lanes => "lanes",
        }
    }
}

/// Accepts everything and writes nothing.
struct Nothing;

#[async_trait(?Send)]
impl Batch for Nothing {
    type Request = IncomingFact;
    type Answer = Verdict;
    type Error = Infallible;

    async fn run(&self, requests: &[IncomingFact]) -> Result<Vec<Verdict>, Infallible> {
        Ok(requests.iter().map(|_| Verdict::Settled).collect())
    }

    fn is_unreachable(error: &Infallible) -> bool {
        match *error {}
    }
}

/// Serves until killed if the variable is set; returns whether it was set.
pub fn served() -> Result<bool, Failure> {
    let Some(asked) = std::env::var_os(ASKED) else { return Ok(false) };
    let way = [Way::Checks, Way::Lanes].into_iter().find(|way| asked == way.name());
    actix_web::rt::System::new().block_on(serve(way.ok_or("no such way")?))?;
    Ok(true)
}

async fn serve(way: Way) -> Result<(), Failure> {
    let variables = std::env::vars().filter(|(name, _)| name.starts_with("ONECARD__"));
    let settings = Settings::load(None, variables)?;
    let config = &settings.config;
    let listener = TcpListener::bind(config.server.listen)?;
    let capacity = Capacity {
        workers: config.server.workers,
        blocking_threads: 4,
        connections: config.server.max_connections,
        drain: Duration::from_secs(1),
        times: config.server.times,
    };
    let lanes = config.ledger.lanes;
    let app = Arc::new(App::build(settings, Arc::new(SystemClock)).await?);
    app.db.migrate().await?;
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schools/{SCHOOL}.toml"));
    import_schools(&app.db, &[policy], false, SystemClock.now()).await?;
    let start = || Lanes::start(&app.background.threads, Nothing, lanes, BATCH);
    let lanes = Data::new((way == Way::Lanes).then(start));
    let server = http::listen(listener, capacity, move || {
        actix_web::App::new()
            .app_data(lanes.clone())
            .route("/callbacks/{school}/wechat-pay/transactions", web::post().to(receive))
            .configure(routes::configure(&app))
            .wrap(from_fn(identify))
            .wrap(from_fn(http::around))
    })?;
    Ok(server.await?)
}

/// Like `Payments::receive`, without settling.
async fn receive(
    request: HttpRequest,
    school: web::Path<String>,
    payload: web::Payload,
    payments: Data<Payments>,
    lanes: Data<Option<Lanes<Nothing>>>,
) -> HttpResponse {
    let found = payments.schools.by_code(&school).await;
    let Ok(Some(school)) = found else { return fail(StatusCode::NOT_FOUND) };
    let Some(gateway) = payments.gateways.of(&school.code, Provider::WechatPay) else {
        return fail(StatusCode::NOT_FOUND);
    };
    let headers = Single(&request);
    if gateway.verify_head(&headers, payments.clock.now()).is_err() {
        return fail(StatusCode::UNAUTHORIZED);
    }
    let Ok(body) = raw_body(request.headers(), payload.into_inner()).await else {
        return fail(StatusCode::BAD_REQUEST);
    };
    let raw = RawNotification { headers: &headers, body: &body };
    let Ok(verified) = gateway.verify(&raw, payments.clock.now()) else {
        return fail(StatusCode::UNAUTHORIZED);
    };
    let Some(lanes) = lanes.as_ref() else { return HttpResponse::NoContent().finish() };
    let (notification_id, Notified::Paid(fact)) = verified.into_parts() else {
        return fail(StatusCode::UNPROCESSABLE_ENTITY);
    };
    let headers = KeptHeaders::of(raw.headers, gateway.signed_headers());
    let evidence = Evidence { headers, body: body.to_vec(), checked_at: payments.clock.now() };
    let origin = Origin::Message { notification_id, evidence };
    let incoming = IncomingFact { school: school.id, fact, origin };
    match lanes.submit(incoming).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(_) => fail(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn fail(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "code": "FAIL" }))
}

#[derive(Debug)]
struct Single<'a>(&'a HttpRequest);

impl Headers for Single<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.headers().iter().filter(|(known, _)| known.as_str() == name);
        let (_, only) = values.next()?;
        if values.next().is_some() { None } else { only.to_str().ok() }
    }
}
