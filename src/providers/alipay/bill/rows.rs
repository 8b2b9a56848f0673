//! The detail of a bill: one row for each payment and each refund of a seller on a day, of all its
//! apps and programs. A refund repeats the trade's number with amounts below zero.
//!
//! 商家实收 is less than 订单金额 by the merchant's own coupons. 服务费 is below zero where it is taken.

use super::sheet::{Cells, Column, Next, Sheet};
use crate::{
    base::money::Fen,
    providers::bill_file::{Wanted, values::FEN},
    reconciliation::{BadBill, BillEntry, BillRow, BilledRefund, Fee},
};
use std::{collections::HashSet, io::Read};

#[derive(Clone, Copy)]
struct Columns {
    trade: Column,
    number: Column,
    kind: Column,
    at: Column,
    ordered: Column,
    received: Column,
    request: Column,
    fee: Column,
}

impl Columns {
    fn of<R: Read>(sheet: &Sheet<R>) -> Result<Self, BadBill> {
        Ok(Self {
            trade: sheet.column("支付宝交易号")?,
            number: sheet.column("商户订单号")?,
            kind: sheet.column("业务类型")?,
            at: sheet.column("完成时间")?,
            ordered: sheet.column("订单金额(元)")?,
            received: sheet.column("商家实收(元)")?,
            request: sheet.column("退款批次号/请求号")?,
            fee: sheet.column("服务费(元)")?,
        })
    }
}

/// What the rows add up to: counts, and sums in thousandths of a fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) payments: u64,
    pub(super) refunds: u64,
    pub(super) ordered: i128,
    pub(super) received: i128,
    pub(super) fees: i128,
}

/// The rows of the detail, in turn.
pub(super) struct DetailRows<R> {
    sheet: Sheet<R>,
    columns: Columns,
    wanted: Wanted,
    added: Added,
}

impl<R: Read> DetailRows<R> {
    pub(super) fn open(from: R, wanted: Wanted) -> Result<Self, BadBill> {
        let sheet = Sheet::open(from, &wanted)?;
        let columns = Columns::of(&sheet)?;
        Ok(Self { sheet, columns, wanted, added: Added::default() })
    }

    /// Reads all rows: what they add up to.
    pub(super) fn check(mut self) -> Result<Added, BadBill> {
        let mut numbers = HashSet::new();
        while let Some((row, line)) = self.read()? {
            if !numbers.insert(row.number().to_owned()) {
                return Err(BadBill::Twice(line));
            }
        }
        Ok(self.added)
    }

    /// The next row, with its line.
    fn read(&mut self) -> Result<Option<(BillRow, u64)>, BadBill> {
        loop {
            match self.sheet.next()? {
                Next::Row(cells) => return Ok(Some((self.row(&cells)?, cells.line))),
                Next::Comment => {}
                Next::End => return Ok(None),
            }
        }
    }

    fn row(&mut self, cells: &Cells) -> Result<BillRow, BadBill> {
        let Columns { trade, number, kind, at, ordered, received, request, fee } = self.columns;
        let at = cells.time(at)?;
        if !self.wanted.may_be_of_day(at) {
            return Err(BadBill::Day(cells.line));
        }
        let (out_trade_no, transaction_id) = (cells.number(number)?, cells.number(trade)?);
        let (entry, sign) = match cells.get(kind) {
            "交易" => (BillEntry::Payment, 1),
            "退款" => (self.refund(cells, request, &transaction_id)?, -1),
            _ => return Err(cells.unreadable(kind)),
        };
        let (order_fen, received_fen) = (cells.fen(ordered)?, cells.fen(received)?);
        let amount = Fen::new(sign * order_fen).map_err(|_| cells.unreadable(ordered))?;
        let net = Fen::new(sign * received_fen).map_err(|_| cells.unreadable(received))?;
        let coupon = amount.minus(net).ok_or_else(|| cells.unreadable(received))?;
        let charged = cells.thousandths(fee)?;
        self.add(&entry, order_fen, received_fen, charged);
        let fee = Fee::from_thousandths(-charged);
        Ok(BillRow { entry, at, out_trade_no, transaction_id, amount, coupon, fee, rate: None })
    }

    /// A number of a refund is unique within its trade alone. One that was made without a number has
    /// that of the order.
    fn refund(&self, cells: &Cells, request: Column, trade: &str) -> Result<BillEntry, BadBill> {
        let named = if cells.get(request).is_empty() { self.columns.number } else { request };
        let out_refund_no = cells.number(named)?;
        let (refund_id, stage) = (format!("{trade}:{out_refund_no}"), BilledRefund::Done);
        Ok(BillEntry::Refund { refund_id, out_refund_no, stage })
    }

    fn add(&mut self, entry: &BillEntry, ordered: i64, received: i64, charged: i64) {
        let added = &mut self.added;
        match entry {
            BillEntry::Payment => added.payments += 1,
            BillEntry::Refund { .. } => added.refunds += 1,
        }
        added.ordered += i128::from(ordered);
        added.received += i128::from(received);
        added.fees += i128::from(charged);
    }
}

impl<R: Read> Iterator for DetailRows<R> {
    type Item = Result<BillRow, BadBill>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map(|read| read.map(|(row, _)| row)).transpose()
    }
}

/// Compares the summary with what the rows add up to.
pub(super) fn check_summary(
    from: impl Read,
    wanted: &Wanted,
    added: &Added,
) -> Result<(), BadBill> {
    let mut sheet = Sheet::open(from, wanted)?;
    let first = sheet.column("门店编号")?;
    let counts = [
        (sheet.column("交易订单总笔数")?, "交易订单总笔数", added.payments),
        (sheet.column("退款订单总笔数")?, "退款订单总笔数", added.refunds),
    ];
    let fen = |sum: i128| sum * i128::from(FEN);
    let sums = [
        (sheet.column("订单金额(元)")?, "订单金额(元)", fen(added.ordered)),
        (sheet.column("商家实收(元)")?, "商家实收(元)", fen(added.received)),
        (sheet.column("服务费(元)")?, "服务费(元)", added.fees),
    ];
    let mut has_total = false;
    loop {
        let cells = match sheet.next()? {
            Next::Row(cells) if cells.get(first) == "合计" => cells,
            // A store of the merchant.
            Next::Row(_) | Next::Comment => continue,
            Next::End => break,
        };
        has_total = true;
        for (column, name, count) in counts {
            if cells.count(column)? != count {
                return Err(BadBill::Summary(name));
            }
        }
        for (column, name, sum) in sums {
            if i128::from(cells.thousandths(column)?) != sum {
                return Err(BadBill::Summary(name));
            }
        }
    }
    if has_total { Ok(()) } else { Err(BadBill::Truncated) }
}
