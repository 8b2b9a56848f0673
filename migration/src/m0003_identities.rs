//! Platform identities, their sessions, and their bindings to people.

use crate::columns::{big, big_null, bytes, text, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
        Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        identities(manager).await?;
        let session = Table::create()
            .table(Alias::new("session"))
            .col(uuid("id").primary_key())
            .col(uuid("identity_id"))
            .col(bytes("refresh_hash"))
            .col(big("created_at"))
            .col(big("expires_at"))
            .col(big_null("ended_at"))
            .to_owned();
        manager.create_table(session).await?;
        let binding = Table::create()
            .table(Alias::new("binding"))
            .col(uuid("id").primary_key())
            .col(uuid("identity_id"))
            .col(uuid("person_id"))
            .col(big("school_id"))
            .col(text("platform"))
            .col(text("consent_version"))
            .col(text("consent_items"))
            .col(big("bound_at"))
            .col(big_null("ended_at"))
            .to_owned();
        manager.create_table(binding).await?;
        // At most one live binding of an identity, and one of a person on a platform.
        let db = manager.get_connection();
        db.execute_unprepared(
            "CREATE UNIQUE INDEX binding_live_identity ON binding (identity_id) \
             WHERE ended_at IS NULL",
        )
        .await?;
        db.execute_unprepared(
            "CREATE UNIQUE INDEX binding_live_person ON binding (person_id, platform) \
             WHERE ended_at IS NULL",
        )
        .await?;
        Ok(())
    }
}

async fn identities(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let identity = Table::create()
        .table(Alias::new("identity"))
        .col(uuid("id").primary_key())
        .col(text("platform"))
        .col(text("app_id"))
        .col(text("openid"))
        .col(big("created_at"))
        .col(big("last_login_at"))
        .to_owned();
    manager.create_table(identity).await?;
    let once = Index::create()
        .name("identity_once")
        .table(Alias::new("identity"))
        .col(Alias::new("platform"))
        .col(Alias::new("app_id"))
        .col(Alias::new("openid"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}
