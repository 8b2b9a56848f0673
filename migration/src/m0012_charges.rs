//! Charges at tills, the questions for a password, what stops a card, and its consumption password.

use crate::columns::{big, big_null, int, text, text_null, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        charges(manager).await?;
        challenges(manager).await?;
        for column in [big_null("lost_at"), big_null("dormant_at"), text_null("consumption_hash")] {
            let more = Table::alter().table(Alias::new("person")).add_column(column).to_owned();
            manager.alter_table(more).await?;
        }
        Ok(())
    }
}

/// The key is the act: one charge for each number of a terminal.
async fn charges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let charge = Table::create()
        .table(Alias::new("charge"))
        .col(uuid("terminal_id"))
        .col(big("seq").check(Expr::cust("seq > 0")))
        .col(uuid("id"))
        .col(big("school_id"))
        .col(int("day"))
        .col(uuid("person_id"))
        .col(uuid("merchant_id"))
        // The minute of the day at which the meal's window begins; -1 outside every window.
        .col(int("meal"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .col(big("from_e_account_fen").check(Expr::cust("from_e_account_fen >= 0")))
        .col(big("at"))
        .col(big_null("reversed_at"))
        .primary_key(Index::create().col(Alias::new("terminal_id")).col(Alias::new("seq")))
        .to_owned();
    manager.create_table(charge).await?;
    // Limits sum over a person's day.
    let by_person = Index::create()
        .name("charge_by_person")
        .table(Alias::new("charge"))
        .col(Alias::new("person_id"))
        .col(Alias::new("day"))
        .to_owned();
    manager.create_index(by_person).await
}

/// A scan that waits for a password; good once.
async fn challenges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let challenge = Table::create()
        .table(Alias::new("charge_challenge"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(int("day"))
        .col(uuid("terminal_id"))
        .col(big("seq"))
        .col(uuid("person_id"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .col(text("which").check(Expr::cust("which IN ('consumption', 'query')")))
        // Which code it was, for the phone's sake.
        .col(int("generation"))
        .col(big("tick"))
        .col(int("sub"))
        .col(big("expires_at"))
        .col(big_null("used_at"))
        .to_owned();
    manager.create_table(challenge).await
}
