//! What merchants can ask of a provider: the targets of request faults and the kinds that the log
//! of requests counts.

use std::cmp::Ordering;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::Method;
use serde::{Serialize, Serializer};

use crate::faults::{FaultGroups, RequestFault};

/// One operation of a provider's API. Each provider has a table of them.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// As the control API writes it; no other endpoint of any provider has it.
    pub(crate) name: &'static str,
    /// For the control page.
    pub(crate) label: &'static str,
    /// Whether a request with this method and path asks for it; the path of a gateway is followed
    /// by `?method=` and the name of the operation that the request names. The first endpoint that says so
    /// wins, in the order of the stand-ins and of their tables.
    pub(crate) matches: fn(&Method, &str) -> bool,
    /// What can go wrong with it on demand.
    pub(crate) faults: FaultGroups,
    /// The provider's own words for doing nothing.
    pub(crate) excuse: fn(Excuse) -> HttpResponse,
}

/// Why a provider does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excuse {
    TooManyRequests,
    SystemError,
    /// The caller's address is not in the list of those that are let in.
    AddressNotAllowed,
}

impl Endpoint {
    /// Whether this can go wrong with it.
    pub(crate) fn can(&self, fault: RequestFault) -> bool {
        self.faults.iter().any(|group| group.contains(&fault))
    }

    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.name).finish()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Endpoint {}

impl PartialOrd for Endpoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Endpoint {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
