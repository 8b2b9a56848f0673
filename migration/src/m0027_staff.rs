//! Members of staff, their sessions, and requests that need a second person.

use crate::columns::{big, big_null, bytes, bytes_null, flag, text, text_null, uuid, uuid_null};
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
        members(manager).await?;
        sessions(manager).await?;
        approvals(manager).await
    }
}

/// Several logins may have one `staff_no`: they are one person.
async fn members(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let member = Table::create()
        .table(Alias::new("staff_member"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("login"))
        .col(text("staff_no"))
        .col(text("roles"))
        .col(text("password_hash"))
        .col(bytes("factor_sealed"))
        // The secret above is the one that a command printed.
        .col(flag("factor_printed"))
        .col(bytes_null("offered_sealed"))
        // The last step of RFC 6238 whose code was accepted; 0 for none.
        .col(big("factor_step"))
        .col(flag("enabled"))
        .col(big("created_at"))
        .col(big("updated_at"))
        .col(big_null("signed_in_at"))
        .col(bytes_null("mac"))
        .to_owned();
    manager.create_table(member).await?;
    let once = Index::create()
        .name("staff_member_once")
        .table(Alias::new("staff_member"))
        .col(Alias::new("school_id"))
        .col(Alias::new("login"))
        .unique()
        .to_owned();
    manager.create_index(once).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let session = Table::create()
        .table(Alias::new("staff_session"))
        .col(uuid("id").primary_key())
        .col(uuid("member_id"))
        .col(big("school_id"))
        .col(bytes("refresh_hash"))
        .col(big("factor_at"))
        .col(big("created_at"))
        .col(big("expires_at"))
        .col(big_null("ended_at"))
        .col(bytes_null("mac"))
        .to_owned();
    manager.create_table(session).await?;
    let live =
        "CREATE INDEX staff_session_live ON staff_session (member_id) WHERE ended_at IS NULL";
    manager.get_connection().execute_unprepared(live).await?;
    Ok(())
}

async fn approvals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = "state IN ('requested', 'approved', 'rejected', 'withdrawn', 'expired')";
    let decided = "(decided_by IS NULL) = (state IN ('requested', 'expired'))";
    // Two logins of one person are seen by their number.
    let two = "state <> 'approved' OR (decided_by <> asked_by AND decided_no <> asked_no)";
    let approval = Table::create()
        .table(Alias::new("approval"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("kind"))
        .col(uuid("subject_id"))
        .col(bytes("request_digest"))
        .col(big("amount_fen").check(Expr::cust("amount_fen > 0")))
        .col(text("reason"))
        .col(uuid("asked_by"))
        .col(text("asked_login"))
        .col(text("asked_no"))
        .col(text("ask_key"))
        .col(big("asked_at"))
        .col(big("expires_at"))
        .col(text("state").check(Expr::cust(states)))
        .col(uuid_null("decided_by"))
        .col(text_null("decided_login"))
        .col(text_null("decided_no"))
        .col(text_null("decided_why"))
        .col(big_null("decided_at"))
        // What the approval made: a refund.
        .col(uuid_null("result_id"))
        .col(bytes_null("mac"))
        .check(Expr::cust(decided))
        .check(Expr::cust(two))
        .to_owned();
    manager.create_table(approval).await?;
    for index in [
        "CREATE UNIQUE INDEX approval_live_once ON approval (school_id, kind, subject_id) \
         WHERE state = 'requested'",
        "CREATE UNIQUE INDEX approval_key_once ON approval (asked_by, ask_key)",
        "CREATE INDEX approval_due ON approval (expires_at) WHERE state = 'requested'",
        "CREATE INDEX approval_list ON approval (school_id, kind, id)",
    ] {
        manager.get_connection().execute_unprepared(index).await?;
    }
    Ok(())
}
