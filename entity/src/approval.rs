//! A request that needs a second person.

use sea_orm::entity::prelude::*;

/// A row of `approval`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "approval")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub kind: String,
    pub subject_id: Uuid,
    pub request_digest: Vec<u8>,
    pub amount_fen: i64,
    pub reason: String,
    pub asked_by: Uuid,
    pub asked_login: String,
    pub asked_no: String,
    pub ask_key: String,
    pub asked_at: i64,
    pub expires_at: i64,
    pub state: String,
    pub decided_by: Option<Uuid>,
    pub decided_login: Option<String>,
    pub decided_no: Option<String>,
    pub decided_why: Option<String>,
    pub decided_at: Option<i64>,
    pub result_id: Option<Uuid>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
