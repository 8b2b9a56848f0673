//! The phone number that a platform told of one of its users.

use sea_orm::entity::prelude::*;

/// A row of `identity_phone`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_phone")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub identity_id: Uuid,
    pub phone_sealed: Vec<u8>,
    pub proof_digest: Vec<u8>,
    pub consent_version: String,
    pub consented_at: i64,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
