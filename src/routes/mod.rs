//! Every path of the server: where it is mounted, and the fallback for unknown paths.
//!
//! Invariant: the document at `/api/openapi.json` is made from the routes that are mounted here.

mod client;
mod docs;
mod fallback;
mod h5;
mod orders;

pub use docs::openapi;

use crate::{
    access,
    app::App,
    base::http::{self, BodyLimits, Shell},
    cardlife, console, devices, feed, health, identity, keyring, messages, overview, payments,
    schools, spend, staff, terminals,
};
use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::HeaderValue,
    middleware::from_fn,
    web::{self, Data},
};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// The whole application with everything that surrounds a request.
pub fn application(
    app: &Arc<App>,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    actix_web::App::new()
        .configure(configure(app))
        .wrap(from_fn(identity::guard::identify))
        .wrap(from_fn(http::around))
}

/// All routes, and what their handlers ask for.
pub fn configure(app: &Arc<App>) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let app = Arc::clone(app);
    move |config| {
        config.configure(http::extractors).app_data(Data::new(shell(&app)));
        state(config, &app);
        documented(&mut ServiceConfig::new(config));
        docs::configure(config);
        console::configure(config);
        h5::configure(config, &app.config.server.h5_dir);
        config.default_service(web::to(fallback::nothing_here));
    }
}

/// What the handlers ask for: each journey, by its type.
fn state(config: &mut web::ServiceConfig, app: &Arc<App>) {
    let journeys = &app.journeys;
    config
        .app_data(Data::from(Arc::clone(app)))
        .app_data(Data::new(journeys.identities.clone()))
        .app_data(Data::new(journeys.payments.clone()))
        .app_data(Data::new(journeys.payments.telling.clone()))
        .app_data(Data::new(journeys.topups.clone()))
        .app_data(Data::new(journeys.overview.clone()))
        .app_data(Data::new(journeys.feed.clone()))
        .app_data(Data::new(journeys.terminals.clone()))
        .app_data(Data::new(journeys.devices.clone()))
        .app_data(Data::new(journeys.spending.clone()))
        .app_data(Data::new(journeys.console.clone()))
        .app_data(Data::new(journeys.exports.clone()))
        .app_data(Data::new(journeys.access.clone()))
        .app_data(Data::new(journeys.card_life.clone()))
        .app_data(Data::new(journeys.door_keys.clone()))
        .app_data(Data::new(journeys.staff.clone()))
        .app_data(Data::new(journeys.order_desk.clone()))
        .app_data(Data::new(journeys.people_desk.clone()))
        .app_data(Data::new(journeys.terminal_desk.clone()))
        .app_data(Data::new(journeys.rosters.clone()))
        .app_data(Data::new(journeys.bill_desk.clone()))
        .app_data(Data::new(journeys.console.cases.clone()))
        .app_data(Data::new(journeys.console.today.clone()))
        .app_data(Data::new(journeys.door_desk.clone()))
        .app_data(Data::from(Arc::clone(&journeys.schools)));
}

/// The routes of the document. They ask for their state when they are called, so that the document
/// can be printed without any. A path is looked for in this order: what is asked for most stands
/// first.
fn documented(config: &mut ServiceConfig<'_>) {
    config
        .configure(payments::callback::configure)
        .configure(terminals::http::configure(|config| {
            spend::http::configure(config);
            access::http::configure(config);
        }))
        .configure(devices::http::configure)
        .configure(identity::http::configure)
        .service(orders::start)
        .configure(payments::http::configure)
        .configure(messages::http::configure)
        .configure(overview::http::configure)
        .configure(cardlife::http::configure)
        .configure(keyring::http::configure)
        .service(feed::http::events)
        .configure(schools::http::configure)
        .configure(staff::http::configure)
        .configure(client::configure)
        .configure(health::configure);
}

fn shell(app: &App) -> Shell {
    let proxies = app.config.server.trusted_proxies.clone();
    let is_proxy = move |peer| proxies.iter().any(|proxy| proxy.contains(peer));
    let times = app.config.server.times;
    let stopping = app.stopping().clone();
    let bodies = BodyLimits { time: times.body, last: times.last_body, stopping };
    Shell::new(Arc::clone(&app.clock), is_proxy, content_security_policy(app), bodies)
}

/// Pages get scripts and styles from this server alone (uni-app sets styles in elements), talk to
/// this server alone, and are framed by nobody.
fn content_security_policy(app: &App) -> HeaderValue {
    let forms = client::sandbox_origins(app)
        .into_iter()
        .fold(String::new(), |all, origin| all + " " + &origin);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'{forms}; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}
