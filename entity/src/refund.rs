//! Money of a payment that goes back.

use sea_orm::entity::prelude::*;

/// A row of `refund`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub person_id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub provider: String,
    pub merchant_number: String,
    pub transaction_id: String,
    pub refund_number: String,
    pub amount_fen: i64,
    pub total_fen: i64,
    pub why: String,
    pub source: String,
    pub state: String,
    pub day: i32,
    pub created_at: i64,
    pub approved_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub returned_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub ended_by_provider: bool,
    pub provider_refund_id: String,
    pub approval_id: Option<Uuid>,
    pub ending_id: Option<Uuid>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
