//! A merchant: a canteen, a shop.

use sea_orm::entity::prelude::*;

/// A row of `merchant`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "merchant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub code: String,
    pub name: String,
    pub created_at: i64,
    pub mac: Option<Vec<u8>>,
    pub disabled_at: Option<i64>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
