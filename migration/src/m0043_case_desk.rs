//! Cases as staff work on them: what each is about, who took it, how it ended, and the indexes of their lists.

use crate::columns::{big, big_null, text_null, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ColumnDef, ConnectionTrait, DbErr, DeriveMigrationName, MigrationTrait,
        SchemaManager, Table,
    },
    sea_orm::DbBackend,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// What happened is the first part of a payment's subject. Generated, so that an older server writes it too.
const WHAT_IN_POSTGRES: &str = "ALTER TABLE review_case ADD COLUMN what text GENERATED ALWAYS AS \
     (CASE WHEN kind = 'payment' THEN split_part(subject, ':', 1) ELSE kind END) STORED";
const WHAT_IN_SQLITE: &str = "ALTER TABLE review_case ADD COLUMN what text GENERATED ALWAYS AS \
     (CASE WHEN kind = 'payment' THEN substr(subject, 1, instr(subject, ':') - 1) ELSE kind END) \
     VIRTUAL";

/// The payment and the amount of a case that was opened before were in its text alone: `¥50.00 of {number}`,
/// with or without more words. A number that is no payment of ours stays a text.
const IN_POSTGRES: [&str; 3] = [
    "UPDATE review_case SET payment_id = p.id FROM payment p WHERE review_case.kind = 'payment' \
         AND p.school_id = review_case.school_id AND p.id = substring(detail from ' of ([0-9a-f]{32})( |,|$)')::uuid",
    "UPDATE review_case SET payment_id = p.id FROM payment p WHERE review_case.kind = 'shipping' \
         AND p.school_id = review_case.school_id AND p.id = substring(subject from '^([0-9a-f]{32})$')::uuid",
    "UPDATE review_case SET amount_fen = \
         replace(substring(detail from '^¥([0-9]+\\.[0-9]{2}) of '), '.', '')::bigint \
         WHERE kind = 'payment' AND detail ~ '^¥[0-9]+\\.[0-9]{2} of '",
];
const IN_SQLITE: [&str; 3] = [
    "UPDATE review_case SET payment_id = (SELECT p.id FROM payment p WHERE p.id = \
         unhex(substr(detail, instr(detail, ' of ') + 4, 32)) \
         AND p.school_id = review_case.school_id AND substr(detail, instr(detail, ' of ') + 36, 1) IN ('', ' ', ',')) \
         WHERE kind = 'payment' AND instr(detail, ' of ') > 0",
    "UPDATE review_case SET payment_id = (SELECT p.id FROM payment p WHERE p.id = unhex(subject) \
         AND p.school_id = review_case.school_id) \
         WHERE kind = 'shipping'",
    "UPDATE review_case SET amount_fen = \
         CAST(replace(substr(detail, 2, instr(detail, ' of ') - 2), '.', '') AS integer) \
         WHERE kind = 'payment' AND detail GLOB '¥[0-9]*.[0-9][0-9] of *'",
];

/// The refund of a case is the one of its payment whose number its subject ends with.
const REFUNDS: &str = "UPDATE review_case SET refund_id = (SELECT r.id FROM refund r \
    WHERE r.payment_id = review_case.payment_id \
    AND substr(review_case.subject, length(review_case.subject) - length(r.refund_number)) \
    = ':' || r.refund_number LIMIT 1) \
    WHERE payment_id IS NOT NULL AND substr(subject, 1, 7) = 'refund_'";

/// An id begins with the time of its case, so each is in the order of time.
const INDEXES: [&str; 9] = [
    "CREATE INDEX review_case_open ON review_case (school_id, id) WHERE closed_at IS NULL",
    "CREATE INDEX review_case_held ON review_case (school_id, taken_no, id) WHERE closed_at IS NULL",
    "CREATE INDEX review_case_closed ON review_case (school_id, id) WHERE closed_at IS NOT NULL",
    // Those that are not about money, for who reads no others.
    "CREATE INDEX review_case_other ON review_case (school_id, id) WHERE kind <> 'payment'",
    "CREATE INDEX review_case_of_what ON review_case (school_id, what, id)",
    "CREATE INDEX review_case_of_payment ON review_case (payment_id) WHERE payment_id IS NOT NULL",
    "CREATE INDEX review_case_of_refund ON review_case (refund_id) WHERE refund_id IS NOT NULL",
    // Days that are counted as not even.
    "CREATE INDEX bill_day_open ON bill_day (school_id, day) WHERE state = 'open'",
    // What was done to one thing, beside it.
    "CREATE INDEX audit_entry_of_subject ON audit_entry (subject, position)",
];

/// What reads the facts of cases out of their texts.
pub(crate) fn facts(is_postgres: bool) -> impl Iterator<Item = &'static str> {
    let of_database = if is_postgres { IN_POSTGRES } else { IN_SQLITE };
    of_database.into_iter().chain([REFUNDS])
}

fn columns() -> [ColumnDef; 11] {
    [
        uuid_null("payment_id"),
        uuid_null("refund_id"),
        // 0 where it is not known.
        big("amount_fen").default(0).to_owned(),
        text_null("taken_login"),
        text_null("taken_no"),
        big_null("taken_at"),
        big_null("active_at"),
        text_null("closed_login"),
        text_null("closed_no"),
        text_null("resolution"),
        big("version").default(0).to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            let add = Table::alter().table(Alias::new("review_case")).add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        let db = manager.get_connection();
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let what = if is_postgres { WHAT_IN_POSTGRES } else { WHAT_IN_SQLITE };
        db.execute_unprepared(what).await?;
        for sql in facts(is_postgres).chain(INDEXES) {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
