//! Rows as tables of a format.

use super::{ExportFormat, OpenedList};
use crate::base::table_file::{CsvTable, XlsxTable};

/// Why a table is not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// As CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// As a workbook.
    #[error(transparent)]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}

/// A table that is written row by row.
pub(super) enum Table {
    Csv { is_begun: bool, header: &'static [&'static str] },
    Xlsx(XlsxTable),
}

impl Table {
    pub(super) fn begin(list: &OpenedList, format: ExportFormat) -> Result<Self, TableError> {
        Ok(match format {
            ExportFormat::Csv => Self::Csv { is_begun: false, header: list.header },
            ExportFormat::Xlsx => {
                Self::Xlsx(XlsxTable::begin(list.sheet, list.header, list.amounts)?)
            }
        })
    }

    /// Adds rows; returns what of the file is written by now.
    pub(super) fn add(&mut self, rows: &[Vec<String>]) -> Result<Vec<u8>, TableError> {
        match self {
            Self::Csv { is_begun, header } => {
                let mut table = if std::mem::replace(is_begun, true) {
                    CsvTable::go_on(Vec::new())
                } else {
                    CsvTable::begin(Vec::new(), header)?
                };
                for row in rows {
                    table.add(row)?;
                }
                Ok(table.end()?)
            }
            Self::Xlsx(table) => {
                for row in rows {
                    table.add(row)?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// The rest of the file.
    pub(super) fn end(self, about: &[(&'static str, String)]) -> Result<Vec<u8>, TableError> {
        match self {
            Self::Csv { .. } => Ok(Vec::new()),
            Self::Xlsx(table) => Ok(table.end("筛选", about)?.save_to_buffer()?),
        }
    }
}

/// The file of a list whose rows are all there.
pub(super) fn whole(
    list: &OpenedList,
    rows: &[Vec<String>],
    format: ExportFormat,
) -> Result<Vec<u8>, TableError> {
    let mut table = Table::begin(list, format)?;
    let mut file = table.add(rows)?;
    file.extend(table.end(&list.about)?);
    Ok(file)
}
