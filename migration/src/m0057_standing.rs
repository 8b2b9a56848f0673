//! Who compares a day of bills just now, and how the work in the background went.

use crate::columns::{big, big_null, int, text, text_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// The few entries of who reveals much, apart from all others.
const MANY_REVEALS: &str = "CREATE INDEX audit_entry_of_many_reveals ON audit_entry \
    (school_id, position) WHERE act = 'person.revealed_often'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        holds(manager).await?;
        jobs(manager).await?;
        manager.get_connection().execute_unprepared(MANY_REVEALS).await?;
        Ok(())
    }
}

/// A day is compared by one at a time; a row of a process that was killed counts for some minutes.
async fn holds(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let name = |name| Alias::new(name);
    let key = ["school_id", "provider", "merchant_number", "day"];
    let mut once = Index::create();
    once.primary();
    for column in key {
        once.col(name(column));
    }
    let table = Table::create()
        .table(Alias::new("bill_hold"))
        .col(big("school_id"))
        .col(text("provider"))
        .col(text("merchant_number"))
        .col(int("day"))
        .col(text("token"))
        .col(big("held_until"))
        .primary_key(&mut once)
        .to_owned();
    manager.create_table(table).await
}

/// A job by its name, whatever server it runs at. `failed_at` and `failure` are of its last failure, `failing_since`
/// is set while it fails.
async fn jobs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table(Alias::new("job_run"))
        .col(text("name").primary_key())
        .col(big_null("done_at"))
        .col(big_null("failed_at"))
        .col(text_null("failure"))
        .col(big_null("failing_since"))
        .to_owned();
    manager.create_table(table).await
}
