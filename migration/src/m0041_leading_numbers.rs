//! Indexes that lead with the number by which rows are looked up, hundreds at a time. Where the school or the
//! provider leads, a database without statistics reads all of its rows for each statement.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// Under a new name: a connection of SQLite that did not drop an index may still know it.
const INDEXES: [&str; 3] = [
    "CREATE UNIQUE INDEX bill_row_of_number_once ON bill_row (number, merchant_number, provider)",
    "DROP INDEX bill_row_once",
    "CREATE INDEX person_by_student_no ON person (student_no)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
