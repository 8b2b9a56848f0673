//! Refused rows as lines of a file.

use super::{RosterJob, reason_in_words};
use crate::schools::roster::RefusedRow;

/// The columns of the file.
pub const REFUSAL_HEADER: [&str; 3] = ["行", "学号", "原因"];

/// A refused row as the cells of a line.
pub fn refusal_cells(row: &RefusedRow) -> [String; 3] {
    [row.line.to_string(), row.student_no.clone(), reason_in_words(&row.reason)]
}

/// What such a file is called, without its format.
pub fn refusal_file_name(job: &RosterJob) -> String {
    format!("roster-refused-{}", job.uploaded.at.day())
}
