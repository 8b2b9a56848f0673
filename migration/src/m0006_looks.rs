//! When an open payment is looked at next, which messages the provider is still to be asked about,
//! and how old idempotency keys are found.
//!
//! A zero comes from the release before: such a payment is due, such a message asks nothing.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: [&str; 5] = [
    "ALTER TABLE payment ADD COLUMN look_at bigint NOT NULL DEFAULT 0",
    "CREATE INDEX payment_due ON payment (look_at) WHERE state = 'open'",
    "ALTER TABLE notification ADD COLUMN ask_at bigint NOT NULL DEFAULT 0",
    "CREATE INDEX notification_due ON notification (ask_at) WHERE ask_at > 0",
    "CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at)",
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
