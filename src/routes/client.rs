//! What a client must know before anybody signs in.

use crate::{app::App, base::clock::Timestamp, config::Environment};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(client);
}

/// What a client must know of this server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Client {
    /// `sandbox` or `production`.
    #[schema(example = "production")]
    environment: &'static str,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    server_time: Timestamp,
    /// `null` where no mini-program of WeChat is configured for all schools.
    wechat: Option<MiniProgramClient>,
    /// `null` where no mini-program of Alipay is configured for all schools.
    alipay: Option<MiniProgramClient>,
}

/// One platform's side of a client.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MiniProgramClient {
    /// The mini-program's app id.
    app_id: String,
    /// Where H5 signs in; in the sandbox only.
    sign_in_url: Option<String>,
    /// Where H5 pays; in the sandbox only.
    cashier_url: Option<String>,
}

/// What a client must know of this server: its environment, its clock, its mini-programs.
#[utoipa::path(
    tag = "client",
    responses((status = 200, description = "What a client must know", body = Client))
)]
#[get("/api/v1/client")]
async fn client(app: Data<App>) -> Json<Client> {
    Json(Client {
        environment: app.config.environment.as_str(),
        server_time: app.clock.now(),
        wechat: wechat(&app),
        alipay: alipay(&app),
    })
}

fn wechat(app: &App) -> Option<MiniProgramClient> {
    let wechat = app.providers.wechat.general.as_ref()?;
    let pay = app.providers.wechat_pay.general.as_ref();
    Some(MiniProgramClient {
        app_id: wechat.app_id.clone(),
        sign_in_url: in_sandbox(app, &wechat.base_url, "/sandbox/wechat/sign-in"),
        cashier_url: pay
            .and_then(|pay| in_sandbox(app, &pay.base_url, "/sandbox/wechat-pay/cashier")),
    })
}

fn alipay(app: &App) -> Option<MiniProgramClient> {
    let alipay = app.providers.alipay.general.as_ref()?;
    Some(MiniProgramClient {
        app_id: alipay.app_id.clone(),
        sign_in_url: in_sandbox(app, &alipay.gateway_url, "/sandbox/alipay/sign-in"),
        cashier_url: in_sandbox(app, &alipay.gateway_url, "/sandbox/alipay/cashier"),
    })
}

/// The address of the sandbox's page that signs in or pays, which only H5 needs.
fn in_sandbox(app: &App, base: &reqwest::Url, path: &str) -> Option<String> {
    match app.config.environment {
        Environment::Sandbox => base.join(path).ok().map(String::from),
        Environment::Production => None,
    }
}

/// Where pages of this server may send their visitor to sign in and pay; in the sandbox only.
pub(super) fn sandbox_origins(app: &App) -> Vec<String> {
    if !app.is_sandbox() {
        return Vec::new();
    }
    let wechat = app.providers.wechat.general.as_ref().map(|wechat| &wechat.base_url);
    let pay = app.providers.wechat_pay.general.as_ref().map(|pay| &pay.base_url);
    let alipay = app.providers.alipay.general.as_ref().map(|alipay| &alipay.gateway_url);
    let all = wechat.into_iter().chain(pay).chain(alipay);
    let mut origins: Vec<String> = all.map(|url| url.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins
}
