//! A bill as it was downloaded: packed or not, and what its provider's hash covers.

use crate::reconciliation::BadBill;
use aws_lc_rs::digest;
use flate2::read::GzDecoder;
use std::{
    io::{self, Cursor, ErrorKind, Read},
    sync::Arc,
};

/// The most bytes of an unpacked bill: some three million rows.
const UNPACKED_MAX: u64 = 1024 * 1024 * 1024;
/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const PIECE: usize = 64 * 1024;

/// A downloaded file, which may be read again and again.
#[derive(Clone)]
pub(super) struct Packed(Arc<Vec<u8>>);

impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Packed {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }

    /// The bytes as they were before packing. A client that unpacks by itself leaves none to do.
    pub(super) fn unpacked(&self) -> Box<dyn Read + Send> {
        let bytes = Cursor::new(self.clone());
        if self.0.starts_with(&GZIP) {
            Box::new(Bounded { from: GzDecoder::new(bytes), left: UNPACKED_MAX })
        } else {
            Box::new(bytes)
        }
    }

    /// WeChat signs the SHA-1 of the unpacked bytes.
    pub(super) fn check_hash(&self, hex_sha1: &str) -> Result<(), BadBill> {
        let mut digest = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        let (mut from, mut piece) = (self.unpacked(), vec![0; PIECE]);
        loop {
            let read = from.read(&mut piece).map_err(|error| super::lines::unreadable(&error))?;
            match piece.get(..read) {
                Some([]) | None => break,
                Some(bytes) => digest.update(bytes),
            }
        }
        if hex::encode(digest.finish()).eq_ignore_ascii_case(hex_sha1) {
            Ok(())
        } else {
            Err(BadBill::Hash)
        }
    }
}

/// Fails where more comes out of a file than any bill has.
struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        let size = u64::try_from(read).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}
