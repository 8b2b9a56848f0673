//! Which approvals allowed and ended a refund, what the provider says was given back in all, and the
//! payer's second id.

use crate::columns::{big_null, text_null, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ColumnDef, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait,
        SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 5] = [
    "CREATE UNIQUE INDEX refund_of_approval_once ON refund (approval_id) \
     WHERE approval_id IS NOT NULL",
    // The upkeep looks for sessions that ended long ago.
    "CREATE INDEX session_by_expiry ON session (expires_at)",
    "CREATE INDEX session_by_end ON session (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX staff_session_by_expiry ON staff_session (expires_at)",
    "CREATE INDEX staff_session_by_end ON staff_session (ended_at) WHERE ended_at IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "refund", uuid_null("approval_id")).await?;
        add(manager, "refund", uuid_null("ending_id")).await?;
        add(manager, "payment", text_null("payer_user_id")).await?;
        add(manager, "payment", big_null("given_back_fen")).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

/// SQLite adds one column at a time.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    let altered = Table::alter().table(Alias::new(table)).add_column(column).to_owned();
    manager.alter_table(altered).await
}
