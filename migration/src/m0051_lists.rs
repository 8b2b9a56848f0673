//! The orders that lists of staff are read in.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 8] = [
    "CREATE INDEX approval_listed ON approval (school_id, id)",
    "CREATE INDEX approval_in_state ON approval (school_id, state, id)",
    "CREATE INDEX approval_by_login ON approval (school_id, asked_login, id)",
    "CREATE INDEX approval_by_staff_no ON approval (school_id, asked_no, id)",
    "CREATE INDEX merchant_listed ON merchant (school_id, id)",
    "CREATE INDEX staff_member_signed_in ON staff_member (school_id, COALESCE(signed_in_at, 0), id)",
    "CREATE INDEX bill_day_listed ON bill_day (school_id, day, id)",
    "CREATE INDEX door_right_listed ON door_right (school_id, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
