//! A terminal: a till, a gate, a library desk, a water meter.

use sea_orm::entity::prelude::*;

/// A row of `terminal`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "terminal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub code: String,
    pub kind: String,
    pub public_key: Vec<u8>,
    pub merchant_id: Option<Uuid>,
    pub door_group: Option<String>,
    pub enabled: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub mac: Option<Vec<u8>>,
    pub withdrawals: i64,
    pub key_set_at: Option<i64>,
    pub old_key: Option<Vec<u8>>,
    pub old_key_until: Option<i64>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
