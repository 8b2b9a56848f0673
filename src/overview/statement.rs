//! 账单: lines, daily sums of a month, and the export of a year.

use super::{
    Overview,
    entry::{EntryKind, kind_and_title},
};
use crate::{
    base::{
        clock::{Day, Month, Timestamp},
        db::{Db, DbError},
        ids::{PersonId, SchoolId},
        money::Balance,
    },
    ledger::{
        statement::{self, DaySum, Line, Span},
        transfer::TransferId,
    },
    orders::{self, order::OrderId},
    sessions::Student,
    terminals::merchant_names,
};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

/// The limit of an export; enough for fifty purchases a day.
pub const MAX_EXPORT_LINES: u64 = 20_000;

/// A filter of statement lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatementFilter {
    /// On this day or later.
    pub from: Option<Day>,
    /// On this day or earlier.
    pub to: Option<Day>,
    /// Of this kind only.
    pub kind: Option<EntryKind>,
}

/// A line of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementEntry {
    /// The transfer.
    pub id: TransferId,
    /// When it was posted.
    pub at: Timestamp,
    /// The kind.
    pub kind: EntryKind,
    /// The title in Chinese: at a till, the merchant's name.
    pub title: Cow<'static, str>,
    /// How the total of the balances changed, in fen.
    pub amount: Balance,
    /// The order that was paid.
    pub order: Option<OrderId>,
}

/// There are more lines than an export may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyLines;

impl Overview {
    /// The newest lines below `before`, at most `limit`: two queries at most.
    pub async fn statement(
        &self,
        student: &Student,
        filter: StatementFilter,
        before: Option<TransferId>,
        limit: u64,
    ) -> Result<Vec<StatementEntry>, DbError> {
        let of = (student.school, student.person);
        Self::lines(&self.db, of, (filter, before), limit).await
    }

    /// The same of somebody.
    pub async fn lines(
        db: &Db,
        (school, person): (SchoolId, PersonId),
        (filter, before): (StatementFilter, Option<TransferId>),
        limit: u64,
    ) -> Result<Vec<StatementEntry>, DbError> {
        let span = before.into_iter().fold(span((school, person), filter), Span::below);
        let sorts = filter.kind.map(EntryKind::sorts);
        let lines = statement::lines(db, span, sorts.as_deref(), limit).await?;
        let paid = lines.iter().filter(|line| kind_of(line) == EntryKind::TopUp);
        let paid: Vec<&str> = paid.map(|line| line.reference.as_str()).collect();
        let mut orders = orders::transactions::of_postings(db, person, &paid).await?;
        let back = lines.iter().filter(|line| is_of_order(line)).map(|line| &*line.reference);
        let back: Vec<&str> = back.collect();
        orders.extend(orders::refunds::of_postings(db, person, &back).await?);
        let merchants = merchants(db, school, &lines).await?;
        Ok(lines.iter().map(|line| entry(line, &orders, &merchants)).collect())
    }

    /// The days of the month that have entries; refunds are counted apart.
    pub async fn month(&self, student: &Student, month: Month) -> Result<Vec<DaySum>, DbError> {
        let filter =
            StatementFilter { from: Some(month.first()), to: Some(month.last()), kind: None };
        statement::days(
            &self.db,
            span((student.school, student.person), filter),
            &EntryKind::Refund.sorts(),
        )
        .await
    }

    /// All lines of these days, newest first.
    pub async fn export(
        &self,
        student: &Student,
        filter: StatementFilter,
    ) -> Result<Result<Vec<StatementEntry>, TooManyLines>, DbError> {
        let lines = statement::lines(
            &self.db,
            span((student.school, student.person), filter),
            None,
            MAX_EXPORT_LINES + 1,
        )
        .await?;
        if u64::try_from(lines.len()).is_ok_and(|lines| lines > MAX_EXPORT_LINES) {
            return Ok(Err(TooManyLines));
        }
        let merchants = merchants(&self.db, student.school, &lines).await?;
        Ok(Ok(lines.iter().map(|line| entry(line, &HashMap::new(), &merchants)).collect()))
    }
}

/// The names of the merchants that these lines are about, by code: one query at most.
async fn merchants(
    db: &Db,
    school: SchoolId,
    lines: &[Line],
) -> Result<HashMap<String, String>, DbError> {
    let codes: BTreeSet<&str> = lines.iter().filter_map(merchant_of).collect();
    let codes = codes.into_iter().map(str::to_owned).collect();
    merchant_names(db.into(), school, codes).await
}

fn span((school, person): (SchoolId, PersonId), filter: StatementFilter) -> Span {
    let all = Span::of(school, person);
    let from = filter.from.into_iter().fold(all, Span::from_day);
    filter.to.into_iter().fold(from, Span::to_day)
}

fn kind_of(line: &Line) -> EntryKind {
    kind_and_title(&line.other, !line.amount.is_negative()).0
}

/// True for money of an order that goes back to the payer, or was to go.
fn is_of_order(line: &Line) -> bool {
    let from_or_to = line.other.starts_with("clearing/") || line.other.ends_with("/refund");
    from_or_to && kind_of(line) == EntryKind::Refund
}

/// The code of the merchant on the other side.
fn merchant_of(line: &Line) -> Option<&str> {
    line.other.strip_prefix("merchant/")
}

fn entry(
    line: &Line,
    orders: &HashMap<String, OrderId>,
    merchants: &HashMap<String, String>,
) -> StatementEntry {
    let (kind, title) = kind_and_title(&line.other, !line.amount.is_negative());
    let merchant = merchant_of(line).and_then(|code| merchants.get(code));
    let title = match (kind, merchant) {
        (EntryKind::Spend, Some(name)) => name.clone().into(),
        (_, Some(name)) => format!("{title}：{name}").into(),
        (_, None) => title.into(),
    };
    StatementEntry {
        id: line.id,
        at: line.at,
        kind,
        title,
        amount: line.amount,
        order: orders.get(&line.reference).copied(),
    }
}
