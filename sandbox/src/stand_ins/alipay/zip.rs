//! Writes a zip archive whose names are in GBK, as Alipay's bills have them.

use std::io::{self, Write};

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;

const LOCAL: u32 = 0x0403_4B50;
const CENTRAL: u32 = 0x0201_4B50;
const END: u32 = 0x0605_4B50;
/// Version 2.0: deflate.
const VERSION: u16 = 20;
const DEFLATE: u16 = 8;
/// 1980-01-01, the first date that the format knows.
const DATE: u16 = 0x21;

/// A file of an archive; no byte of its name is interpreted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) content: Vec<u8>,
}

pub(super) fn archive(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = length(files.len())?;
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(&entry.content)?;
        let deflated = deflated.finish()?;
        let mut crc = Crc::new();
        crc.update(&entry.content);
        let common = [
            words(&[VERSION, 0, DEFLATE, 0, DATE]),
            long(&[crc.sum(), length(deflated.len())?, length(entry.content.len())?]),
            words(&[u16::try_from(entry.name.len()).map_err(io::Error::other)?, 0]),
        ]
        .concat();
        files.extend([long(&[LOCAL]), common.clone(), entry.name.clone(), deflated].concat());
        // No comment, disk 0, no attributes.
        let rest = [words(&[0, 0, 0]), long(&[0, at]), entry.name.clone()].concat();
        directory.extend([long(&[CENTRAL]), words(&[VERSION]), common, rest].concat());
    }
    let count = u16::try_from(entries.len()).map_err(io::Error::other)?;
    let place = [length(directory.len())?, length(files.len())?];
    let end = [long(&[END]), words(&[0, 0, count, count]), long(&place), words(&[0])].concat();
    Ok([files, directory, end].concat())
}

fn length(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(io::Error::other)
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn long(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
