//! Looking codes up and using them up, compared with a bare handler that inserts one row.
//!
//! Both are handlers of one actix program without the server's middleware, over HTTP, so that only
//! the work of the handlers differs. A check is what a door needs: the code is looked up, used up
//! in a transaction that lanes commit, and remembered. An insert is its own transaction.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use super::{
    ROUNDS,
    campus::{Campus, SCHOOL},
    settings,
};
use crate::{
    load::{self, Load, Wanted},
    postings::{Failure, median},
    program::{Program, free_port},
};
use actix_web::{
    HttpResponse, HttpServer,
    web::{self, Data},
};
use async_trait::async_trait;
use onecard::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        db::{Db, DbError},
        lane::{Batch, Lanes},
    },
    passcode::{CodePurpose, CodeUse, Codes, ScanOutcome, ScanPlace, ShownCode, use_up},
    schools::School,
    wiring::Settings,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};
use secrecy::ExposeSecret;
use std::sync::Arc;
use uuid::Uuid;

/// The environment variable that makes this program serve instead of measure.
const ASKED: &str = "ONECARD_BENCH_CHECKS";
const CONNECTIONS: usize = 64;
const CHECKS: usize = 16_000;
/// The batch size of the server's lanes.
const BATCH: usize = 64;
/// The connections of the bare handler: as many as there are clients.
const INSERTING: u32 = 64;

/// Checks per second, and the ratio.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut campus = Campus::make(postgres, "checks", folder.path()).await?;
    let port = free_port()?;
    let settings = settings(&campus, folder.path(), port)?;
    let program = Program::bare((ASKED, "on"), settings, port).await?;
    let (mut inserts, mut checks) = (vec![], vec![]);
    for _ in 0..=ROUNDS {
        let requests = (0..CHECKS).map(|_| request("insert", "")).collect();
        inserts.push(send(&program, requests).await?);
        let codes = (0..CHECKS).map(|_| campus.phones.code());
        let requests =
            codes.map(|code| Ok(request("check", &code?))).collect::<Result<_, Failure>>();
        checks.push(send(&program, requests?).await?);
    }
    program.stop()?;
    // The first round warms up.
    let (insert, check) = (median(inserts.split_off(1)), median(checks.split_off(1)));
    println!("codes found and used up/s, {CONNECTIONS} in flight, against a bare insert");
    println!("  bare insert      {insert:>8.0}/s");
    println!("  codes            {check:>8.0}/s   {:.2} x   (reach 0.5 x)", check / insert);
    Ok(())
}

async fn send(program: &Program, requests: Vec<Vec<u8>>) -> Result<f64, Failure> {
    let load = Load { requests, wanted: Wanted::status(204) };
    Ok(load::send(program.port, load, CONNECTIONS).await?.per_second())
}

fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

/// Serves until killed if the variable is set; returns whether it was set.
pub fn served() -> Result<bool, Failure> {
    if std::env::var_os(ASKED).is_none() {
        return Ok(false);
    }
    actix_web::rt::System::new().block_on(serve())?;
    Ok(true)
}

/// Uses codes up, one batch per commit.
struct Using {
    db: Db,
    codes: Codes,
}

#[async_trait(?Send)]
impl Batch for Using {
    type Request = ShownCode;
    type Answer = CodeUse;
    type Error = DbError;

    async fn run(&self, requests: &[ShownCode]) -> Result<Vec<CodeUse>, DbError> {
        let uses: Vec<(ShownCode, &str)> = requests.iter().map(|shown| (*shown, "")).collect();
        let now = SystemClock.now();
        let became = self.db.in_tx(async |tx| use_up(tx, &uses, now).await).await?;
        self.codes.remember_used(requests);
        Ok(became)
    }

    fn is_unreachable(error: &DbError) -> bool {
        error.is_unreachable()
    }
}

/// The state of the handlers.
#[derive(Clone)]
struct Desk {
    school: Arc<School>,
    codes: Codes,
    using: Lanes<Using>,
    inserting: DatabaseConnection,
}

async fn serve() -> Result<(), Failure> {
    let variables = std::env::vars().filter(|(name, _)| name.starts_with("ONECARD__"));
    let settings = Settings::load(None, variables)?;
    let config = &settings.config;
    let (address, workers, lanes) =
        (config.server.listen, config.server.workers, config.ledger.lanes);
    let url = config.database.url.expose_secret().to_owned();
    let app = App::build(settings, Arc::new(SystemClock)).await?;
    let inserting =
        Database::connect(ConnectOptions::new(url).max_connections(INSERTING).to_owned());
    let inserting = inserting.await?;
    let table = "CREATE TABLE bare (id UUID PRIMARY KEY, amount_fen BIGINT)";
    inserting.execute_unprepared(table).await?;
    let codes = app.journeys.codes.clone();
    let school = app.journeys.schools.by_code(SCHOOL).await?.ok_or("no school")?;
    let using = Using { db: app.background.db.clone(), codes: codes.clone() };
    let using = Lanes::start(&app.background.threads, using, lanes, BATCH);
    let desk = Data::new(Desk { school, codes, using, inserting });
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(desk.clone())
            .route("/readyz", web::get().to(HttpResponse::Ok))
            .route("/insert", web::post().to(insert))
            .route("/check", web::post().to(check))
    });
    Ok(server.workers(workers).bind(address)?.run().await?)
}

async fn insert(desk: Data<Desk>) -> HttpResponse {
    let sql = "INSERT INTO bare (id, amount_fen) VALUES ($1, $2)";
    let values = [Uuid::now_v7().into(), 1250_i64.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    match desk.inserting.execute_raw(statement).await {
        Ok(_) => HttpResponse::NoContent().finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn check(desk: Data<Desk>, code: String) -> HttpResponse {
    let place = ScanPlace {
        school: desk.school.id,
        terminal: Uuid::nil(),
        accepts: &[CodePurpose::Pay],
        prefixes: &desk.school.policy.passcode.prefixes,
    };
    let found = desk.codes.find(&place, &code, SystemClock.now()).await;
    let Ok((ScanOutcome::Shown(shown), _)) = found else {
        return HttpResponse::UnprocessableEntity().finish();
    };
    match desk.using.submit(shown).await {
        Ok(CodeUse::Fresh) => HttpResponse::NoContent().finish(),
        Ok(CodeUse::UsedBefore | CodeUse::DeviceEnded) => HttpResponse::Conflict().finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
