//! The archive that a bill comes in. Only two of its files are looked at, and none is written anywhere.

use crate::{
    providers::{
        alipay::wire,
        bill_file::{Bounded, Packed, UNPACKED_MAX, unreadable},
    },
    reconciliation::BadBill,
};
use flate2::read::DeflateDecoder;
use std::{
    borrow::Cow,
    io::{self, Cursor, Read, Seek, SeekFrom},
};
use zip::{CompressionMethod, ZipArchive, read::ZipFile};

/// The most files of an archive: a bill has two.
const FILES_MAX: u16 = 16;
/// How the record at the end of an archive begins, and its length without a comment.
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
/// Where the record tells how many files there are.
const COUNT_AT: usize = 10;
const COMMENT_MAX: usize = 65_535;

/// The end of the detail's name, and of the summary's, with either kind of brackets.
const DETAIL: &str = "_业务明细.csv";
const SUMMARY: [&str; 2] = ["_业务明细(汇总).csv", "_业务明细（汇总）.csv"];

/// A file of the archive whose checksum fits, which may be read again and again.
pub(super) struct PackedFile {
    archive: Packed,
    start: u64,
    size: u64,
    is_deflated: bool,
}

/// The files of a bill.
pub(super) struct BillFiles {
    pub(super) detail: PackedFile,
    pub(super) summary: PackedFile,
}

/// Finds both files and reads each to its end: their checksums must fit.
pub(super) fn open(archive: &Packed) -> Result<BillFiles, BadBill> {
    check_count(archive.as_ref())?;
    let mut zip = ZipArchive::new(Cursor::new(archive.clone())).map_err(|_| BadBill::Packed)?;
    let (mut detail, mut summary) = (None, None);
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).map_err(|_| BadBill::Packed)?;
        let name = wire::text_of(file.name_raw()).map(Cow::into_owned).unwrap_or_default();
        let into = if name.ends_with(DETAIL) {
            &mut detail
        } else if SUMMARY.iter().any(|end| name.ends_with(end)) {
            &mut summary
        } else {
            continue;
        };
        if into.is_some() {
            return Err(BadBill::NotABill);
        }
        *into = Some(check(&mut file, archive)?);
    }
    match (detail, summary) {
        (Some(detail), Some(summary)) => Ok(BillFiles { detail, summary }),
        (None, _) | (_, None) => Err(BadBill::NotABill),
    }
}

/// The number of files is bounded before the list of them is read.
fn check_count(archive: &[u8]) -> Result<(), BadBill> {
    let from = archive.len().saturating_sub(END_BYTES + COMMENT_MAX);
    let tail = archive.get(from..).unwrap_or_default();
    let end = tail.windows(END.len()).rposition(|bytes| bytes == END).ok_or(BadBill::Packed)?;
    let count = tail.get(end + COUNT_AT..end + COUNT_AT + 2).ok_or(BadBill::Packed)?;
    match count {
        [low, high] if u16::from_le_bytes([*low, *high]) <= FILES_MAX => Ok(()),
        _ => Err(BadBill::TooLarge),
    }
}

fn check<R: Read>(file: &mut ZipFile<'_, R>, archive: &Packed) -> Result<PackedFile, BadBill> {
    let is_deflated = file.compression() == CompressionMethod::Deflated;
    if !is_deflated && file.compression() != CompressionMethod::Stored {
        return Err(BadBill::Packed);
    }
    let (start, size) = (file.data_start().ok_or(BadBill::Packed)?, file.compressed_size());
    let mut bounded = Bounded::new(file, UNPACKED_MAX);
    io::copy(&mut bounded, &mut io::sink()).map_err(|error| unreadable(&error))?;
    Ok(PackedFile { archive: archive.clone(), start, size, is_deflated })
}

impl PackedFile {
    /// Its bytes as they were before packing.
    pub(super) fn unpacked(&self) -> Result<Box<dyn Read + Send>, BadBill> {
        let mut bytes = Cursor::new(self.archive.clone());
        bytes.seek(SeekFrom::Start(self.start)).map_err(|error| unreadable(&error))?;
        let packed = bytes.take(self.size);
        Ok(if self.is_deflated {
            Box::new(Bounded::new(DeflateDecoder::new(packed), UNPACKED_MAX))
        } else {
            Box::new(packed)
        })
    }
}
