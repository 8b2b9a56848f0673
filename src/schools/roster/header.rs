//! The header of a roster, which names its columns.

use super::row::{Fields, RosterRow};
use crate::base::csv_file::{CsvEncoding, csv_record};

/// The columns that every file has, in any order.
pub(super) const COLUMNS: [&str; 8] =
    ["student_no", "name", "id_number", "phone", "kind", "department", "class_name", "valid_until"];

/// A column that a file may have besides: the number of the card's chip.
const CHIP_NUMBER: &str = "chip_number";

/// The position of each of [`COLUMNS`], and of the chip's number where the file has it.
#[derive(Debug)]
pub(super) struct Header([usize; 8], Option<usize>);

impl Header {
    /// Parses the header, which is ASCII in every encoding.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|_| "it holds other characters".to_owned())?;
        let record = csv_record(text)?;
        let found: Vec<&str> = record.iter().map(str::trim).collect();
        let times = |column: &str| found.iter().filter(|name| **name == column).count();
        let missing = COLUMNS.into_iter().filter(|column| times(column) == 0);
        let known = || COLUMNS.into_iter().chain([CHIP_NUMBER]);
        let unknown = found.iter().copied().filter(|name| known().all(|column| column != *name));
        let repeated = known().filter(|column| times(column) > 1);
        let faults: Vec<String> = [
            named("missing: ", missing),
            named("unknown: ", unknown.map(shown)),
            named("more than once: ", repeated),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        let place = |column| found.iter().position(|name| *name == column);
        let required = COLUMNS.map(|column| place(column).unwrap_or_default());
        Ok(Self(required, place(CHIP_NUMBER)))
    }

    /// Parses a row below the header.
    pub(super) fn row(&self, bytes: &[u8], encoding: CsvEncoding) -> Result<RosterRow, String> {
        let text = encoding.decode(bytes);
        let text = text.ok_or_else(|| format!("is not valid {}", encoding.name()))?;
        let record = csv_record(&text)?;
        let columns = COLUMNS.len() + usize::from(self.1.is_some());
        if record.len() != columns {
            return Err(format!("has {} fields instead of {columns}", record.len()));
        }
        let [student_no, name, id_number, phone, kind, department, class_name, valid_until] =
            self.0.map(|place| record.get(place).unwrap_or_default().trim());
        let chip_number = self.1.and_then(|place| record.get(place)).unwrap_or_default().trim();
        let fields = Fields {
            student_no,
            name,
            id_number,
            phone,
            kind,
            department,
            class_name,
            valid_until,
            chip_number,
        };
        fields.check()
    }
}

/// `what` followed by the names; `None` without names.
fn named<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("{what}{}", names.join(", ")))
}

/// The name of a column, withheld if it may be data: in a file without a header this is the first
/// person.
fn shown(name: &str) -> &str {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    if name.is_empty() {
        "(empty)"
    } else if name.len() <= 32 && name.bytes().all(plain) {
        name
    } else {
        "(not a column name)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_complete_in_any_order() {
        let in_order = COLUMNS.join(",");
        let turned: Vec<&str> = COLUMNS.into_iter().rev().collect();
        for good in [
            in_order.as_str(),
            &turned.join(", "),
            &in_order.replace("kind", "\"kind\""),
            &format!("chip_number,{in_order}"),
        ] {
            assert!(Header::parse(good.as_bytes()).is_ok(), "{good}");
        }
        let cases = [
            (format!("{in_order},chip_number,chip_number"), "more than once: chip_number"),
            (in_order.replace(",phone", ""), "missing: phone"),
            (in_order.replace("phone", "e_mail"), "missing: phone; unknown: e_mail"),
            (format!("{in_order},phone"), "more than once: phone"),
            (format!("{in_order},"), "unknown: (empty)"),
            (format!("{in_order},林晓雨"), "unknown: (not a column name)"),
            (format!("{in_order},2301001"), "unknown: (not a column name)"),
            (format!("\"{in_order}"), "a quotation mark is not closed"),
        ];
        for (header, fault) in cases {
            assert_eq!(Header::parse(header.as_bytes()).unwrap_err(), fault);
        }
        assert_eq!(Header::parse(b"\xC1\xD6").unwrap_err(), "it holds other characters");
    }
}
