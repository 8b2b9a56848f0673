//! What pages of staff show of the last check of the whole ledger, and who closed the bill of a day.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: [&str; 4] = [
    "CREATE INDEX audit_entry_of_checks ON audit_entry (position) \
     WHERE act IN ('ledger.proven', 'ledger.broken')",
    // Who looked at a day in which nothing differs, and when.
    "ALTER TABLE bill_day ADD COLUMN confirmed_by text",
    "ALTER TABLE bill_day ADD COLUMN confirmed_at bigint",
    // The few refunds of a day, apart from its payments.
    "CREATE INDEX bill_row_refunds ON bill_row (school_id, provider, merchant_number, day) \
     WHERE entry = 'refund'",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
