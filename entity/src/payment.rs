//! An attempt to pay an order.

use sea_orm::entity::prelude::*;

/// A row of `payment`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub school_id: i64,
    pub provider: String,
    pub merchant: String,
    pub app_id: String,
    pub payer: String,
    pub amount_fen: i64,
    pub state: String,
    pub transaction_id: Option<String>,
    pub created_at: i64,
    pub paid_at: Option<i64>,
    pub look_at: i64,
    pub payer_user_id: Option<String>,
    pub given_back_fen: Option<i64>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
