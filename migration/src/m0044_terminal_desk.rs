//! What staff see and do about terminals: when each was last heard of, keys that are replaced while the
//! old one is still good, and merchants that are switched off.

use crate::columns::{big, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const CHANGES: [&str; 7] = [
    // How often the terminal, or a key or a merchant of it, was withdrawn: what a server decides on a copy
    // from before is not written.
    "ALTER TABLE terminal ADD COLUMN withdrawals bigint NOT NULL DEFAULT 0",
    // NULL until its first replacement: when it was added.
    "ALTER TABLE terminal ADD COLUMN key_set_at bigint",
    "ALTER TABLE terminal ADD COLUMN old_key {bytes}",
    "ALTER TABLE terminal ADD COLUMN old_key_until bigint",
    // NULL while it sells.
    "ALTER TABLE merchant ADD COLUMN disabled_at bigint",
    // What a terminal took on a day.
    "CREATE INDEX charge_of_terminal ON charge (terminal_id, day)",
    // When a provider was last heard of.
    "CREATE INDEX notification_of_school ON notification (school_id, provider, received_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let bytes = if postgres { "bytea" } else { "blob" };
        for sql in CHANGES {
            let sql = sql.replace("{bytes}", bytes);
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        contacts(manager).await
    }
}

/// Apart from `terminal`, whose rows are held by those who decide: this one is written every minute.
async fn contacts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let contact = Table::create()
        .table(Alias::new("terminal_contact"))
        .col(uuid("terminal_id").primary_key())
        .col(big("seen_at"))
        .to_owned();
    manager.create_table(contact).await?;
    let of_merchant = Index::create()
        .name("terminal_of_merchant")
        .table(Alias::new("terminal"))
        .col(Alias::new("merchant_id"))
        .to_owned();
    manager.create_index(of_merchant).await
}
