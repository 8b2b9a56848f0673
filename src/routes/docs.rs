//! The API's document, generated from the routes, and the page to browse it.

use super::documented;
use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Bytes},
};
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

const DOCUMENT_PATH: &str = "/api/openapi.json";
const PAGE_PATH: &str = "/api/docs/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "onecard",
        description = "Campus card (校园一卡通): the interface of clients, terminals and staff.\n\n\
            JSON, snake_case. Money is an integer of fen in fields that end in `_fen`. Times are \
            RFC 3339. Lists take `limit` and `cursor` and answer `items` and `next_cursor`.\n\n\
            An error is a problem document (RFC 9457, `application/problem+json`): `code` is \
            stable, `title` is Chinese and fit to show, `errors` names the fields that are not as \
            they should be. Every answer carries `X-Request-Id`.\n\n\
            A POST that moves money needs `Idempotency-Key`, 1 to 64 visible ASCII characters: the \
            same key and body again answer with the same resource as it stands then."
    ),
    components(schemas(crate::base::http::problem::Problem)),
    modifiers(&Bearer)
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token of a login"))
            .build();
        let staff = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token of a member of staff"))
            .build();
        let signature = ApiKeyValue::with_description(
            "Signature",
            "HTTP Message Signature (RFC 9421) of a terminal, with Signature-Input",
        );
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("staff", SecurityScheme::Http(staff));
        let signature = SecurityScheme::ApiKey(ApiKey::Header(signature));
        components.add_security_scheme("terminal", signature);
    }
}

/// The document of all routes (OpenAPI 3.1).
pub fn openapi() -> Document {
    let (_, document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(documented)
        .split_for_parts();
    document
}

/// The document as it is served. Made when somebody asks for it, once for all workers: it is the
/// largest thing that an idle server would hold.
static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| serde_json::to_vec(&openapi()).unwrap_or_default().into());

pub(super) fn configure(config: &mut web::ServiceConfig) {
    let settings = Config::new([DOCUMENT_PATH]).validator_url("none").persist_authorization(false);
    let page = SwaggerUi::new(format!("{PAGE_PATH}{{_:.*}}")).config(settings);
    config
        .route(DOCUMENT_PATH, web::get().to(document))
        .route(PAGE_PATH.trim_end_matches('/'), web::get().to(to_page))
        .service(page);
}

async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(DOCUMENT.clone())
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("Location", PAGE_PATH)).finish()
}
