//! The few column types the house uses, so that every table spells them alike.

use sea_orm_migration::prelude::{Alias, ColumnDef, IntoIden};

/// `bigint NOT NULL`: amounts in fen, instants in microseconds, counters.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.big_integer().not_null();
    column
}

/// `bigint`, may be NULL.
pub(crate) fn big_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.big_integer().null();
    column
}

/// `integer NOT NULL`: days, ordinals, small enumerations.
pub(crate) fn int(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.integer().not_null();
    column
}

/// `text NOT NULL`. Lengths are checked where text enters the house: SQLite would not.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.text().not_null();
    column
}

/// `text`, may be NULL.
pub(crate) fn text_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.text().null();
    column
}

/// `uuid NOT NULL`.
pub(crate) fn uuid(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.uuid().not_null();
    column
}

/// `uuid`, may be NULL.
pub(crate) fn uuid_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.uuid().null();
    column
}

/// `bytea NOT NULL`.
pub(crate) fn bytes(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.binary().not_null();
    column
}

/// `bytea`, may be NULL.
pub(crate) fn bytes_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.binary().null();
    column
}

/// `integer`, may be NULL.
pub(crate) fn int_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.integer().null();
    column
}

/// `boolean NOT NULL`.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name).into_iden());
    column.boolean().not_null();
    column
}
