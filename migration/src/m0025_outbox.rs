//! What is to be told to somebody else after the commit that made it due.

use crate::columns::{big, int, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait,
        SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let outbox = Table::create()
            .table(Alias::new("outbox"))
            .col(uuid("id").primary_key())
            .col(big("school_id"))
            .col(text("kind"))
            .col(text("subject"))
            .col(int("day"))
            .col(big("created_at"))
            // When it is due; under a lease, when the lease ends.
            .col(big("due_at"))
            // 0 without one.
            .col(big("leased_until"))
            .col(int("tries"))
            .col(text("state").check(Expr::cust("state IN ('waiting', 'done', 'refused')")))
            .to_owned();
        manager.create_table(outbox).await?;
        let once = Index::create()
            .name("outbox_once")
            .table(Alias::new("outbox"))
            .col(Alias::new("kind"))
            .col(Alias::new("subject"))
            .unique()
            .to_owned();
        manager.create_index(once).await?;
        let due = "CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting'";
        manager.get_connection().execute_unprepared(due).await?;
        Ok(())
    }
}
