//! What staff list and find by: orders by the day and by the last eight characters of any number, and
//! the audit log.

use sea_orm_migration::{
    async_trait,
    prelude::{ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager},
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const INDEXES: [&str; 8] = [
    // An id begins with its time, so this is the order of time.
    "CREATE INDEX orders_of_school ON orders (school_id, id)",
    "CREATE INDEX orders_by_end ON orders ({id})",
    "CREATE INDEX payment_by_end ON payment ({id})",
    "CREATE INDEX payment_by_transaction_end ON payment ({transaction_id}) \
     WHERE transaction_id IS NOT NULL",
    "CREATE INDEX refund_by_number_end ON refund ({refund_number})",
    // The requests for refunds of a payment, for the page of its order.
    "CREATE INDEX approval_of_subject ON approval (subject_id)",
    // The audit log, newest first: of a school, and of one member of staff.
    "CREATE INDEX audit_entry_of_school ON audit_entry (school_id, position)",
    "CREATE INDEX audit_entry_by_who ON audit_entry (who, position)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ends = if manager.get_database_backend() == DbBackend::Postgres {
            ["right(id::text, 8)", "right(transaction_id, 8)", "right(refund_number, 8)"]
        } else {
            [
                "lower(hex(substr(id, 13)))",
                "substr(transaction_id, -8)",
                "substr(refund_number, -8)",
            ]
        };
        let db = manager.get_connection();
        for index in INDEXES {
            let [id, transaction, refund] = ends;
            let sql = index
                .replace("{id}", &format!("({id})"))
                .replace("{transaction_id}", &format!("({transaction})"))
                .replace("{refund_number}", &format!("({refund})"));
            db.execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
