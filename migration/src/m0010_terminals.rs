//! Merchants, terminals, and what terminals were answered.

use crate::columns::{big, bytes, flag, int, text, text_null, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, ForeignKey, Index,
        MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        merchants(manager).await?;
        terminals(manager).await?;
        answers(manager).await
    }
}

async fn merchants(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let merchant = Table::create()
        .table(Alias::new("merchant"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("code"))
        .col(text("name"))
        .col(big("created_at"))
        .to_owned();
    manager.create_table(merchant).await?;
    let once = Index::create()
        .name("merchant_once")
        .table(Alias::new("merchant"))
        .col(Alias::new("school_id"))
        .col(Alias::new("code"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

async fn terminals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let terminal = Table::create()
        .table(Alias::new("terminal"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("code"))
        .col(text("kind").check(Expr::cust("kind IN ('pos', 'gate', 'library', 'water')")))
        .col(bytes("public_key"))
        .col(uuid_null("merchant_id"))
        .col(text_null("door_group"))
        .col(flag("enabled"))
        .col(big("created_at"))
        .col(big("updated_at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("terminal"), Alias::new("merchant_id"))
                .to(Alias::new("merchant"), Alias::new("id")),
        )
        .to_owned();
    manager.create_table(terminal).await?;
    let once = Index::create()
        .name("terminal_once")
        .table(Alias::new("terminal"))
        .col(Alias::new("school_id"))
        .col(Alias::new("code"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

/// The first key finds a repeat and, by its head, the last number; the second a nonce that was
/// used. `step` tells apart the requests that one number may have: 0 the act, 1 the act with its
/// password, 2 its reversal.
async fn answers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let answer = Table::create()
        .table(Alias::new("terminal_answer"))
        .col(uuid("terminal_id"))
        .col(big("seq").check(Expr::cust("seq > 0")))
        .col(int("step").check(Expr::cust("step IN (0, 1, 2)")))
        .col(big("school_id"))
        .col(int("day"))
        .col(text("kind"))
        .col(text("nonce"))
        .col(bytes("signature_digest"))
        .col(bytes("content_digest"))
        .col(int("status"))
        .col(bytes("body"))
        .col(big("answered_at"))
        .primary_key(
            Index::create()
                .col(Alias::new("terminal_id"))
                .col(Alias::new("seq"))
                .col(Alias::new("step")),
        )
        .to_owned();
    manager.create_table(answer).await?;
    // A number that a reversal took before its act came has no nonce of its own.
    let once = "CREATE UNIQUE INDEX terminal_nonce_once ON terminal_answer (terminal_id, nonce) \
        WHERE nonce <> ''";
    manager.get_connection().execute_unprepared(once).await?;
    Ok(())
}
