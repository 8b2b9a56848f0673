//! Door locks that people open from the phone, and each time that somebody wanted to.

use crate::columns::{big, big_null, bytes_null, int, text, text_null, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait,
        SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        locks(manager).await?;
        openings(manager).await
    }
}

async fn locks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let lock = Table::create()
        .table(Alias::new("door_lock"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        // As the lock's adapter knows it.
        .col(text("lock_id"))
        .col(text("door_group"))
        .col(text("name"))
        .col(text("place"))
        .col(big("created_at"))
        .col(big("updated_at"))
        .col(bytes_null("mac"))
        .to_owned();
    manager.create_table(lock).await?;
    let once = Index::create()
        .name("door_lock_once")
        .table(Alias::new("door_lock"))
        .col(Alias::new("school_id"))
        .col(Alias::new("lock_id"))
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let groups = "CREATE INDEX door_lock_groups ON door_lock (school_id, door_group)";
    manager.get_connection().execute_unprepared(groups).await?;
    Ok(())
}

async fn openings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let opening = Table::create()
        .table(Alias::new("door_opening"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("person_id"))
        .col(uuid("door_lock_id"))
        .col(text("idempotency_key"))
        .col(text("state").check(Expr::cust("state IN ('unknown', 'opened', 'refused')")))
        .col(text_null("reason"))
        .col(big("created_at"))
        // The last instant at which the lock may open.
        .col(big("open_until"))
        // When the adapter was last asked what became of it.
        .col(big("looked_at"))
        // When it is asked again; NULL: not any more.
        .col(big_null("ask_at"))
        .col(int("tries"))
        .col(big_null("ended_at"))
        .check(Expr::cust("(state = 'unknown') = (ended_at IS NULL)"))
        .check(Expr::cust("state = 'unknown' OR ask_at IS NULL"))
        .check(Expr::cust("(state = 'refused') = (reason IS NOT NULL)"))
        .to_owned();
    manager.create_table(opening).await?;
    let once = Index::create()
        .name("door_opening_once")
        .table(Alias::new("door_opening"))
        .col(Alias::new("person_id"))
        .col(Alias::new("door_lock_id"))
        .col(Alias::new("idempotency_key"))
        .unique()
        .to_owned();
    manager.create_index(once).await?;
    let connection = manager.get_connection();
    for index in [
        "CREATE INDEX door_opening_recent ON door_opening (person_id, created_at)",
        "CREATE INDEX door_opening_old ON door_opening (school_id, created_at)",
        "CREATE INDEX door_opening_due ON door_opening (ask_at) WHERE state = 'unknown'",
    ] {
        connection.execute_unprepared(index).await?;
    }
    Ok(())
}
