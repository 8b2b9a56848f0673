//! A case for staff to review.

use sea_orm::entity::prelude::*;

/// A row of `review_case`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review_case")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub person_id: Option<Uuid>,
    pub kind: String,
    pub subject: String,
    pub detail: String,
    pub opened_at: i64,
    pub closed_at: Option<i64>,
    pub payment_id: Option<Uuid>,
    pub refund_id: Option<Uuid>,
    pub amount_fen: i64,
    pub taken_login: Option<String>,
    pub taken_no: Option<String>,
    pub taken_at: Option<i64>,
    pub active_at: Option<i64>,
    pub closed_login: Option<String>,
    pub closed_no: Option<String>,
    pub resolution: Option<String>,
    pub version: i64,
    /// Generated: what happened.
    pub what: Option<String>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
