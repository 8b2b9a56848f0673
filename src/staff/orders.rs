//! Orders as members of staff see them: lists, one found by a number, and where its money is.

use super::{
    refund_desk::{RefundDesk, RefundRefusal, RefundTarget},
    standing::MoneyStanding,
};
use crate::{
    approvals::{self, Approval, ApprovalKind, ApprovalState},
    audit::AuditLine,
    base::{
        clock::{Clock, Day, Timestamp},
        crypto::seal::{SealError, Sealer},
        db::{Db, DbError, Keyset, Source, TxError},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    orders::{
        fact::Provider,
        listing::{ListedOrder, OrderFilter},
        order::{OrderId, WholeOrder},
        purpose::Purpose,
    },
    payments::Payments,
    schools::People,
    staff_accounts::{StaffMember, StaffRefusal},
};
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// So many entries of the log stand beside an order.
const LOGGED: u16 = 20;

/// What handlers about orders ask for.
#[derive(Clone, Debug)]
pub struct OrderDesk {
    /// The database.
    pub db: Db,
    /// Opens names, to be masked.
    pub sealer: Sealer,
    /// Tells what can be refunded.
    pub refunds: Arc<dyn RefundDesk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Which orders somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// The day in Beijing, as in `2026-11-28`; otherwise today.
    pub day: Option<String>,
    /// `awaiting_payment`, `paid`, `fulfilled`, `closed`, `refunding` or `refunded`.
    pub state: Option<String>,
    /// As in an order.
    pub purpose: Option<String>,
    /// `wechat_pay` or `alipay`.
    pub provider: Option<String>,
}

/// An order with the masked name of who ordered.
#[derive(Clone, Debug)]
pub struct NamedOrder {
    /// The order.
    pub order: ListedOrder,
    /// The name, masked.
    pub person: String,
}

/// An order with all that a member of staff needs to decide about it.
#[derive(Clone, Debug)]
pub struct OrderDetail {
    /// The order, its payments and their refunds.
    pub whole: WholeOrder,
    /// The masked name of who ordered.
    pub person: String,
    /// 学号 or 工号.
    pub person_no: String,
    /// Requests for refunds of it, oldest first.
    pub requests: Vec<Approval>,
    /// What can be asked back now; `None` where nothing was paid.
    pub refundable: Option<Fen>,
}

/// Why orders are not shown.
#[derive(Debug, thiserror::Error)]
pub enum StaffOrderError {
    /// No such order at the school.
    #[error("no such order")]
    NotFound,
    /// A filter that there is not, by its name.
    #[error("no such {0}")]
    BadFilter(&'static str),
    /// Not a number, or too short an end of one.
    #[error("not a number of an order, a payment or a refund")]
    BadNumber,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// What can be refunded is not known.
    #[error(transparent)]
    Refund(RefundRefusal),
    /// A name cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffOrderError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) | Self::Refund(RefundRefusal::Db(error)) => Some(error),
            Self::NotFound
            | Self::BadFilter(_)
            | Self::BadNumber
            | Self::Right(_)
            | Self::Refund(_)
            | Self::Sealed(_) => None,
        }
    }
}

impl OrderQuery {
    /// Whether a day is asked for.
    pub fn has_day(&self) -> bool {
        self.day.as_deref().is_some_and(|day| !day.trim().is_empty())
    }

    /// The filter that is asked for.
    pub fn filter(&self, school: SchoolId, today: Day) -> Result<OrderFilter, StaffOrderError> {
        let state = |text: &str| OrderFilter::STATES.into_iter().find(|state| *state == text);
        Ok(OrderFilter {
            day: Some(read("day", self.day.as_deref(), |text| text.parse().ok())?.unwrap_or(today)),
            state: read("state", self.state.as_deref(), state)?,
            purpose: read("purpose", self.purpose.as_deref(), Purpose::from_code)?,
            provider: read("provider", self.provider.as_deref(), Provider::from_code)?,
            ..OrderFilter::all(school)
        })
    }
}

fn read<T>(
    name: &'static str,
    text: Option<&str>,
    known: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StaffOrderError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| known(text).ok_or(StaffOrderError::BadFilter(name))).transpose()
}

impl OrderDetail {
    /// Whether the provider may know of it what we do not.
    pub fn is_unknown(&self) -> bool {
        Payments::is_unknown(&self.whole)
    }

    /// Whether a request for a refund of it waits to be decided.
    pub fn is_asked(&self, now: Timestamp) -> bool {
        let open = |request: &Approval| request.state_at(now) == ApprovalState::Requested;
        self.requests.iter().any(|request| request.kind == ApprovalKind::Refund && open(request))
    }

    /// Where its money is.
    pub fn standing(&self, now: Timestamp) -> MoneyStanding {
        MoneyStanding::of_order(&self.whole, self.is_asked(now), now)
    }
}

impl OrderDesk {
    /// The longest number that is looked for.
    const LONGEST_NUMBER: usize = 64;

    /// A page of orders of the member's school: two queries.
    pub async fn page(
        &self,
        filter: &OrderFilter,
        page: Keyset,
    ) -> Result<Vec<NamedOrder>, StaffOrderError> {
        self.named(filter.page(&self.db, page).await?).await
    }

    /// How many orders there are and what was paid for them, among the first `most`.
    pub async fn total(
        &self,
        filter: &OrderFilter,
        most: u32,
    ) -> Result<(u64, Fen), StaffOrderError> {
        Ok(filter.total(&self.db, most).await?)
    }

    /// Orders by a number, or its last eight characters or more: an order's, a payment's, a refund's or
    /// the provider's. Two that end alike are both found.
    pub async fn search(
        &self,
        member: &StaffMember,
        number: &str,
    ) -> Result<Vec<OrderId>, StaffOrderError> {
        let number = number.trim().trim_start_matches('…');
        let long = (WholeOrder::SHORTEST_END..=Self::LONGEST_NUMBER).contains(&number.len());
        if !long || !number.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StaffOrderError::BadNumber);
        }
        Ok(WholeOrder::ids_ending(&self.db, member.school, number).await?)
    }

    /// An order of the member's school.
    pub async fn find(
        &self,
        member: &StaffMember,
        id: OrderId,
    ) -> Result<OrderDetail, StaffOrderError> {
        let found = WholeOrder::of_school(&self.db, member.school, id).await?;
        let whole = found.ok_or(StaffOrderError::NotFound)?;
        let (school, person) = (whole.order.school, whole.order.person);
        let payments = whole.payments.iter().map(|payment| payment.id.uuid());
        let refunds = whole.refunds.iter().map(|refund| refund.id.uuid());
        let subjects = payments.chain(refunds).collect();
        let source = Source::Db(&self.db);
        let numbers = People::student_nos(source, school, &[person]).await?;
        let mut names = self.names(&[person]).await?;
        Ok(OrderDetail {
            refundable: self.refundable(&whole).await?,
            requests: approvals::of_subjects(&self.db, school, subjects).await?,
            person: names.remove(&person).unwrap_or_default(),
            person_no: numbers.get(&person).cloned().unwrap_or_default(),
            whole,
        })
    }

    /// The last entries of the log about an order of the member's school, newest first.
    pub async fn log(
        &self,
        member: &StaffMember,
        id: OrderId,
    ) -> Result<Vec<AuditLine>, StaffOrderError> {
        Ok(AuditLine::about(&self.db, member.school, &format!("order {id}"), LOGGED).await?)
    }

    /// What can be asked back of an order now.
    async fn refundable(&self, whole: &WholeOrder) -> Result<Option<Fen>, StaffOrderError> {
        if whole.order.state.paid_at().is_none() {
            return Ok(None);
        }
        let target = RefundTarget::Order(whole.order.id);
        match self.refunds.quote(whole.order.school, target).await {
            Ok(quote) => Ok(Some(quote.refundable)),
            Err(RefundRefusal::NoSuchPayment | RefundRefusal::NotRefundable) => Ok(None),
            Err(error) => Err(StaffOrderError::Refund(error)),
        }
    }

    async fn named(&self, orders: Vec<ListedOrder>) -> Result<Vec<NamedOrder>, StaffOrderError> {
        let persons: BTreeSet<PersonId> = orders.iter().map(|order| order.person).collect();
        let persons: Vec<PersonId> = persons.into_iter().collect();
        let names = self.names(&persons).await?;
        let with_name = |order: ListedOrder| {
            let person = names.get(&order.person).cloned().unwrap_or_default();
            NamedOrder { order, person }
        };
        Ok(orders.into_iter().map(with_name).collect())
    }

    /// The masked names of persons, in one query.
    async fn names(
        &self,
        persons: &[PersonId],
    ) -> Result<HashMap<PersonId, String>, StaffOrderError> {
        masked_names(&self.db, &self.sealer, persons).await
    }
}

/// The masked names of persons, in one query.
pub(super) async fn masked_names<E: From<SealError> + From<DbError>>(
    db: &Db,
    sealer: &Sealer,
    persons: &[PersonId],
) -> Result<HashMap<PersonId, String>, E> {
    let [found] = Source::Db(db).ask([People::summaries_question(persons)]).await?;
    let masked = People::summaries(&found)?
        .into_iter()
        .map(|(person, summary)| Ok((person, summary.masked_name(sealer)?)));
    masked.collect()
}
