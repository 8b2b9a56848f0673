//! Addresses: of providers, of this server, of the proxies in front of it.

use super::{
    Environment,
    section::{Section, Setting},
};
use reqwest::Url;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix_bits <= longest).then_some(Self { address, prefix_bits })
    }

    /// True where `address` lies within.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let free = 32_u32.saturating_sub(self.prefix_bits.into());
                same_above(ours.to_bits().into(), theirs.to_bits().into(), free)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let free = 128_u32.saturating_sub(self.prefix_bits.into());
                same_above(ours.to_bits(), theirs.to_bits(), free)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_above(one: u128, other: u128, free_bits: u32) -> bool {
    (one ^ other).checked_shr(free_bits).unwrap_or(0) == 0
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

/// The addresses and networks in the list `name`.
pub(super) fn networks(section: &mut Section<'_>, name: &str) -> Vec<Network> {
    let wanted = "an IP address or a prefix such as 10.0.0.0/8";
    let networks = section.list(name, wanted, Network::parse);
    networks.unwrap_or_default()
}

/// The address `name` of another service: `https`, or `http` to this machine in the sandbox.
/// `default` where it is absent; `None` where it is wrong, or absent without a valid default.
pub fn url(section: &mut Section<'_>, name: &str, default: &str) -> Option<Url> {
    read(section, name, default, check_url)
}

/// As [`url`], with scheme, host and port alone.
pub fn origin(section: &mut Section<'_>, name: &str, default: &str) -> Option<Url> {
    read(section, name, default, |text, environment| {
        let url = check_url(text, environment)?;
        if url.path() == "/" { Ok(url) } else { Err("must not have a path") }
    })
}

/// As [`url`], with the path of one resource.
pub fn endpoint(section: &mut Section<'_>, name: &str, default: &str) -> Option<Url> {
    read(section, name, default, |text, environment| {
        let url = check_url(text, environment)?;
        if url.path() == "/" { Err("must be the whole address, with its path") } else { Ok(url) }
    })
}

type Check = fn(&str, Environment) -> Result<Url, &'static str>;

fn read(section: &mut Section<'_>, name: &str, default: &str, check: Check) -> Option<Url> {
    let Some(Setting { key, value }) = section.text(name) else {
        return Url::parse(default).ok();
    };
    check(&value, section.environment()).map_err(|message| section.report(&key, message)).ok()
}

fn check_url(text: &str, environment: Environment) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be an address such as https://host")?;
    let host = url.host_str().ok_or("must name a host")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or fragment");
    }
    match (url.scheme(), environment, is_local(host)) {
        ("http" | "https", Environment::Production, true) => {
            Err("is a sandbox address (this machine), refused in production")
        }
        ("https", _, _) | ("http", Environment::Sandbox, true) => Ok(url),
        _ => Err("must be https (http is for 127.0.0.1 in the sandbox only)"),
    }
}

/// The hosts in the list `name`, each `host` or `host:port`.
pub fn hosts(section: &mut Section<'_>, name: &str) -> Option<Vec<String>> {
    let environment = section.environment();
    let wanted = match environment {
        Environment::Sandbox => "a host, or host:port",
        Environment::Production => "a host, or host:port, and not this machine",
    };
    section.list(name, wanted, |text| {
        let url = parse_authority(text)?;
        let refused = environment == Environment::Production && is_local(url.host_str()?);
        if refused { None } else { authority(&url) }
    })
}

fn parse_authority(text: &str) -> Option<Url> {
    if text.contains(['/', '?', '#', '@', '\\']) {
        return None;
    }
    Url::parse(&format!("https://{text}")).ok()
}

/// `host`, or `host:port` where the port is not that of the scheme, as clients write it.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// True for loopback names and addresses, and for unspecified addresses.
fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.').trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        let address = address.to_canonical();
        return address.is_loopback()
            || address == Ipv4Addr::UNSPECIFIED
            || address == Ipv6Addr::UNSPECIFIED;
    }
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fe80::1", true),
            ("::1", "::2", false),
        ];
        for (network, address, within) in cases {
            let parsed = Network::parse(network).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), within, "{address} in {network}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "host"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_names_of_this_machine() {
        let cases = [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", true),
            ("localhost", true),
            ("pay.localhost.", true),
            ("10.0.0.1", false),
            ("localhost.example.com", false),
            ("api.weixin.qq.com", false),
        ];
        for (host, local) in cases {
            assert_eq!(is_local(host), local, "{host}");
        }
    }
}
