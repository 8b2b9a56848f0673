//! Why an import stopped.

use super::{MAX_ROWS, header};
use crate::base::{
    crypto::seal::SealError,
    csv_file::CsvFileError,
    db::{DbError, TxError},
};
use std::io;

/// Why an import stopped. Committed rows remain; it is safe to import again.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file cannot be read.
    #[error("the roster cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file is in UTF-16 ("Unicode text").
    #[error("the roster is UTF-16; save it as UTF-8 or GBK")]
    Utf16,
    /// The first line is not a valid header.
    #[error("line 1: the header must be {columns}; {fault}", columns = header::needed())]
    Header {
        /// What is wrong with it.
        fault: String,
    },
    /// The file has too many rows.
    #[error("the roster has more than {MAX_ROWS} rows")]
    TooManyRows,
    /// Whoever keeps what came of it does not want any more of it.
    #[error("the import was stopped")]
    Stopped,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Sealing personal data failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<CsvFileError> for RosterError {
    fn from(error: CsvFileError) -> Self {
        match error {
            CsvFileError::Io(error) => Self::Io(error),
            CsvFileError::Utf16 => Self::Utf16,
        }
    }
}

impl TxError for RosterError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Io(_)
            | Self::Utf16
            | Self::Header { .. }
            | Self::TooManyRows
            | Self::Stopped
            | Self::Seal(_) => None,
        }
    }
}
