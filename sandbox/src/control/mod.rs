//! The control page and the control API: the same acts, for people and for tests.
//!
//! What concerns all stand-ins is here; each stand-in adds its own paths and its [`Panel`].
//!
//! Invariant: neither has state or rules of its own; both call the sandbox.

mod api;
mod assets;
mod faults;
mod pages;
mod panel;
mod rows;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use panel::{Count, Link, PAGE_LENGTH, Pages, Panel, Visit, moment};

use crate::callbacks::CallbackMode;
use crate::state::Sandbox;

/// A hundred years, so that times stay writable.
const MOST_OFFSET_SECONDS: i64 = 100 * 365 * 24 * 3600;

#[derive(Debug, Clone, Copy, Serialize)]
struct Settings {
    speed: u32,
    callbacks: CallbackMode,
    /// How far the sandbox's clock is ahead of the machine's.
    clock_offset_seconds: i64,
}

/// New settings; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSettings {
    speed: Option<u32>,
    callbacks: Option<CallbackMode>,
    clock_offset_seconds: Option<i64>,
}

/// How much of the retry schedules passes at once.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u32,
}

impl Settings {
    fn of(sandbox: &Sandbox) -> Self {
        Self {
            speed: sandbox.callbacks.speed(),
            callbacks: sandbox.callbacks.mode(),
            clock_offset_seconds: sandbox.clock.offset().num_seconds(),
        }
    }
}

impl NewSettings {
    fn apply(self, sandbox: &Sandbox) {
        if let Some(speed) = self.speed {
            sandbox.callbacks.set_speed(speed);
        }
        if let Some(mode) = self.callbacks {
            sandbox.callbacks.set_mode(mode);
        }
        if let Some(seconds) = self.clock_offset_seconds {
            let seconds = seconds.clamp(-MOST_OFFSET_SECONDS, MOST_OFFSET_SECONDS);
            sandbox.clock.set_offset(TimeDelta::seconds(seconds));
        }
    }
}

impl Advance {
    fn apply(self, sandbox: &Sandbox) {
        sandbox.callbacks.advance(Duration::from_secs(self.seconds.into()));
    }
}

/// An empty body stands for the defaults; `None` if the body is neither empty nor valid.
pub(crate) fn read_options<T: Default + DeserializeOwned>(body: &Bytes) -> Option<T> {
    if body.is_empty() { Some(T::default()) } else { serde_json::from_slice(body).ok() }
}

/// A refusal of the control API.
pub(crate) fn refuse(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponseBuilder::new(status).json(json!({ "message": message }))
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.configure(page_routes).configure(api_routes);
    config.default_service(web::to(pages::nowhere));
}

fn page_routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(pages::show))
        .route("/sandbox", web::get().to(pages::show))
        .route("/sandbox/settings", web::post().to(pages::set))
        .route("/sandbox/advance", web::post().to(pages::advance))
        .route("/sandbox/release", web::post().to(pages::release))
        .route("/sandbox/faults/requests", web::post().to(faults::on_requests_by_form))
        .route("/sandbox/faults/callbacks", web::post().to(faults::on_callbacks_by_form))
        .route("/sandbox/faults/seed", web::post().to(faults::by_seed_by_form))
        .route("/sandbox/faults/clear", web::post().to(faults::clear_by_form))
        .route("/sandbox/assets/sandbox.css", web::get().to(assets::style))
        .route("/sandbox/assets/sandbox.js", web::get().to(assets::script));
}

fn api_routes(config: &mut web::ServiceConfig) {
    config
        .route("/sandbox/api/deliveries", web::get().to(api::deliveries))
        .route("/sandbox/api/requests", web::get().to(api::requests))
        .route("/sandbox/api/requests", web::delete().to(api::forget_requests))
        .route("/sandbox/api/settings", web::get().to(api::settings))
        .route("/sandbox/api/settings", web::post().to(api::set))
        .route("/sandbox/api/advance", web::post().to(api::advance))
        .route("/sandbox/api/release", web::post().to(api::release))
        .route("/sandbox/api/faults", web::get().to(faults::list))
        .route("/sandbox/api/faults", web::delete().to(faults::clear))
        .route("/sandbox/api/faults/seed", web::post().to(faults::by_seed))
        .route("/sandbox/api/faults/requests", web::post().to(faults::on_requests))
        .route("/sandbox/api/faults/callbacks", web::post().to(faults::on_callbacks));
}
