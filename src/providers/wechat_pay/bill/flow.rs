//! The fund-flow bill: every movement of the merchant's account at WeChat. It tells fees in whole fen,
//! each by the number of its payment or refund.

use super::{
    cells::Column,
    table::{Cells, Next, Sums, Table},
};
use crate::{
    providers::bill_file::Wanted,
    reconciliation::{BadBill, FundFlow},
};
use std::io::Read;

struct Columns {
    at: Column,
    number: Column,
    act: Column,
    kind: Column,
    direction: Column,
    amount: Column,
}

/// What the rows add up to.
#[derive(Default)]
struct Added {
    rows: u64,
    came: (u64, i64),
    went: (u64, i64),
}

/// A whole fund-flow bill.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) flow: FundFlow,
    /// Rows about payments and refunds, and not of other movements of the account.
    pub(super) trades: u64,
}

/// Reads a whole fund-flow bill.
pub(super) fn read(from: impl Read, wanted: &Wanted) -> Result<Statement, BadBill> {
    let mut table = Table::open(from)?;
    let column = |names: &[&'static str]| {
        let name = names.first().copied().unwrap_or_default();
        Ok::<_, BadBill>(Column { place: table.header.place(names)?, name })
    };
    let columns = Columns {
        at: column(&["记账时间"])?,
        number: column(&["微信支付业务单号"])?,
        act: column(&["业务名称"])?,
        kind: column(&["业务类型"])?,
        direction: column(&["收支类型"])?,
        amount: column(&["收支金额(元)", "收支金额"])?,
    };
    let (mut statement, mut added) = (Statement::default(), Added::default());
    loop {
        match table.next()? {
            Next::Row(cells) => take(&cells, &columns, wanted, &mut statement, &mut added)?,
            Next::Sums(sums) => return added.check(&sums).map(|()| statement),
        }
    }
}

fn take(
    cells: &Cells,
    columns: &Columns,
    wanted: &Wanted,
    statement: &mut Statement,
    added: &mut Added,
) -> Result<(), BadBill> {
    if !wanted.may_be_of_day(cells.time(columns.at)?) {
        return Err(BadBill::Day(cells.line));
    }
    let fen = cells.fen(columns.amount)?.get();
    added.rows += 1;
    let (side, charged) = match cells.get(columns.direction.place) {
        "收入" => (&mut added.came, -fen),
        "支出" => (&mut added.went, fen),
        _ => {
            let column = columns.direction.name;
            return Err(BadBill::Cell { line: cells.line, column });
        }
    };
    side.0 += 1;
    side.1 = side.1.saturating_add(fen);
    let says = |what: &str| {
        [columns.act, columns.kind].iter().any(|column| cells.get(column.place).contains(what))
    };
    if says("手续费") {
        statement.flow.add(cells.number(columns.number)?, charged);
    }
    if says("交易") || says("退款") {
        statement.trades += 1;
    }
    Ok(())
}

impl Added {
    fn check(&self, Sums { header, cells }: &Sums) -> Result<(), BadBill> {
        let column = |names: &[&'static str]| {
            let name = names.first().copied().unwrap_or_default();
            Ok::<_, BadBill>(Column { place: header.place(names)?, name })
        };
        let counts = [
            (column(&["资金流水总笔数"])?, self.rows),
            (column(&["收入笔数"])?, self.came.0),
            (column(&["支出笔数"])?, self.went.0),
        ];
        for (column, count) in counts {
            if cells.count(column)? != count {
                return Err(BadBill::Summary(column.name));
            }
        }
        for (name, sum) in [("收入金额", self.came.1), ("支出金额", self.went.1)] {
            if cells.fen(column(&[name])?)?.get() != sum {
                return Err(BadBill::Summary(name));
            }
        }
        Ok(())
    }
}
