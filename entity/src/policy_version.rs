//! A version of a school's policy.

use sea_orm::entity::prelude::*;

/// A row of `policy_version`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub school_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub version: i64,
    pub policy: String,
    pub from_day: i32,
    pub source: String,
    pub proposed_by: String,
    pub approved_by: Option<String>,
    pub reason: String,
    pub approval_id: Option<Uuid>,
    pub form_key: Option<String>,
    pub recorded_at: i64,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
