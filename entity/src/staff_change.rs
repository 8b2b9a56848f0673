//! What an admin did to a login of a member of staff, or asked to do.

use sea_orm::entity::prelude::*;

/// A row of `staff_change`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub member_id: Uuid,
    pub act: String,
    pub roles_before: Option<String>,
    pub roles: Option<String>,
    pub by_id: Uuid,
    pub by_no: String,
    pub approval_id: Option<Uuid>,
    pub asked_at: i64,
    pub done_at: Option<i64>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
