//! `[server]`: the addresses that the server listens on, and its public address.

use super::{
    Environment,
    address::{self, Network},
    section::Section,
};
use crate::base::http::TimeLimits;
use reqwest::Url;
use std::{net::SocketAddr, path::PathBuf};

const LISTEN: SocketAddr = local(8080);
const METRICS_LISTEN: SocketAddr = local(9090);
const H5_DIR: &str = "mini-program/dist/build/h5";
const WORKERS: u16 = 2;
const MAX_WORKERS: u16 = 64;
/// Above the number of clients that may wait for events.
const CONNECTIONS: u16 = 12_000;
const MAX_CONNECTIONS: u16 = 60_000;

/// The addresses that the server listens on, and its public address.
#[derive(Clone, Debug)]
pub struct Server {
    /// Serves students, staff, providers and terminals, in plain HTTP.
    pub listen: SocketAddr,
    /// Serves `/metrics` alone.
    pub metrics_listen: SocketAddr,
    /// The server's public address: scheme and host, no path. Providers send callbacks there.
    pub public_url: Url,
    /// The proxies whose `X-Request-Id` is kept.
    pub trusted_proxies: Vec<Network>,
    /// The folder of the built H5 client.
    pub h5_dir: PathBuf,
    /// The `host` or `host:port` that requests may be signed for.
    pub authorities: Vec<String>,
    /// How many threads answer requests.
    pub workers: usize,
    /// How many connections may be open.
    pub max_connections: usize,
    /// How long a client may take; the same everywhere but in tests.
    pub times: TimeLimits,
}

pub(super) fn read(mut section: Section<'_>) -> Option<Server> {
    let listen = socket(&mut section, "listen").unwrap_or(LISTEN);
    let metrics_listen = socket(&mut section, "metrics_listen").unwrap_or(METRICS_LISTEN);
    if listen == metrics_listen && listen.port() != 0 {
        let key = section.key("metrics_listen");
        section.report(&key, "must not be the same as server.listen");
    }
    let public_url = public_url(&mut section, listen);
    let trusted_proxies = address::networks(&mut section, "trusted_proxies");
    let h5_dir = section.parsed("h5_dir", "a folder", |text| Some(PathBuf::from(text)));
    let authorities = address::hosts(&mut section, "authorities").unwrap_or_default();
    let workers = section.number("workers", 1..=MAX_WORKERS, WORKERS);
    let max_connections = section.number("max_connections", 16..=MAX_CONNECTIONS, CONNECTIONS);
    let environment = section.environment();
    section.finish();
    let public_url = public_url?;
    Some(Server {
        listen,
        metrics_listen,
        authorities: if authorities.is_empty() {
            default_authorities(&public_url, listen, environment)
        } else {
            authorities
        },
        public_url,
        trusted_proxies,
        h5_dir: h5_dir.unwrap_or_else(|| H5_DIR.into()),
        workers: workers.into(),
        max_connections: max_connections.into(),
        times: TimeLimits::default(),
    })
}

fn socket(section: &mut Section<'_>, name: &str) -> Option<SocketAddr> {
    let wanted = "an IP address and a port, such as 127.0.0.1:8080";
    section.parsed(name, wanted, |text| text.parse().ok())
}

/// Has no default in production: only the operator knows it.
fn public_url(section: &mut Section<'_>, listen: SocketAddr) -> Option<Url> {
    let default = match section.environment() {
        Environment::Sandbox => format!("http://{}", reachable(listen)),
        Environment::Production => String::new(),
    };
    let wanted = "the https address under which the world reaches this server";
    if default.is_empty() && !section.has_any(&["public_url"]) {
        section.report_missing("public_url", wanted);
    }
    address::origin(section, "public_url", &default)
}

/// `address`, or the loopback address where it stands for every interface.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(LISTEN.ip());
    }
    address
}

fn default_authorities(
    public_url: &Url,
    listen: SocketAddr,
    environment: Environment,
) -> Vec<String> {
    let mut authorities = Vec::from_iter(address::authority(public_url));
    if environment == Environment::Sandbox {
        let listen = reachable(listen).to_string();
        if !authorities.contains(&listen) {
            authorities.push(listen);
        }
    }
    authorities
}

const fn local(port: u16) -> SocketAddr {
    use std::net::{IpAddr, Ipv4Addr};
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
