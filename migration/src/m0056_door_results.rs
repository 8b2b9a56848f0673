//! The log of doors is found by its results, of which some are rare.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENT: &str = "CREATE INDEX access_log_by_result ON access_log (school_id, decision, id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(STATEMENT).await?;
        Ok(())
    }
}
