//! The audit log from a day on, and what members of staff were refused.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 2] = [
    // Where a day begins.
    "CREATE INDEX audit_entry_of_day ON audit_entry (school_id, at, position)",
    // Few entries, apart from all others: of the acts of the kind `refusals`, in the order of its statement.
    "CREATE INDEX audit_entry_of_refusals ON audit_entry (school_id, position) \
     WHERE act IN ('staff.refused', 'staff.sign_in_refused')",
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
