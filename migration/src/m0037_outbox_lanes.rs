//! Due jobs of the outbox are read kind by kind.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let due = "CREATE INDEX outbox_due_of ON outbox (kind, due_at) WHERE state = 'waiting'";
        connection.execute_unprepared(due).await?;
        connection.execute_unprepared("DROP INDEX outbox_due").await?;
        Ok(())
    }
}
