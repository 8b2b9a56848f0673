//! Orders of a school, as members of staff list and find them.

use super::{
    fact::Provider,
    order::{OrderId, WholeOrder},
    purpose::Purpose,
    store,
};
use crate::base::{
    clock::{Day, Timestamp},
    db::{Db, DbError, Keyset},
    ids::{PersonId, SchoolId},
    money::Fen,
};

/// Which orders of a school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFilter {
    /// The school.
    pub school: SchoolId,
    /// Made on this day in Beijing.
    pub day: Option<Day>,
    /// Of this person.
    pub person: Option<PersonId>,
    /// These alone.
    pub only: Option<Vec<OrderId>>,
    /// In this state: one of [`OrderFilter::STATES`].
    pub state: Option<&'static str>,
    /// For this.
    pub purpose: Option<Purpose>,
    /// Paid here; of an order that is not paid, last tried here.
    pub provider: Option<Provider>,
}

/// An order with what a list shows of its payments and refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedOrder {
    /// The order.
    pub id: OrderId,
    /// Who ordered.
    pub person: PersonId,
    /// What was ordered.
    pub purpose: Purpose,
    /// The price.
    pub amount: Fen,
    /// As [`WholeOrder::shown_state`].
    pub state: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it was paid; of an order that is not paid, where it was last tried.
    pub provider: Provider,
    /// The provider's number of the payment, once it is paid.
    pub transaction_id: Option<String>,
    /// What has gone back to the payer of what was credited.
    pub given_back: Fen,
}

impl OrderFilter {
    /// The states that orders are shown in.
    pub const STATES: [&'static str; 6] =
        ["awaiting_payment", "paid", "fulfilled", "closed", "refunding", "refunded"];

    /// All orders of a school.
    pub const fn all(school: SchoolId) -> Self {
        Self {
            school,
            day: None,
            person: None,
            only: None,
            state: None,
            purpose: None,
            provider: None,
        }
    }

    /// What came in and what went back in each hour of a day: by when it was paid and by when the provider
    /// said that it went back, as bills count it. One query.
    pub async fn money_by_hour(
        db: &Db,
        school: SchoolId,
        day: Day,
    ) -> Result<[[Fen; 2]; 24], DbError> {
        store::hours::of_day(db, school, day).await
    }

    /// A page of them, in one query.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<ListedOrder>, DbError> {
        store::listing::page(db, self, page).await
    }

    /// How many there are, and what was paid for them, in one query. No more than `most` are looked at.
    pub async fn total(&self, db: &Db, most: u32) -> Result<(u64, Fen), DbError> {
        store::listing::total(db, self, most).await
    }
}

impl WholeOrder {
    /// The shortest end of a number by which orders are found.
    pub const SHORTEST_END: usize = 8;

    /// An order of the person.
    pub async fn of_person(
        db: &Db,
        person: PersonId,
        id: OrderId,
    ) -> Result<Option<Self>, DbError> {
        store::of_person(db, person, id).await
    }

    /// Orders of the person, newest first, from below `before`.
    pub async fn page_of_person(
        db: &Db,
        person: PersonId,
        before: Option<OrderId>,
        limit: u64,
    ) -> Result<Vec<Self>, DbError> {
        store::page_of_person(db, person, before, limit).await
    }

    /// An order of the school.
    pub async fn of_school(
        db: &Db,
        school: SchoolId,
        id: OrderId,
    ) -> Result<Option<Self>, DbError> {
        store::of_school(db, school, id).await
    }

    /// Orders of the school with a number that ends so: their own, that of a payment or a refund, or the
    /// provider's of a payment. At most twenty. An end of fewer than [`WholeOrder::SHORTEST_END`]
    /// characters finds nothing.
    pub async fn ids_ending(db: &Db, school: SchoolId, end: &str) -> Result<Vec<OrderId>, DbError> {
        store::listing::ids_ending(db, school, end).await
    }
}
