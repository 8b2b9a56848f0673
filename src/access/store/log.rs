//! The table of the log.

use crate::{
    access::log::AccessEntry,
    base::db::{Column, Rows, Write},
    passcode::ShownCode,
};
use uuid::Uuid;

/// Adds entries, together with other writes.
pub fn write_of(entries: &[AccessEntry]) -> Write {
    let uuids = |f: fn(&AccessEntry) -> Uuid| Column::Uuid(entries.iter().map(f).collect());
    let i64s = |f: fn(&AccessEntry) -> i64| Column::I64(entries.iter().map(f).collect());
    let text = |f: fn(&AccessEntry) -> &str| {
        Column::Text(entries.iter().map(|entry| f(entry).to_owned()).collect())
    };
    let of_code = |f: fn(&ShownCode) -> i64| {
        Column::I64(entries.iter().map(|entry| entry.shown.as_ref().map_or(0, f)).collect())
    };
    let devices = entries.iter().map(|entry| entry.shown.map(|shown| shown.device.uuid()));
    let sub = |entry: &AccessEntry| entry.shown.map_or(0, |shown| shown.sub.number().into());
    let rows = Rows::new(vec![
        ("id", uuids(|entry| entry.id.uuid())),
        ("school_id", i64s(|entry| entry.school.number())),
        ("at", i64s(|entry| entry.at.micros())),
        ("person_id", uuids(|entry| entry.person.uuid())),
        ("door_group", text(|entry| &entry.group)),
        ("way", text(|entry| entry.way.code())),
        ("place_id", uuids(|entry| entry.place)),
        ("decision", text(|entry| entry.decision.code())),
        ("reason", text(|entry| entry.reason)),
        ("device_id", Column::OptUuid(devices.collect())),
        ("generation", of_code(|shown| shown.generation.into())),
        ("purpose", text(|entry| entry.shown.map_or("", |shown| shown.purpose.as_str()))),
        ("shown_at", of_code(|shown| shown.shown_at().micros())),
        ("sub", Column::I32(entries.iter().map(sub).collect())),
    ]);
    Write::Insert { table: "access_log", rows, suffix: "" }
}
