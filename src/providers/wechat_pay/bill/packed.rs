//! A bill as it was downloaded: packed or not, and what its provider's hash covers.

use crate::{
    providers::bill_file::{Bounded, Packed, UNPACKED_MAX, unreadable},
    reconciliation::BadBill,
};
use aws_lc_rs::digest;
use flate2::read::GzDecoder;
use std::io::{self, Cursor, Read};

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Packed {
    /// The bytes as they were before packing. A client that unpacks by itself leaves none to do.
    pub(super) fn unpacked(&self) -> Box<dyn Read + Send> {
        let bytes = Cursor::new(self.clone());
        if self.as_ref().starts_with(&GZIP) {
            Box::new(Bounded::new(GzDecoder::new(bytes), UNPACKED_MAX))
        } else {
            Box::new(bytes)
        }
    }

    /// What `read` makes of the unpacked bytes, if they have this hash. WeChat signs their SHA-1. What is
    /// wrong with a file counts only once it is known to be WeChat's.
    pub(super) fn read_hashed<T>(
        &self,
        hex_sha1: &str,
        read: impl FnOnce(&mut dyn Read) -> Result<T, BadBill>,
    ) -> Result<T, BadBill> {
        let digest = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        let mut from = Hashed { from: self.unpacked(), digest };
        let made = read(&mut from);
        if let Err(BadBill::Packed | BadBill::TooLarge) = made {
            // There is no whole file to hash.
            return made;
        }
        io::copy(&mut from, &mut io::sink()).map_err(|error| unreadable(&error))?;
        if hex::encode(from.digest.finish()).eq_ignore_ascii_case(hex_sha1) {
            made
        } else {
            Err(BadBill::Hash)
        }
    }
}

/// Hashes what is read through it.
struct Hashed<R> {
    from: R,
    digest: digest::Context,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.digest.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
