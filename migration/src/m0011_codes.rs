//! Devices that show codes, and the codes that were used.

use crate::columns::{big, big_null, bytes, int, text, text_null, uuid};
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
        devices(manager).await?;
        uses(manager).await
    }
}

/// A row for each phone of a person and channel, and one for each stand-in of a phone that cannot
/// compute. Enrolling again raises the generation and gives a new salt: the keys of before are
/// gone.
async fn devices(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let device = Table::create()
        .table(Alias::new("device"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("person_id"))
        .col(text("channel"))
        .col(text("kind").check(Expr::cust("kind IN ('phone', 'server')")))
        .col(bytes("client_digest"))
        .col(text_null("name"))
        .col(bytes("salt"))
        .col(big("generation").check(Expr::cust("generation > 0")))
        .col(int("step_seconds"))
        .col(text("master_key_id"))
        .col(big("enrolled_at"))
        .col(big("expires_at"))
        .col(big("last_seen_at"))
        .col(big("stale_at"))
        .col(big_null("ended_at"))
        .col(text_null("ended_why"))
        .col(big("changed_at"))
        .to_owned();
    manager.create_table(device).await?;
    let indexes = [
        "CREATE UNIQUE INDEX device_once ON device (person_id, channel, kind, client_digest)",
        "CREATE UNIQUE INDEX device_live ON device (person_id, channel, kind) \
         WHERE ended_at IS NULL",
        // For filling the table of handles, and for what changed since.
        "CREATE INDEX device_filling ON device (school_id, id) WHERE ended_at IS NULL",
        "CREATE INDEX device_changed ON device (school_id, changed_at)",
        "CREATE INDEX device_expiring ON device (expires_at) WHERE ended_at IS NULL",
    ];
    for index in indexes {
        manager.get_connection().execute_unprepared(index).await?;
    }
    Ok(())
}

/// The key begins with the time of the code's step, so that it grows at one end and what is too
/// old to matter is removed from the other.
async fn uses(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let code_use = Table::create()
        .table(Alias::new("code_use"))
        .col(big("shown_at"))
        .col(uuid("device_id"))
        .col(big("generation"))
        .col(text("purpose").check(Expr::cust("purpose IN ('pay', 'id')")))
        .col(text("scope"))
        .col(int("sub").check(Expr::cust("sub BETWEEN 0 AND 3")))
        .col(big("tick"))
        .col(big("school_id"))
        .col(int("day"))
        .col(big("used_at"))
        .primary_key(
            Index::create()
                .col(Alias::new("shown_at"))
                .col(Alias::new("device_id"))
                .col(Alias::new("generation"))
                .col(Alias::new("purpose"))
                .col(Alias::new("scope"))
                .col(Alias::new("sub")),
        )
        .to_owned();
    manager.create_table(code_use).await
}
