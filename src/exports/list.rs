//! Lists that can be exported. What stands in their rows is written where their pages are.

use crate::{
    audit::AuditAct,
    base::db::Keyset,
    staff_accounts::{StaffAct, StaffMember},
};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, LocalBoxStream},
};
use std::fmt;

/// A list. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// Orders.
    Orders,
    /// People, masked.
    People,
    /// Cases.
    Cases,
    /// Terminals.
    Terminals,
    /// The audit log.
    Audit,
}

impl ExportKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Orders, Self::People, Self::Cases, Self::Terminals, Self::Audit];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::People => "people",
            Self::Cases => "cases",
            Self::Terminals => "terminals",
            Self::Audit => "audit",
        }
    }

    /// What its rows are called in the log.
    pub(super) const fn rows(self) -> &'static str {
        match self {
            Self::Audit => "entries",
            Self::Orders | Self::People | Self::Cases | Self::Terminals => self.code(),
        }
    }

    /// What somebody must be allowed to do.
    pub const fn act(self) -> StaffAct {
        match self {
            Self::Orders => StaffAct::ReadOrders,
            Self::People => StaffAct::ExportPeople,
            Self::Cases => StaffAct::ReadCases,
            Self::Terminals => StaffAct::ReadTerminals,
            Self::Audit => StaffAct::ReadAudit,
        }
    }

    /// What the log says was done.
    pub(super) const fn audited(self) -> AuditAct {
        match self {
            Self::Orders => AuditAct::OrdersExported,
            Self::People => AuditAct::PeopleExported,
            Self::Cases => AuditAct::CasesExported,
            Self::Terminals => AuditAct::TerminalsExported,
            Self::Audit => AuditAct::AuditExported,
        }
    }
}

/// The formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// RFC 4180, UTF-8 with a byte order mark.
    Csv,
    /// Office Open XML.
    Xlsx,
}

impl ExportFormat {
    /// The name in storage, and what a file's name ends with.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        [Self::Csv, Self::Xlsx].into_iter().find(|format| format.code() == code)
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Why a list cannot be read.
pub type ListError = Box<dyn std::error::Error + Send + Sync>;

/// Rows, a page at a time.
pub type RowPages = LocalBoxStream<'static, Result<Vec<Vec<String>>, ListError>>;

/// A list that is about to be read.
pub struct OpenedList {
    /// What its file is called, without the format.
    pub name: String,
    /// What the first sheet is called.
    pub sheet: &'static str,
    /// The columns.
    pub header: &'static [&'static str],
    /// Those that are amounts.
    pub amounts: &'static [u16],
    /// What the second sheet says: which rows these are, who took them.
    pub about: Vec<(&'static str, String)>,
    /// What the log says was exported.
    pub subject: String,
    /// With which filter, as in `, state open`.
    pub asked: String,
    /// The rows.
    pub rows: RowPages,
}

impl fmt::Debug for OpenedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedList").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Opens lists as their pages do.
pub trait ExportLists: fmt::Debug + Send + Sync {
    /// The list with this query, as this member may read it.
    fn open(
        &self,
        member: &StaffMember,
        kind: ExportKind,
        query: &str,
    ) -> Result<OpenedList, ListError>;
}

/// Rows that are read at a time.
const AT_ONCE: u16 = 1000;

impl OpenedList {
    /// The rows of a list, a thousand at a time: `page` reads those beyond a place, `place` tells where a
    /// row is, `cells` writes it.
    pub fn pages<T, R, E>(
        descending: bool,
        page: impl AsyncFn(Keyset<T>) -> Result<Vec<R>, E> + 'static,
        place: impl Fn(&R) -> T + 'static,
        cells: impl Fn(R) -> Vec<String> + 'static,
    ) -> RowPages
    where
        T: 'static,
        R: 'static,
        E: Into<ListError>,
    {
        let begin = (Some(None), page, place, cells);
        stream::try_unfold(begin, move |(beyond, page, place, cells)| async move {
            let Some(beyond) = beyond else { return Ok(None) };
            let keyset = Keyset { beyond, descending, most: AT_ONCE };
            let found = page(keyset).await.map_err(Into::into)?;
            let more = found.len() == usize::from(AT_ONCE);
            let next = found.last().filter(|_| more).map(&place).map(Some);
            let rows = found.into_iter().map(&cells).collect();
            Ok(Some((rows, (next, page, place, cells))))
        })
        .into_stream()
        .boxed_local()
    }
}
