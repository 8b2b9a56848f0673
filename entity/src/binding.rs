//! The binding of an identity to a person.

use sea_orm::entity::prelude::*;

/// A row of `binding`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "binding")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub identity_id: Uuid,
    pub person_id: Uuid,
    pub school_id: i64,
    pub platform: String,
    pub consent_version: String,
    pub consent_items: String,
    pub bound_at: i64,
    pub ended_at: Option<i64>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
