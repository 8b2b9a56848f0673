//! Versions of policies, and what is proposed; why a message was not taken.

use crate::columns::{big, int, text, text_null, uuid, uuid_null};
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

/// What is in force becomes the first version of each school. Days are those of Asia/Shanghai.
const FIRST: [&str; 2] = [
    "INSERT INTO policy_version (school_id, seq, version, policy, from_day, source, proposed_by, \
     reason, recorded_at) SELECT id, 1, policy_version, policy, \
     CAST((updated_at / 1000000 + 28800) / 86400 AS integer), 'file', 'onecard', '', updated_at \
     FROM school",
    "UPDATE school SET policy_seq = 1",
];

const POSTGRES: &str = "CREATE TRIGGER policy_version_is_final BEFORE UPDATE OR DELETE ON \
    policy_version FOR EACH ROW EXECUTE FUNCTION history_is_final(); \
    CREATE TRIGGER policy_version_is_whole BEFORE TRUNCATE ON policy_version \
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_final();";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let version = Table::create()
            .table(Alias::new("policy_version"))
            .col(big("school_id"))
            // Counts from 1; the number of the policy itself may fall back with a file that replaces.
            .col(big("seq"))
            .col(big("version"))
            .col(text("policy"))
            .col(int("from_day"))
            .col(text("source"))
            .col(text("proposed_by"))
            .col(text_null("approved_by"))
            .col(text("reason"))
            .col(uuid_null("approval_id"))
            // Login and key of a form that two clicks sent.
            .col(text_null("form_key"))
            .col(big("recorded_at"))
            .primary_key(Index::create().col(Alias::new("school_id")).col(Alias::new("seq")))
            .to_owned();
        manager.create_table(version).await?;
        let proposal = Table::create()
            .table(Alias::new("policy_proposal"))
            .col(uuid("approval_id").primary_key())
            .col(big("school_id"))
            .col(big("base_seq"))
            .col(int("from_day"))
            .col(text("policy"))
            .to_owned();
        manager.create_table(proposal).await?;
        db.execute_unprepared("ALTER TABLE school ADD COLUMN policy_seq bigint NOT NULL DEFAULT 0")
            .await?;
        for statement in FIRST {
            db.execute_unprepared(statement).await?;
        }
        // Why a message was not taken, and those that were not, newest last.
        for statement in [
            "ALTER TABLE outbox ADD COLUMN reason text",
            "CREATE INDEX outbox_refused ON outbox (school_id, id) WHERE state = 'refused'",
        ] {
            db.execute_unprepared(statement).await?;
        }
        db.execute_unprepared(
            "CREATE UNIQUE INDEX policy_version_form ON policy_version (school_id, form_key) \
             WHERE form_key IS NOT NULL",
        )
        .await?;
        forbid_changes(manager).await
    }
}

async fn forbid_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(POSTGRES).await?;
        return Ok(());
    }
    for act in ["UPDATE", "DELETE"] {
        db.execute_unprepared(&format!(
            "CREATE TRIGGER policy_version_no_{act} BEFORE {act} ON policy_version
             BEGIN SELECT RAISE(ABORT, 'rows of policy_version are final'); END;"
        ))
        .await?;
    }
    Ok(())
}
