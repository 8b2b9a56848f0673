//! The columns of a roster.

use super::row::{Fields, RosterRow};
use crate::{
    base::csv_file::{CsvEncoding, CsvHeader, CsvLine},
    schools::person::is_student_no,
};

/// The columns, in any order. Every file has them but for the last, the number of the card's chip.
const COLUMNS: [&str; 9] = [
    "student_no",
    "name",
    "id_number",
    "phone",
    "kind",
    "department",
    "class_name",
    "valid_until",
    "chip_number",
];
/// How many of them every file has.
const NEEDED: usize = 8;

/// The columns that every file has, for a message.
pub(super) fn needed() -> String {
    COLUMNS.into_iter().take(NEEDED).collect::<Vec<_>>().join(",")
}

/// Why a row is refused.
pub(super) struct Unfit {
    /// Whose it is, where it says so in the form of a number; else empty.
    pub(super) student_no: String,
    pub(super) reason: String,
}

/// The header of a roster.
#[derive(Debug)]
pub(super) struct Header(CsvHeader<9>);

impl Header {
    /// Parses the first line of a file.
    pub(super) fn parse(line: &CsvLine<'_>) -> Result<Self, String> {
        CsvHeader::parse(line, COLUMNS, NEEDED).map(Self)
    }

    /// Parses a line below the header.
    pub(super) fn row(
        &self,
        line: &CsvLine<'_>,
        encoding: CsvEncoding,
    ) -> Result<RosterRow, Unfit> {
        let row = self.0.row(line, encoding);
        let row = row.map_err(|reason| Unfit { student_no: String::new(), reason })?;
        let [
            student_no,
            name,
            id_number,
            phone,
            kind,
            department,
            class_name,
            valid_until,
            chip_number,
        ] = row.fields();
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
        fields.check().map_err(|reason| {
            let student_no = if is_student_no(student_no) { student_no } else { "" };
            Unfit { student_no: student_no.to_owned(), reason }
        })
    }
}
