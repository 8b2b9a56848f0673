//! A terminal's request and its response.

use sea_orm::entity::prelude::*;

/// A row of `terminal_answer`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "terminal_answer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub terminal_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub step: i32,
    pub school_id: i64,
    pub day: i32,
    pub kind: String,
    pub nonce: String,
    pub signature_digest: Vec<u8>,
    pub content_digest: Vec<u8>,
    pub status: i32,
    pub body: Vec<u8>,
    pub answered_at: i64,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
