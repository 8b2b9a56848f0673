//! Schools with their policies, and the people on their rosters.

use crate::columns::{big, big_null, bytes, bytes_null, int_null, text, text_null, uuid};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, DbErr, DeriveMigrationName, ForeignKey, Index, MigrationTrait, SchemaManager, Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let school = Table::create()
            .table(Alias::new("school"))
            .col(big("id").auto_increment().primary_key())
            .col(text("code").unique_key())
            .col(text("name"))
            .col(big("policy_version"))
            .col(text("policy"))
            .col(big("updated_at"))
            .to_owned();
        manager.create_table(school).await?;
        manager.create_table(people()).await?;
        let once = Index::create()
            .name("person_once")
            .table(Alias::new("person"))
            .col(Alias::new("school_id"))
            .col(Alias::new("student_no"))
            .unique()
            .to_owned();
        manager.create_index(once).await?;
        let by_id_number = Index::create()
            .name("person_by_id_number")
            .table(Alias::new("person"))
            .col(Alias::new("id_number_index"))
            .to_owned();
        manager.create_index(by_id_number).await
    }
}

fn people() -> sea_orm_migration::prelude::TableCreateStatement {
    Table::create()
        .table(Alias::new("person"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("student_no"))
        .col(bytes("name_sealed"))
        .col(bytes_null("id_number_sealed"))
        .col(bytes_null("id_number_index"))
        .col(bytes_null("phone_sealed"))
        .col(bytes_null("phone_index"))
        // The id of the key that made the digests of this row.
        .col(text("index_key"))
        .col(text("kind"))
        .col(text("department"))
        .col(text("class_name"))
        .col(int_null("valid_until"))
        .col(text("status"))
        .col(text_null("password_hash"))
        // Keyed digest of the roster's row: tells a changed row from the same one without opening
        // what is sealed.
        .col(bytes("roster_digest"))
        .col(big("created_at"))
        .col(big("updated_at"))
        .col(big_null("closed_at"))
        .foreign_key(
            ForeignKey::create()
                .from(Alias::new("person"), Alias::new("school_id"))
                .to(Alias::new("school"), Alias::new("id")),
        )
        .to_owned()
}
