//! A login of a member of staff.

use sea_orm::entity::prelude::*;

/// A row of `staff_member`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub login: String,
    pub staff_no: String,
    pub roles: String,
    pub password_hash: String,
    pub factor_sealed: Vec<u8>,
    pub factor_printed: bool,
    pub offered_sealed: Option<Vec<u8>>,
    pub factor_step: i64,
    pub enabled: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub signed_in_at: Option<i64>,
    pub mac: Option<Vec<u8>>,
    pub recovery_hashes: Option<Vec<u8>>,
    pub work_id: Option<String>,
    pub classes: Option<String>,
    pub slip_until: Option<i64>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
