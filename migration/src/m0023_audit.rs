//! The audit log: who did what to whom, when and why, each entry chained to the one before.

use crate::columns::{big, bytes, bytes_null, text};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

/// Everything but the MAC, which `rekey mac` makes anew under another key.
const FINAL: &str = "position, at, who, act, school_id, subject, detail, why, hash";

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let entry = Table::create()
            .table(Alias::new("audit_entry"))
            .col(big("position").primary_key())
            .col(big("at"))
            .col(text("who"))
            .col(text("act"))
            // 0 where it concerns all schools.
            .col(big("school_id"))
            .col(text("subject"))
            .col(text("detail"))
            .col(text("why"))
            .col(bytes("hash"))
            .col(bytes_null("mac"))
            .to_owned();
        manager.create_table(entry).await?;
        // One row, which each writer locks: entries follow each other without a gap.
        let head = Table::create()
            .table(Alias::new("audit_head"))
            .col(big("id").primary_key())
            .col(big("position"))
            .col(bytes("hash"))
            .to_owned();
        manager.create_table(head).await?;
        let db = manager.get_connection();
        let zeros = "00".repeat(32);
        let hash = if manager.get_database_backend() == DbBackend::Postgres {
            format!("'\\x{zeros}'::bytea")
        } else {
            format!("x'{zeros}'")
        };
        db.execute_unprepared(&format!(
            "INSERT INTO audit_head (id, position, hash) VALUES (1, 0, {hash})"
        ))
        .await?;
        forbid_changes(manager).await
    }
}

async fn forbid_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(&format!(
            "CREATE TRIGGER audit_entry_is_final BEFORE UPDATE OF {FINAL} OR DELETE ON audit_entry
             FOR EACH ROW EXECUTE FUNCTION history_is_final();
             CREATE TRIGGER audit_entry_is_whole BEFORE TRUNCATE ON audit_entry
             FOR EACH STATEMENT EXECUTE FUNCTION history_is_final();"
        ))
        .await?;
    } else {
        for (name, act) in [("update", format!("UPDATE OF {FINAL}")), ("delete", "DELETE".into())] {
            db.execute_unprepared(&format!(
                "CREATE TRIGGER audit_entry_no_{name} BEFORE {act} ON audit_entry
                 BEGIN SELECT RAISE(ABORT, 'rows of audit_entry are final'); END;"
            ))
            .await?;
        }
    }
    Ok(())
}
