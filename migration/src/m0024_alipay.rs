//! Identities of Alipay: a user has an open id, a user id, or both, each once within an app.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const POSTGRES: [&str; 3] = [
    "ALTER TABLE identity ALTER COLUMN openid DROP NOT NULL",
    "ALTER TABLE identity ADD COLUMN user_id text",
    "ALTER TABLE identity ADD CONSTRAINT identity_named \
     CHECK (openid IS NOT NULL OR user_id IS NOT NULL)",
];

/// SQLite cannot drop NOT NULL: the table is made anew, with its index.
const SQLITE: [&str; 7] = [
    "BEGIN IMMEDIATE",
    "CREATE TABLE identity_new (id uuid_text NOT NULL PRIMARY KEY, platform text NOT NULL, \
     app_id text NOT NULL, openid text, created_at bigint NOT NULL, last_login_at bigint NOT NULL, \
     mac blob, user_id text, CHECK (openid IS NOT NULL OR user_id IS NOT NULL))",
    "INSERT INTO identity_new (id, platform, app_id, openid, created_at, last_login_at, mac) \
     SELECT id, platform, app_id, openid, created_at, last_login_at, mac FROM identity",
    "DROP TABLE identity",
    "ALTER TABLE identity_new RENAME TO identity",
    "CREATE UNIQUE INDEX identity_once ON identity (platform, app_id, openid)",
    "COMMIT",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let statements: &[&str] =
            if manager.get_database_backend() == DbBackend::Postgres { &POSTGRES } else { &SQLITE };
        // In one call, which is on one connection: another one of the pool may still know the index of
        // the dropped table, and SQLite then refuses the new one under its name.
        db.execute_unprepared(&statements.join(";\n")).await?;
        db.execute_unprepared(
            "CREATE UNIQUE INDEX identity_user_once ON identity (platform, app_id, user_id) \
             WHERE user_id IS NOT NULL",
        )
        .await?;
        Ok(())
    }
}
