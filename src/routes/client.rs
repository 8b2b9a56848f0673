//! What a client must know before anybody signs in.

use crate::{app::App, base::clock::Timestamp, config::Environment};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// The sandbox's stand-in for WeChat's sign-in, which only H5 needs.
const SIGN_IN_PATH: &str = "/sandbox/wechat/sign-in";
/// The sandbox's stand-in for `wx.requestPayment`, which only H5 needs.
const CASHIER_PATH: &str = "/sandbox/wechat-pay/cashier";

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
    /// `null` where no mini-program is configured for all schools.
    wechat: Option<WeChatClient>,
}

/// The WeChat side of a client.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct WeChatClient {
    /// The mini-program's app id.
    app_id: String,
    /// Where H5 signs in; in the sandbox only.
    sign_in_url: Option<String>,
    /// Where H5 pays; in the sandbox only.
    cashier_url: Option<String>,
}

/// What a client must know of this server: its environment, its clock, its mini-program.
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
    })
}

fn wechat(app: &App) -> Option<WeChatClient> {
    let wechat = app.providers.wechat.general.as_ref()?;
    let pay = app.providers.wechat_pay.general.as_ref();
    let in_sandbox = |base: &reqwest::Url, path: &str| match app.config.environment {
        Environment::Sandbox => base.join(path).ok().map(String::from),
        Environment::Production => None,
    };
    Some(WeChatClient {
        app_id: wechat.app_id.clone(),
        sign_in_url: in_sandbox(&wechat.base_url, SIGN_IN_PATH),
        cashier_url: pay.and_then(|pay| in_sandbox(&pay.base_url, CASHIER_PATH)),
    })
}

/// Where pages of this server may send their visitor to sign in and pay; in the sandbox only.
pub(super) fn sandbox_origins(app: &App) -> Vec<String> {
    if !app.is_sandbox() {
        return Vec::new();
    }
    let wechat = app.providers.wechat.general.as_ref().map(|wechat| &wechat.base_url);
    let pay = app.providers.wechat_pay.general.as_ref().map(|pay| &pay.base_url);
    let mut origins: Vec<String> =
        wechat.into_iter().chain(pay).map(|url| url.origin().ascii_serialization()).collect();
    origins.dedup();
    origins
}
