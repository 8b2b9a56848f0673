//! Refused rows as a file.

use super::{RosterJob, reason_in_words};
use crate::{
    base::table_file::{TableError, TableFormat, TableShape},
    schools::roster::RefusedRow,
};
use tokio::task::JoinError;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum RefusalFileError {
    /// It is not written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Writing it panicked.
    #[error(transparent)]
    Panic(#[from] JoinError),
}

/// The file of the rows that a job refused, with its name; says who took it.
pub async fn refusal_file(
    job: &RosterJob,
    rows: Vec<RefusedRow>,
    (taken_by, format): (String, TableFormat),
) -> Result<(String, Vec<u8>), RefusalFileError> {
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
    let name = table.file_name(format);
    // Beside the thread that others wait for: there may be hundreds of thousands of rows.
    let making = tokio::task::spawn_blocking(move || {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        table.file(&rows, format)
    });
    Ok((name, making.await??))
}

/// A refused row as the cells of a line.
fn cells(row: &RefusedRow) -> Vec<String> {
    vec![row.line.to_string(), row.student_no.clone(), reason_in_words(&row.reason)]
}
