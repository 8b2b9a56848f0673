//! What was refused, as a file.

use crate::{
    base::{
        http::ApiError,
        table_file::{CsvTable, XlsxTable},
    },
    console::frame::PageError,
};
use actix_web::{HttpResponse, http::header};
use serde::Deserialize;

/// The formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileFormat {
    Csv,
    Xlsx,
}

/// In which format a list is wanted.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct RefusedForm {
    pub(super) format: FileFormat,
}

/// A list as a file.
#[derive(Debug)]
pub(super) struct ListFile<const N: usize> {
    /// What the file is called, without its format.
    pub(super) name: String,
    /// What the first sheet is called.
    pub(super) sheet: &'static str,
    pub(super) header: [&'static str; N],
    /// The columns that are amounts.
    pub(super) amounts: &'static [u16],
    pub(super) rows: Vec<[String; N]>,
    /// What the second sheet says: which rows these are, who took them.
    pub(super) about: Vec<(&'static str, String)>,
}

impl FileFormat {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

impl<const N: usize> ListFile<N> {
    /// The file as an answer.
    pub(super) fn answer(self, format: FileFormat) -> Result<HttpResponse, PageError> {
        let file = match format {
            FileFormat::Csv => self.csv().map_err(|error| ApiError::internal(&error)),
            FileFormat::Xlsx => self.xlsx().map_err(|error| ApiError::internal(&error)),
        };
        let name = format!("attachment; filename=\"{}.{}\"", self.name, format.code());
        Ok(HttpResponse::Ok()
            .content_type(format.content_type())
            .insert_header((header::CONTENT_DISPOSITION, name))
            .body(file?))
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut table = CsvTable::begin(Vec::new(), &self.header)?;
        for row in &self.rows {
            table.add(row)?;
        }
        table.end()
    }

    fn xlsx(&self) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
        let mut table = XlsxTable::begin(self.sheet, &self.header, self.amounts)?;
        for row in &self.rows {
            table.add(row)?;
        }
        table.end("筛选", &self.about)?.save_to_buffer()
    }
}
