//! A version on each account, so that a posting may be decided without locks and written only if
//! nobody has posted to its persons meanwhile.

use crate::columns::big;
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let version = Table::alter()
            .table(Alias::new("account"))
            .add_column(big("version").default(0))
            .to_owned();
        manager.alter_table(version).await?;
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            // Free space in each page lets a moved balance stay where its indexes point.
            // Kinds and references are compared for being equal, never sorted for people.
            // Nobody looks a transfer up by its id alone, and the key of its legs, of which it has at
            // least one, keeps the id unique.
            // 40001 is serialization_failure: what was read is no longer so; read again.
            db.execute_unprepared(
                "ALTER TABLE account SET (fillfactor = 70);
                 ALTER TABLE transfer ALTER COLUMN kind TYPE text COLLATE \"C\",
                   ALTER COLUMN reference TYPE text COLLATE \"C\";
                 ALTER TABLE transfer DROP CONSTRAINT transfer_pkey;
                 CREATE FUNCTION all_or_raced(wrote bigint, expected bigint) RETURNS bigint AS $$
                 BEGIN
                   IF wrote <> expected THEN
                     RAISE EXCEPTION 'a row changed meanwhile' USING ERRCODE = '40001';
                   END IF;
                   RETURN wrote;
                 END;
                 $$ LANGUAGE plpgsql VOLATILE;",
            )
            .await?;
        }
        Ok(())
    }
}
