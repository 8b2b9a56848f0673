//! A policy that is proposed and waits for a second person.

use sea_orm::entity::prelude::*;

/// A row of `policy_proposal`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_proposal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub approval_id: Uuid,
    pub school_id: i64,
    pub base_seq: i64,
    pub from_day: i32,
    pub policy: String,
    pub changed: String,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
