//! A person on a school's roster.

use sea_orm::entity::prelude::*;

/// A row of `person`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub school_id: i64,
    pub student_no: String,
    pub name_sealed: Vec<u8>,
    pub id_number_sealed: Option<Vec<u8>>,
    pub id_number_index: Option<Vec<u8>>,
    pub phone_sealed: Option<Vec<u8>>,
    pub phone_index: Option<Vec<u8>>,
    pub name_index: Option<Vec<u8>>,
    pub index_key: String,
    pub kind: String,
    pub department: String,
    pub class_name: String,
    pub valid_until: Option<i32>,
    pub status: String,
    pub password_hash: Option<String>,
    pub roster_digest: Vec<u8>,
    pub created_at: i64,
    pub updated_at: i64,
    pub closed_at: Option<i64>,
    pub lost_at: Option<i64>,
    pub dormant_at: Option<i64>,
    pub consumption_hash: Option<String>,
    pub chip_sealed: Option<Vec<u8>>,
    pub lost_chip_sealed: Option<Vec<u8>>,
    pub password_slip_until: Option<i64>,
    pub password_slip_used_at: Option<i64>,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
