//! What members of staff were refused since the log last told it, and what a proposed policy changes.

use crate::columns::{big, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
};

/// The keys of the fields that a proposal changes, for lists; none of an older one.
const CHANGED: &str = "ALTER TABLE policy_proposal ADD COLUMN changed text NOT NULL DEFAULT ''";

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A row for each login and reason, so that there are never more of them than those. `told_at` is of the
    /// last entry of the log, `untold` how many came after it.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = |name| Alias::new(name);
        let mut once = Index::create();
        once.primary().col(name("member_id")).col(name("reason"));
        let table = Table::create()
            .table(name("staff_refusal"))
            .col(uuid("member_id"))
            .col(text("reason"))
            .col(big("school_id"))
            .col(text("login"))
            .col(text("staff_no"))
            .col(text("asked"))
            .col(big("told_at"))
            .col(big("untold"))
            .primary_key(&mut once)
            .to_owned();
        manager.create_table(table).await?;
        manager.get_connection().execute_unprepared(CHANGED).await?;
        Ok(())
    }
}
