//! The server without storage: its shell, its routes, its check of a callback, and then the answer;
//! or, in between, the hand-over to lanes whose batch writes nothing. A process of its own, so that
//! its CPU time can be told from everything else's.

use super::orders::SCHOOL;
use crate::postings::Failure;
use actix_web::{
    HttpRequest, HttpResponse, HttpServer,
    http::StatusCode,
    middleware::from_fn,
    web::{self, Data},
};
use async_trait::async_trait;
use onecard::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        http::{self, RawBody},
        lane::{Batch, Lanes},
    },
    identity::guard::identify,
    payments::{
        Payments,
        gateway::{Headers, Notified, Provider, RawNotification},
        settle::{IncomingFact, Origin, Verdict},
    },
    routes,
    schools::import_schools,
    wiring::Settings,
};
use serde_json::json;
use std::{convert::Infallible, path::Path, sync::Arc};

/// The variable that makes this program serve instead of measure, by the name of a [`Way`].
pub const ASKED: &str = "ONECARD_BENCH_BARE";
/// As the server's own lanes.
const BATCH: usize = 64;

/// How far a callback goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Checked and answered: what the reference does without storage.
    Checks,
    /// Also handed over to a lane and back.
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

/// Agrees to everything and writes nothing.
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

/// Serves until it is killed, where that was asked for; answers whether it was.
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
    let (address, workers) = (config.server.listen, config.server.workers);
    let lanes = config.ledger.lanes;
    let app = Arc::new(App::build(settings, Arc::new(SystemClock)).await?);
    app.db.migrate().await?;
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schools/{SCHOOL}.toml"));
    import_schools(&app.db, &[policy], false, SystemClock.now()).await?;
    let start = || Lanes::start(&app.background.threads, Nothing, lanes, BATCH);
    let lanes = Data::new((way == Way::Lanes).then(start));
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(lanes.clone())
            .route("/callbacks/{school}/wechat-pay/transactions", web::post().to(receive))
            .configure(routes::configure(&app))
            .wrap(from_fn(identify))
            .wrap(from_fn(http::around))
    });
    Ok(server.workers(workers).bind(address)?.run().await?)
}

/// As `Payments::receive`, up to the settling.
async fn receive(
    request: HttpRequest,
    school: web::Path<String>,
    RawBody(body): RawBody,
    payments: Data<Payments>,
    lanes: Data<Option<Lanes<Nothing>>>,
) -> HttpResponse {
    let found = payments.schools.by_code(&school).await;
    let Ok(Some(school)) = found else { return fail(StatusCode::NOT_FOUND) };
    let Some(gateway) = payments.gateways.of(&school.code, Provider::WechatPay) else {
        return fail(StatusCode::NOT_FOUND);
    };
    let raw = RawNotification { headers: &Single(&request), body: &body };
    let Ok(verified) = gateway.verify(&raw, payments.clock.now()) else {
        return fail(StatusCode::UNAUTHORIZED);
    };
    let Some(lanes) = lanes.as_ref() else { return HttpResponse::NoContent().finish() };
    let (notification_id, Notified::Paid(fact)) = verified.into_parts() else {
        return fail(StatusCode::UNPROCESSABLE_ENTITY);
    };
    let origin = Origin::Message { notification_id, body: body.to_vec() };
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
