//! Until when the secret on a slip of staff signs in.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// NULL for secrets of one's own, and for slips from before: those have no end.
const STATEMENT: &str = "ALTER TABLE staff_member ADD COLUMN slip_until bigint";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(STATEMENT).await?;
        Ok(())
    }
}
