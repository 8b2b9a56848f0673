//! Tries of providers' keys: of each provider of a school the last one. And under which userid of the
//! school's enterprise messenger a member of staff signs in.

use crate::columns::{big, big_null, text, text_null};
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
        let key =
            Index::create().col(Alias::new("school_id")).col(Alias::new("provider")).to_owned();
        let trial = Table::create()
            .table(Alias::new("key_trial"))
            .col(big("school_id"))
            .col(text("provider"))
            // Of the newest try, whether it has ended or not.
            .col(big("started_at"))
            // Of the newest one that ended.
            .col(text_null("finding"))
            .col(text_null("detail"))
            .col(big_null("clock_ahead_seconds"))
            .col(big_null("finished_at"))
            .col(text_null("tried_by"))
            .primary_key(&mut key.clone())
            .to_owned();
        manager.create_table(trial).await?;
        // In small letters: the messenger tells them apart by no others.
        let member = Table::alter()
            .table(Alias::new("staff_member"))
            .add_column(text_null("work_id"))
            .to_owned();
        manager.alter_table(member).await?;
        let once = "CREATE UNIQUE INDEX staff_member_work_id ON staff_member (school_id, work_id) \
                    WHERE work_id IS NOT NULL";
        manager.get_connection().execute_unprepared(once).await?;
        Ok(())
    }
}
