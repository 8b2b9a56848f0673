//! What admins did to logins of staff, and requests that are about no money.

use crate::columns::{big, big_null, bytes_null, text, text_null, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const POSTGRES: [&str; 2] = [
    "ALTER TABLE approval DROP CONSTRAINT approval_amount_fen_check",
    "ALTER TABLE approval ADD CONSTRAINT approval_amount_fen_check CHECK (amount_fen >= 0)",
];

/// SQLite cannot change a check: the table is made anew, with its indexes.
const SQLITE: [&str; 11] = [
    "BEGIN IMMEDIATE",
    "CREATE TABLE approval_new (id uuid_text NOT NULL PRIMARY KEY, school_id integer NOT NULL, \
     kind text NOT NULL, subject_id uuid_text NOT NULL, request_digest blob NOT NULL, \
     amount_fen integer NOT NULL CHECK (amount_fen >= 0), reason text NOT NULL, \
     asked_by uuid_text NOT NULL, asked_login text NOT NULL, asked_no text NOT NULL, \
     ask_key text NOT NULL, asked_at integer NOT NULL, expires_at integer NOT NULL, \
     state text NOT NULL CHECK \
     (state IN ('requested', 'approved', 'rejected', 'withdrawn', 'expired')), \
     decided_by uuid_text, decided_login text, decided_no text, decided_why text, \
     decided_at integer, result_id uuid_text, mac blob, \
     CHECK ((decided_by IS NULL) = (state IN ('requested', 'expired'))), \
     CHECK (state <> 'approved' OR (decided_by <> asked_by AND decided_no <> asked_no)))",
    "INSERT INTO approval_new (id, school_id, kind, subject_id, request_digest, amount_fen, reason, \
     asked_by, asked_login, asked_no, ask_key, asked_at, expires_at, state, decided_by, \
     decided_login, decided_no, decided_why, decided_at, result_id, mac) \
     SELECT id, school_id, kind, subject_id, request_digest, amount_fen, reason, asked_by, \
     asked_login, asked_no, ask_key, asked_at, expires_at, state, decided_by, decided_login, \
     decided_no, decided_why, decided_at, result_id, mac FROM approval",
    "DROP TABLE approval",
    "ALTER TABLE approval_new RENAME TO approval",
    "CREATE UNIQUE INDEX approval_live_once ON approval (school_id, kind, subject_id) \
     WHERE state = 'requested'",
    "CREATE UNIQUE INDEX approval_key_once ON approval (asked_by, ask_key)",
    "CREATE INDEX approval_due ON approval (expires_at) WHERE state = 'requested'",
    "CREATE INDEX approval_list ON approval (school_id, kind, id)",
    "CREATE INDEX approval_of_subject ON approval (subject_id)",
    "COMMIT",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let statements: &[&str] =
            if manager.get_database_backend() == DbBackend::Postgres { &POSTGRES } else { &SQLITE };
        // In one call, which is on one connection: another one of the pool may still know the indexes of
        // the dropped table.
        db.execute_unprepared(&statements.join(";\n")).await?;
        let change = Table::create()
            .table(Alias::new("staff_change"))
            .col(uuid("id").primary_key())
            .col(uuid("member_id"))
            .col(text("act"))
            // What the roles were when it was asked for, and what they become; NULL for what changes none.
            .col(text_null("roles_before"))
            .col(text_null("roles"))
            .col(uuid("by_id"))
            .col(text("by_no"))
            .col(uuid_null("approval_id"))
            .col(big("asked_at"))
            // NULL until a second person approves it.
            .col(big_null("done_at"))
            .col(bytes_null("mac"))
            .to_owned();
        manager.create_table(change).await?;
        for index in [
            "CREATE INDEX staff_change_of_member ON staff_change (member_id, done_at)",
            "CREATE UNIQUE INDEX staff_change_of_approval ON staff_change (approval_id) \
             WHERE approval_id IS NOT NULL",
            "CREATE INDEX approval_of_asker ON approval (asked_by) WHERE state = 'requested'",
        ] {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }
}
