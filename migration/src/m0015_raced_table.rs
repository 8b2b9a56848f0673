//! A statement that is its own transaction, and undone because a row changed meanwhile, names the
//! table of that row.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            // 40001 is serialization_failure: what was read is no longer so; read again. The
            // function of two arguments is for the release before.
            db.execute_unprepared(
                "CREATE FUNCTION all_or_raced(wrote bigint, expected bigint, written text)
                 RETURNS bigint AS $$
                 BEGIN
                   IF wrote <> expected THEN
                     RAISE EXCEPTION 'a row of % changed meanwhile', written
                       USING ERRCODE = '40001', TABLE = written;
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
