//! What the counter does for people: passwords on slips, and the classes of counsellors.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const STATEMENTS: [&str; 3] = [
    // The password in force is one that a slip told, good until then; NULL for every other.
    "ALTER TABLE person ADD COLUMN password_slip_until bigint",
    // When somebody bound or signed in with it.
    "ALTER TABLE person ADD COLUMN password_slip_used_at bigint",
    // Whom a counsellor sees: names of classes, one a line.
    "ALTER TABLE staff_member ADD COLUMN classes text",
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
