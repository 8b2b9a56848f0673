//! Rosters that staff upload: checked, then written, each by a job that may be taken up again.

use crate::columns::{big, big_null, bytes_null, int, text, text_null, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ColumnDef, ConnectionTrait, DbErr, DeriveMigrationName, Expr, Index, MigrationTrait,
        SchemaManager, Table, TableCreateStatement,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// How far an import is.
fn state() -> ColumnDef {
    let known = "state IN ('checking', 'checked', 'importing', 'done', 'failed')";
    text("state").check(Expr::cust(known)).to_owned()
}

const INDEXES: [&str; 4] = [
    // One check or import of a school runs at a time.
    "CREATE UNIQUE INDEX roster_job_running ON roster_job (school_id) \
     WHERE state IN ('checking', 'importing')",
    "CREATE INDEX roster_job_list ON roster_job (school_id, id)",
    "CREATE INDEX roster_job_due ON roster_job (leased_until) \
     WHERE state IN ('checking', 'importing')",
    // Refused rows are not kept for good.
    "CREATE INDEX roster_job_old ON roster_job (created_at) WHERE refusals_kept = 1",
];

/// What was refused of them, by line.
fn refusals() -> TableCreateStatement {
    let mut key = Index::create();
    for name in ["job_id", "step", "line"] {
        key.col(Alias::new(name));
    }
    Table::create()
        .table(Alias::new("roster_refusal"))
        .col(uuid("job_id"))
        // 0: the check; 1: the import.
        .col(int("step"))
        .col(big("line"))
        .col(text("student_no"))
        .col(text("reason"))
        .primary_key(&mut key)
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut job = Table::create();
        job.table(Alias::new("roster_job")).col(uuid("id").primary_key()).col(big("school_id"));
        for name in ["by_login", "by_no", "file_name"] {
            job.col(text(name));
        }
        job.col(uuid("file_id")).col(state());
        // When it was uploaded, until when it may be started, and how many bytes it has.
        for name in ["created_at", "expires_at", "file_bytes"] {
            job.col(big(name));
        }
        // Rows of the file, and how many of them are done in the present step.
        for name in ["rows_total", "rows_done"] {
            job.col(big(name).default(0).to_owned());
        }
        // What the check said, and what the import did.
        for name in ["to_add", "to_change", "to_keep", "to_refuse"] {
            job.col(big(name).default(0).to_owned());
        }
        for name in ["added", "changed", "unchanged", "refused"] {
            job.col(big(name).default(0).to_owned());
        }
        for name in ["checked_at", "started_at", "ended_at"] {
            job.col(big_null(name));
        }
        for name in ["started_login", "started_no", "fault"] {
            job.col(text_null(name));
        }
        // Who works at it, until when unless he says that he still does, and how often somebody began to
        // since a part was done.
        job.col(uuid_null("worker")).col(big("leased_until").default(0).to_owned());
        job.col(int("tries").default(0).to_owned());
        job.col(int("refusals_kept").default(1).to_owned());
        job.col(bytes_null("examples")).col(bytes_null("mac"));
        manager.create_table(job.take()).await?;
        manager.create_table(refusals()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
