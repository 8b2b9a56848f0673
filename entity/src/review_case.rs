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
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
