//! The ledger: accounts, transfers with their legs, the seal and what still waits for it.
//!
//! There are no foreign keys here: `verify` proves every reference, and a posting does not pay for
//! looking them up. Rows of the history refuse to be changed, by trigger.

use crate::columns::{big, bytes, int, text, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait,
        SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

/// Tables whose rows stay as they were written.
const HISTORY: [&str; 3] = ["transfer", "leg", "seal"];

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        accounts(manager).await?;
        transfers(manager).await?;
        seals(manager).await?;
        for table in HISTORY {
            forbid_changes(manager, table).await?;
        }
        Ok(())
    }
}

async fn accounts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let account = Table::create()
        .table(Alias::new("account"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid_null("person_id"))
        .col(text("path"))
        .col(int("class"))
        .col(big("balance_fen"))
        .to_owned();
    manager.create_table(account).await?;
    let by_person = Index::create()
        .name("account_by_person")
        .table(Alias::new("account"))
        .col(Alias::new("person_id"))
        .to_owned();
    manager.create_index(by_person).await
}

async fn transfers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let transfer = Table::create()
        .table(Alias::new("transfer"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("batch_id"))
        .col(int("ordinal"))
        .col(text("kind"))
        .col(text("reference"))
        .col(uuid_null("person_id"))
        .col(int("nature"))
        .col(big("at"))
        .col(int("value_day"))
        .col(bytes("digest"))
        .to_owned();
    manager.create_table(transfer).await?;
    let once = Index::create()
        .name("transfer_once")
        .table(Alias::new("transfer"))
        .col(Alias::new("school_id"))
        .col(Alias::new("kind"))
        .col(Alias::new("reference"))
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let by_batch = Index::create()
        .name("transfer_by_batch")
        .table(Alias::new("transfer"))
        .col(Alias::new("batch_id"))
        .to_owned();
    manager.create_index(by_batch).await?;
    let by_person = Index::create()
        .name("transfer_by_person")
        .table(Alias::new("transfer"))
        .col(Alias::new("person_id"))
        .col(Alias::new("id"))
        .to_owned();
    manager.create_index(by_person).await?;
    let leg = Table::create()
        .table(Alias::new("leg"))
        .col(uuid("transfer_id"))
        .col(int("ordinal"))
        .col(uuid("from_account"))
        .col(uuid("to_account"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .primary_key(Index::create().col(Alias::new("transfer_id")).col(Alias::new("ordinal")))
        .to_owned();
    manager.create_table(leg).await
}

async fn seals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let unsealed = Table::create()
        .table(Alias::new("unsealed"))
        .col(uuid("batch_id").primary_key())
        .col(big("school_id"))
        .col(int("transfers"))
        .col(bytes("digest"))
        .to_owned();
    manager.create_table(unsealed).await?;
    let tail = Table::create()
        .table(Alias::new("tail"))
        .col(uuid("batch_id"))
        .col(uuid("account_id"))
        .col(big("delta_fen"))
        .primary_key(Index::create().col(Alias::new("batch_id")).col(Alias::new("account_id")))
        .to_owned();
    manager.create_table(tail).await?;
    let seal = Table::create()
        .table(Alias::new("seal"))
        .col(big("school_id"))
        .col(big("position"))
        .col(uuid("batch_id").unique_key())
        .col(int("transfers"))
        .col(bytes("digest"))
        .col(big("sealed_at"))
        .col(bytes("hash"))
        .primary_key(Index::create().col(Alias::new("school_id")).col(Alias::new("position")))
        .to_owned();
    manager.create_table(seal).await?;
    let head = Table::create()
        .table(Alias::new("seal_head"))
        .col(big("school_id").primary_key())
        .col(big("position"))
        .col(bytes("hash"))
        .to_owned();
    manager.create_table(head).await
}

/// History is appended to, never changed: the database says so itself.
async fn forbid_changes(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(&format!(
            "CREATE OR REPLACE FUNCTION history_is_final() RETURNS trigger AS $$
             BEGIN RAISE EXCEPTION 'rows of % are final', TG_TABLE_NAME; END;
             $$ LANGUAGE plpgsql;
             CREATE TRIGGER {table}_is_final BEFORE UPDATE OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION history_is_final();
             CREATE TRIGGER {table}_is_whole BEFORE TRUNCATE ON {table}
             FOR EACH STATEMENT EXECUTE FUNCTION history_is_final();"
        ))
        .await?;
    } else {
        for act in ["UPDATE", "DELETE"] {
            db.execute_unprepared(&format!(
                "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table}
                 BEGIN SELECT RAISE(ABORT, 'rows of {table} are final'); END;"
            ))
            .await?;
        }
    }
    Ok(())
}
