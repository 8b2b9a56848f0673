//! A device that shows codes.

use sea_orm::entity::prelude::*;

/// A row of `device`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub person_id: Uuid,
    pub channel: String,
    pub kind: String,
    pub client_digest: Vec<u8>,
    pub name: Option<String>,
    pub salt: Vec<u8>,
    pub generation: i64,
    pub step_seconds: i32,
    pub master_key_id: String,
    pub enrolled_at: i64,
    pub expires_at: i64,
    pub last_seen_at: i64,
    pub stale_at: i64,
    pub ended_at: Option<i64>,
    pub ended_why: Option<String>,
    pub changed_at: i64,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
