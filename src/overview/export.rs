//! The statement as a table for spreadsheets: CSV (RFC 4180) in UTF-8.

use super::statement::StatementEntry;
use crate::base::{money::Fen, table_file::CsvTable};

const HEADER: [&str; 6] = ["时间", "类型", "说明", "入账（元）", "出账（元）", "流水号"];

/// The table. What came and what went have separate columns without signs, so that no cell looks like
/// a formula. They are not called income and expenses: refunds are neither.
pub fn table(entries: &[StatementEntry]) -> Result<Vec<u8>, csv::Error> {
    let mut table = CsvTable::begin(Vec::new(), &HEADER)?;
    for entry in entries {
        let (came, went) = sides(entry.amount.get());
        let id = entry.id.to_string();
        let time = local_time(&entry.at.to_rfc3339());
        table.add(&[&time, entry.kind.label(), &entry.title, &came, &went, &id])?;
    }
    table.end()
}

/// `2026-11-21 10:00:00`, which every spreadsheet parses as a time.
fn local_time(rfc3339: &str) -> String {
    rfc3339.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// What came and what went in yuan; one of the two is empty.
fn sides(fen: i64) -> (String, String) {
    let yuan = Fen::new(fen.saturating_abs()).unwrap_or_default().to_string();
    let yuan = yuan.trim_start_matches('¥').to_owned();
    if fen < 0 { (String::new(), yuan) } else { (yuan, String::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::Timestamp, money::Balance},
        ledger::transfer::TransferId,
        overview::entry::EntryKind,
    };

    #[test]
    fn spreadsheets_can_read_the_table() {
        let at = Timestamp::parse_rfc3339("2026-11-21T10:00:00+08:00").unwrap();
        let entry = |title: &'static str, fen| StatementEntry {
            id: TransferId::from_uuid(uuid::Uuid::nil()),
            at,
            kind: EntryKind::Spend,
            title: title.into(),
            amount: Balance::new(fen),
            order: None,
        };
        let entries = [entry("消费", -1205), entry("a,\"b\"", 5), entry("=HYPERLINK(1)", 100)];
        let nil = uuid::Uuid::nil();
        let expected = format!(
            "\u{feff}时间,类型,说明,入账（元）,出账（元）,流水号\r\n\
             2026-11-21 10:00:00,消费,消费,,12.05,{nil}\r\n\
             2026-11-21 10:00:00,消费,\"a,\"\"b\"\"\",0.05,,{nil}\r\n\
             2026-11-21 10:00:00,消费,'=HYPERLINK(1),1.00,,{nil}\r\n"
        );
        assert_eq!(String::from_utf8(table(&entries).unwrap()).unwrap(), expected);
    }
}
