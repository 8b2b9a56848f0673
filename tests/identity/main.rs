//! Who a person is: signing in, binding, the query password and its tries, the portal, the home
//! page; over real connections, on both databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/server.rs"]
#[expect(dead_code, unused_imports, reason = "shared with journeys that need more of it")]
mod server;
mod support;

mod apps;
mod binding;
mod card;
mod devices;
mod forced_change;
mod home;
mod lost;
mod password;
mod portal;
mod routes;
mod sessions;
mod top_up;
mod tries;
mod unbinding;
