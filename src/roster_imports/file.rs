//! Refused rows as a file.

use super::{RosterJob, reason_in_words};
use crate::{
    base::table_file::{TableError, TableFormat, TableShape},
    schools::roster::RefusedRow,
};

/// The file of the rows that a job refused, with its name; says who took it.
pub async fn refusal_file(
    job: &RosterJob,
    rows: Vec<RefusedRow>,
    (taken_by, format): (String, TableFormat),
) -> Result<(String, Vec<u8>), TableError> {
    let step = if job.started.is_some() { "导入" } else { "核对" };
    let table = TableShape {
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
    };
    let cells =
        |row: RefusedRow| vec![row.line.to_string(), row.student_no, reason_in_words(&row.reason)];
    let name = table.file_name(format);
    Ok((name, table.file(rows.into_iter().map(cells).collect(), format).await?))
}
