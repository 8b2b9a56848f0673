//! What staff find people by: the beginning of a number, a digest of the name or the phone; and lists by
//! state, department and class, in the order of numbers.

use crate::columns::bytes_null;
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// `{no}` is the number in the order of its bytes, whatever the database's own order is: a beginning is a
/// range of that order.
const INDEXES: [&str; 9] = [
    "CREATE INDEX person_in_order ON person (school_id, {no})",
    "CREATE INDEX person_of_department ON person (school_id, department, {no})",
    "CREATE INDEX person_of_class ON person (school_id, class_name, {no})",
    "CREATE INDEX person_lost ON person (school_id, {no}) WHERE lost_at IS NOT NULL",
    "CREATE INDEX person_dormant ON person (school_id, {no}) WHERE dormant_at IS NOT NULL",
    "CREATE INDEX person_closed ON person (school_id, {no}) WHERE status = 'closed'",
    "CREATE INDEX person_ending ON person (school_id, valid_until) WHERE valid_until IS NOT NULL",
    "CREATE INDEX person_by_phone ON person (phone_index) WHERE phone_index IS NOT NULL",
    "CREATE INDEX person_by_name ON person (name_index) WHERE name_index IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Empty until a roster or `rekey` writes the row again.
        let add = Table::alter()
            .table(Alias::new("person"))
            .add_column(bytes_null("name_index"))
            .to_owned();
        manager.alter_table(add).await?;
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let no = if is_postgres { "student_no COLLATE \"C\"" } else { "student_no" };
        let db = manager.get_connection();
        for index in INDEXES {
            db.execute_unprepared(&index.replace("{no}", no)).await?;
        }
        Ok(())
    }
}
