//! What two persons agreed on about a difference, whole: its request holds the SHA-256 of it. And what earlier
//! repairs had moved for the payment.

use crate::columns::{big, text_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const TEXTS: [&str; 6] = ["entry", "number", "out_trade_no", "field", "ours", "theirs"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // SQLite adds one column at a time.
        for column in TEXTS {
            let add = Table::alter()
                .table(Alias::new("bill_repair"))
                .add_column(text_null(column))
                .to_owned();
            manager.alter_table(add).await?;
            db.execute_unprepared(&format!(
                "UPDATE bill_repair SET {column} = (SELECT d.{column} FROM bill_difference d \
                 WHERE d.id = bill_repair.difference_id)"
            ))
            .await?;
        }
        let add = Table::alter()
            .table(Alias::new("bill_repair"))
            .add_column(big("corrected_fen").default(0))
            .to_owned();
        manager.alter_table(add).await?;
        // The repairs of a payment are added up before one more is accepted.
        let by_payment = "CREATE INDEX bill_repair_of_payment ON bill_repair (payment_id)";
        db.execute_unprepared(by_payment).await?;
        Ok(())
    }
}
