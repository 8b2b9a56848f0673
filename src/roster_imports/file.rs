//! Refused rows as a file.

use super::{RosterJob, reason_in_words};
use crate::{base::table_file::TableShape, schools::roster::RefusedRow};

/// The file of what a job refused, but for the rows; `taken_by` says who took it.
pub fn refusal_table(job: &RosterJob, taken_by: String) -> TableShape {
    let step = if job.started.is_some() { "导入" } else { "核对" };
    TableShape {
        name: format!("roster-refused-{}", job.uploaded.at.day()),
        sheet: "拒绝的行",
        header: &["行", "学号", "原因"],
        amounts: &[],
        about: vec![
            ("花名册", job.file_name.clone()),
            ("上传", job.uploaded.at.to_rfc3339()),
            ("步骤", step.to_owned()),
            ("导出人", taken_by),
        ],
    }
}

/// A refused row as the cells of a line.
pub fn refusal_cells(row: &RefusedRow) -> Vec<String> {
    vec![row.line.to_string(), row.student_no.clone(), reason_in_words(&row.reason)]
}
