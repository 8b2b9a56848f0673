//! What happened to people, for their clients to hear of.

use crate::columns::{big, int, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// The first key also keeps two transactions from giving one number to two events; the second finds
/// what is old.
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let event = Table::create()
            .table(Alias::new("event"))
            .col(uuid("person_id"))
            .col(big("number").check(Expr::cust("number > 0")))
            .col(big("school_id"))
            .col(int("day"))
            .col(big("at"))
            .col(text("content"))
            .primary_key(Index::create().col(Alias::new("person_id")).col(Alias::new("number")))
            .to_owned();
        manager.create_table(event).await?;
        let by_day = Index::create()
            .name("event_day")
            .table(Alias::new("event"))
            .col(Alias::new("day"))
            .to_owned();
        manager.create_index(by_day).await
    }
}
