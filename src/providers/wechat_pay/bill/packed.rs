//! A bill as it was downloaded: packed or not, and what its provider's hash covers.

use crate::{
    providers::bill_file::{Bounded, Packed, UNPACKED_MAX, unreadable},
    reconciliation::BadBill,
};
use aws_lc_rs::digest;
use flate2::read::GzDecoder;
use std::io::{Cursor, Read};

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const PIECE: usize = 64 * 1024;

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

    /// WeChat signs the SHA-1 of the unpacked bytes.
    pub(super) fn check_hash(&self, hex_sha1: &str) -> Result<(), BadBill> {
        let mut digest = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        let (mut from, mut piece) = (self.unpacked(), vec![0; PIECE]);
        loop {
            let read = from.read(&mut piece).map_err(|error| unreadable(&error))?;
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
