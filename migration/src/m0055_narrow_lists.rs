//! What the narrow lists of staff are read by: accounts below zero, orders that did not end well, and the
//! orders of a provider.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: [&str; 4] = [
    // A column of its own, which hardly ever changes: an index with the balance in its condition would be
    // written with every charge.
    "ALTER TABLE account ADD COLUMN is_below BOOLEAN GENERATED ALWAYS AS (balance_fen < 0) {kept}",
    "CREATE INDEX account_below ON account (school_id, class, person_id) WHERE is_below",
    // Nearly all orders end fulfilled, and are found by the day.
    "CREATE INDEX orders_in_state ON orders (school_id, state, id) WHERE state <> 'fulfilled'",
    "CREATE INDEX payment_of_provider ON payment (school_id, provider, order_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        // SQLite adds no stored column to a table that exists; an index of it is kept all the same.
        let kept = if is_postgres { "STORED" } else { "VIRTUAL" };
        for statement in STATEMENTS {
            let statement = statement.replace("{kept}", kept);
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
