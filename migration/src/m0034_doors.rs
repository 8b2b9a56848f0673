//! Who may pass which doors, and who came to them.

use crate::columns::{big, bytes_null, int, text, uuid, uuid_null};
use sea_orm_migration::{
    async_trait,
    prelude::{
        Alias, ConnectionTrait, DbErr, DeriveMigrationName, Expr, MigrationTrait, SchemaManager,
        Table,
    },
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rights(manager).await?;
        allocations(manager).await?;
        log(manager).await?;
        readers(manager).await
    }
}

/// A right of `staff` holds by itself; one of an `allocation` holds while its group's row in
/// `door_allocation` names that allocation. `until_at` is the first instant without the right, the
/// highest number where it has no end. The window is in minutes of a day in Asia/Shanghai; it crosses
/// midnight where its end is before its start.
async fn rights(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let right = Table::create()
        .table(Alias::new("door_right"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(uuid("person_id"))
        .col(text("door_group"))
        .col(big("from_at"))
        .col(big("until_at"))
        .col(int("window_from").check(Expr::cust("window_from BETWEEN 0 AND 1439")))
        .col(int("window_until").check(Expr::cust("window_until BETWEEN 1 AND 1440")))
        .col(text("source").check(Expr::cust("source IN ('allocation', 'staff')")))
        // The nil id for rights of staff.
        .col(uuid("allocation"))
        .col(big("created_at"))
        .col(bytes_null("mac"))
        .check(Expr::cust("until_at >= from_at"))
        .check(Expr::cust("window_from <> window_until"))
        .to_owned();
    manager.create_table(right).await?;
    let indexes = [
        // A person's rights at a door: few, whatever the size of the table.
        "CREATE INDEX door_right_person ON door_right (person_id, door_group)",
        // A group's list, and what an allocation consists of.
        "CREATE INDEX door_right_group ON door_right (school_id, door_group, id)",
        "CREATE INDEX door_right_allocation ON door_right (allocation, created_at) \
         WHERE source = 'allocation'",
        "CREATE INDEX door_right_ending ON door_right (until_at)",
    ];
    for index in indexes {
        manager.get_connection().execute_unprepared(index).await?;
    }
    Ok(())
}

/// The allocation that is in force for a group.
async fn allocations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let allocation = Table::create()
        .table(Alias::new("door_allocation"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(text("door_group"))
        .col(uuid("allocation"))
        .col(big("switched_at"))
        .col(bytes_null("mac"))
        .to_owned();
    manager.create_table(allocation).await?;
    let once = "CREATE UNIQUE INDEX door_allocation_once ON door_allocation \
        (school_id, door_group)";
    manager.get_connection().execute_unprepared(once).await?;
    Ok(())
}

/// A row for each showing of a code at a door, and for each request from a phone. The columns of the
/// code are those of `code_use`.
async fn log(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let log = Table::create()
        .table(Alias::new("access_log"))
        .col(uuid("id").primary_key())
        .col(big("school_id"))
        .col(big("at"))
        .col(uuid("person_id"))
        .col(text("door_group"))
        .col(text("way").check(Expr::cust("way IN ('code', 'phone')")))
        // The terminal that read the code, or the lock that the phone asked for.
        .col(uuid("place_id"))
        .col(text("decision").check(Expr::cust("decision IN ('open', 'refuse', 'unknown')")))
        // Empty where it opened.
        .col(text("reason"))
        // NULL, and 0 in the others, where no code was shown.
        .col(uuid_null("device_id"))
        .col(big("generation"))
        .col(text("purpose"))
        .col(big("shown_at"))
        .col(int("sub"))
        .to_owned();
    manager.create_table(log).await?;
    let indexes = [
        "CREATE INDEX access_log_read ON access_log (place_id, device_id, shown_at)",
        "CREATE INDEX access_log_person ON access_log (school_id, person_id, id)",
        "CREATE INDEX access_log_group ON access_log (school_id, door_group, id)",
        "CREATE INDEX access_log_school ON access_log (school_id, id)",
    ];
    for index in indexes {
        manager.get_connection().execute_unprepared(index).await?;
    }
    Ok(())
}

/// What a school's library calls a person.
async fn readers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let reader = Table::create()
        .table(Alias::new("library_reader"))
        .col(uuid("person_id").primary_key())
        .col(big("school_id"))
        .col(text("reader"))
        .to_owned();
    manager.create_table(reader).await?;
    let once = "CREATE UNIQUE INDEX library_reader_once ON library_reader (school_id, reader)";
    manager.get_connection().execute_unprepared(once).await?;
    Ok(())
}
