//! A provider's message, as received.

use sea_orm::entity::prelude::*;

/// A row of `notification`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub provider: String,
    pub notification_id: String,
    pub out_trade_no: String,
    pub transaction_id: String,
    pub verdict: String,
    pub body: Vec<u8>,
    pub received_at: i64,
    pub ask_at: i64,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
