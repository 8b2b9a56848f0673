//! A user of a mini-program platform.

use sea_orm::entity::prelude::*;

/// A row of `identity`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub platform: String,
    pub app_id: String,
    pub openid: Option<String>,
    pub user_id: Option<String>,
    pub created_at: i64,
    pub last_login_at: i64,
    pub mac: Option<Vec<u8>>,
}

/// None: slices join what they need.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
