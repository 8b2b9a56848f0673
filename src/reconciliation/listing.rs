//! Which days of bills members of staff list.

use super::{BillDay, DayState, store::listing as store};
use crate::{
    base::{
        clock::Day,
        db::{Db, DbError, Keyset},
        ids::SchoolId,
    },
    orders::fact::Provider,
};
use serde::Deserialize;

/// Which days somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BillDayQuery {
    /// `wechat_pay` or `alipay`.
    pub provider: Option<String>,
    /// `closed`, `open`, `unbilled` for what is open and has no bill at the provider, or `awaited` for days
    /// whose bill was not there yet.
    pub state: Option<String>,
    /// From this day on, as in `2026-11-28`.
    pub from: Option<String>,
    /// Up to this day.
    pub to: Option<String>,
}

/// How a day is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BillDayState {
    /// Nothing differs.
    Closed,
    /// Something differs.
    Open,
    /// Something differs, and the provider says that there is no bill.
    Unbilled,
    /// The bill should be there and was not compared.
    Awaited,
}

/// Which days of a school.
#[derive(Clone, Copy, Debug)]
pub struct BillDayFilter {
    /// The school.
    pub school: SchoolId,
    /// At this provider.
    pub provider: Option<Provider>,
    /// In this state.
    pub state: Option<BillDayState>,
    /// From this day on.
    pub from: Option<Day>,
    /// Up to this day.
    pub to: Option<Day>,
}

impl BillDayState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::Unbilled, Self::Awaited];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Unbilled => "unbilled",
            Self::Awaited => "awaited",
        }
    }

    /// That of a day.
    pub const fn of(day: &BillDay) -> Self {
        match day.state {
            DayState::Closed => Self::Closed,
            DayState::Open if day.is_awaited() => Self::Awaited,
            DayState::Open if day.totals.file_hash.is_empty() => Self::Unbilled,
            DayState::Open => Self::Open,
        }
    }
}

impl BillDayQuery {
    /// The filter that is asked for; or the name of what is wrong.
    pub fn filter(&self, school: SchoolId) -> Result<BillDayFilter, &'static str> {
        fn read<T>(
            (name, text): (&'static str, &Option<String>),
            known: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, &'static str> {
            let text = text.as_deref().unwrap_or_default().trim();
            if text.is_empty() { Ok(None) } else { known(text).map(Some).ok_or(name) }
        }
        let state = |text: &str| BillDayState::ALL.into_iter().find(|state| state.code() == text);
        let day = |text: &str| text.parse().ok();
        Ok(BillDayFilter {
            school,
            provider: read(("provider", &self.provider), Provider::from_code)?,
            state: read(("state", &self.state), state)?,
            from: read(("from", &self.from), day)?,
            to: read(("to", &self.to), day)?,
        })
    }
}

impl BillDayFilter {
    /// A page of them, in one query. A place in the list is a day's id.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<BillDay>, DbError> {
        store::page(db, self, page).await
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count(db, self, most).await
    }
}
