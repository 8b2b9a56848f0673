//! Where a file may be fetched from, and how much of it is taken.

use crate::{
    base::http_client::{self, BodyError},
    reconciliation::{BadBill, BillError},
};
use reqwest::{RequestBuilder, Url};
use std::{
    io::{self, ErrorKind, Read},
    sync::Arc,
    time::Duration,
};

/// The most bytes of a packed bill: a row takes some 60 of them.
const PACKED_MAX: usize = 64 * 1024 * 1024;
/// The most bytes of an unpacked bill: some three million rows.
pub(in crate::providers) const UNPACKED_MAX: u64 = 1024 * 1024 * 1024;
/// How long a download may take.
const DOWNLOAD: Duration = Duration::from_mins(2);

/// What files are fetched by.
pub(in crate::providers) struct Fetching<'a> {
    /// The hosts that files may lie at: `host` or `host:port`.
    pub(in crate::providers) hosts: &'a [String],
    /// The scheme of the provider's API.
    pub(in crate::providers) scheme: &'a str,
    /// What the log calls the provider.
    pub(in crate::providers) name: &'static str,
}

impl Fetching<'_> {
    /// The address of a file, if it is one that files may be fetched from.
    pub(in crate::providers) fn allowed(&self, url: &str) -> Result<Url, BillError> {
        let url: Url = url.parse().map_err(|_| BillError::Unknown)?;
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        let host = with_port.as_deref().unwrap_or(host);
        let plain = url.username().is_empty() && url.password().is_none();
        let known = self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        if known && plain && url.scheme() == self.scheme {
            Ok(url)
        } else {
            Err(BillError::Host(host.to_owned()))
        }
    }

    /// Fetches a file. Its address holds a token and is not logged.
    pub(in crate::providers) async fn fetch(
        &self,
        request: RequestBuilder,
    ) -> Result<Result<Packed, BadBill>, BillError> {
        let provider = self.name;
        let response = http_client::send(request.timeout(DOWNLOAD)).await.map_err(|error| {
            tracing::warn!(provider, error = ?error.without_url(), "the bill was not sent");
            BillError::Unknown
        })?;
        let status = response.status().as_u16();
        if status != 200 {
            tracing::warn!(provider, status, "the bill was refused");
            return Err(if status == 429 { BillError::Throttled } else { BillError::Unknown });
        }
        match http_client::read_bounded(response, PACKED_MAX).await {
            Ok(bytes) => Ok(Ok(Packed::new(bytes))),
            Err(BodyError::TooLong { .. }) => Ok(Err(BadBill::TooLarge)),
            Err(error @ BodyError::Broken(_)) => {
                tracing::warn!(provider, ?error, "the bill was not sent whole");
                Err(BillError::Unknown)
            }
        }
    }
}

/// A downloaded file, which may be read again and again.
#[derive(Clone)]
pub(in crate::providers) struct Packed(Arc<Vec<u8>>);

impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Packed {
    pub(in crate::providers) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

/// Fails where more comes out of a file than any bill has.
pub(in crate::providers) struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read> Bounded<R> {
    /// At most `left` bytes.
    pub(in crate::providers) fn new(from: R, left: u64) -> Self {
        Self { from, left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        let size = u64::try_from(read).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}
