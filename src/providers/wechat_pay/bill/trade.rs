//! The trade bill: one row for each payment and each refund of a merchant on a day, of all its apps
//! and programs.
//!
//! 订单金额 and 申请退款金额 are what we asked for. 应结订单金额 and 退款金额 are less by the
//! merchant's own coupons, which WeChat neither takes in nor gives back.

use super::{
    cells::Column,
    table::{Cells, Next, Sums, Table},
};
use crate::{
    base::money::Fen,
    providers::bill_file::{Header, Wanted},
    reconciliation::{BadBill, BillEntry, BillRow, BilledRefund},
};
use std::{collections::HashSet, io::Read};

/// Where the columns are. Names that only files of older merchants have come last.
struct Columns {
    at: Column,
    merchant: Column,
    transaction: Column,
    number: Column,
    state: Column,
    currency: Column,
    settled: Column,
    refund: Column,
    our_refund: Column,
    refunded: Column,
    refund_state: Option<usize>,
    fee: Column,
    rate: Option<usize>,
    ordered: Column,
    asked_back: Column,
}

impl Columns {
    fn of(header: &Header) -> Result<Self, BadBill> {
        let column = |names: &[&'static str]| {
            let name = names.first().copied().unwrap_or_default();
            Ok(Column { place: header.place(names)?, name })
        };
        Ok(Self {
            at: column(&["交易时间"])?,
            merchant: column(&["商户号"])?,
            transaction: column(&["微信订单号"])?,
            number: column(&["商户订单号"])?,
            state: column(&["交易状态"])?,
            currency: column(&["货币种类"])?,
            settled: column(&["应结订单金额", "总金额"])?,
            refund: column(&["微信退款单号"])?,
            our_refund: column(&["商户退款单号"])?,
            refunded: column(&["退款金额"])?,
            refund_state: header.optional(&["退款状态"])?,
            fee: column(&["手续费"])?,
            rate: header.optional(&["费率"])?,
            ordered: column(&["订单金额", "应结订单金额", "总金额"])?,
            asked_back: column(&["申请退款金额", "退款金额"])?,
        })
    }
}

/// What the rows add up to, in thousandths of a fen.
#[derive(Debug, Default)]
struct Added {
    rows: u64,
    settled: i128,
    refunded: i128,
    fees: i128,
    ordered: i128,
    asked_back: i128,
}

impl Added {
    fn add(&mut self, cells: &Cells, columns: &Columns) -> Result<(), BadBill> {
        self.rows += 1;
        self.settled += i128::from(cells.thousandths(columns.settled)?);
        self.refunded += i128::from(cells.thousandths(columns.refunded)?);
        self.fees += i128::from(cells.thousandths(columns.fee)?);
        self.ordered += i128::from(cells.thousandths(columns.ordered)?);
        self.asked_back += i128::from(cells.thousandths(columns.asked_back)?);
        Ok(())
    }

    /// The number of rows, the orders' sum and the fees must be there; older files have fewer sums.
    fn check(&self, Sums { header, cells }: &Sums) -> Result<(), BadBill> {
        let count = Column { place: header.place(&["总交易单数"])?, name: "总交易单数" };
        if cells.count(count)? != self.rows {
            return Err(BadBill::Summary(count.name));
        }
        let needed = [
            (["应结订单总金额", "总交易额"], self.settled),
            (["手续费总金额", "手续费总金额"], self.fees),
        ];
        let optional = [
            (["退款总金额", "总退款金额"], self.refunded),
            (["订单总金额", "订单总金额"], self.ordered),
            (["申请退款总金额", "申请退款总金额"], self.asked_back),
        ];
        for (names, _) in &needed {
            header.place(names)?;
        }
        for (names, sum) in needed.iter().chain(&optional) {
            let Some(place) = header.optional(names)? else { continue };
            let [name, _] = *names;
            if i128::from(cells.thousandths(Column { place, name })?) != *sum {
                return Err(BadBill::Summary(name));
            }
        }
        Ok(())
    }
}

/// The rows of a trade bill, in turn. Ends after the sums, which must fit the rows.
pub(super) struct TradeRows<R> {
    table: Table<R>,
    columns: Columns,
    wanted: Wanted,
    added: Added,
    done: bool,
}

impl<R: Read> TradeRows<R> {
    pub(super) fn open(from: R, wanted: Wanted) -> Result<Self, BadBill> {
        let table = Table::open(from)?;
        let columns = Columns::of(&table.header)?;
        Ok(Self { table, columns, wanted, added: Added::default(), done: false })
    }

    /// Reads all rows: how many there are.
    pub(super) fn check(mut self) -> Result<u64, BadBill> {
        let (mut numbers, mut inside) = (HashSet::new(), false);
        while let Some(row) = self.read()? {
            inside |= row.at.day() == self.wanted.day;
            if !numbers.insert(row.number().to_owned()) {
                return Err(BadBill::Twice(self.added.rows + 1));
            }
        }
        if self.added.rows > 0 && !inside {
            return Err(BadBill::Day(2));
        }
        Ok(self.added.rows)
    }

    fn read(&mut self) -> Result<Option<BillRow>, BadBill> {
        if self.done {
            return Ok(None);
        }
        match self.table.next()? {
            Next::Row(cells) => self.row(&cells).map(Some),
            Next::Sums(sums) => {
                self.added.check(&sums)?;
                self.done = true;
                Ok(None)
            }
        }
    }

    fn row(&mut self, cells: &Cells) -> Result<BillRow, BadBill> {
        let columns = &self.columns;
        if cells.get(columns.merchant.place) != self.wanted.merchant {
            return Err(BadBill::Merchant(cells.line));
        }
        if cells.get(columns.currency.place) != "CNY" {
            return Err(BadBill::Currency(cells.line));
        }
        let at = cells.time(columns.at)?;
        if !self.wanted.may_be_of_day(at) {
            return Err(BadBill::Day(cells.line));
        }
        self.added.add(cells, columns)?;
        let (entry, full, net) = match cells.get(columns.state.place) {
            "SUCCESS" => (BillEntry::Payment, columns.ordered, columns.settled),
            "REFUND" | "REVOKED" => {
                let refund_id = cells.number(columns.refund)?;
                let out_refund_no = cells.number(columns.our_refund)?;
                let stage = stage(columns.refund_state.map_or("", |place| cells.get(place)));
                let entry = BillEntry::Refund { refund_id, out_refund_no, stage };
                (entry, columns.asked_back, columns.refunded)
            }
            _ => {
                let column = columns.state.name;
                return Err(BadBill::Cell { line: cells.line, column });
            }
        };
        let amount = cells.fen(full)?;
        Ok(BillRow {
            entry,
            at,
            out_trade_no: cells.number(columns.number)?,
            transaction_id: cells.number(columns.transaction)?,
            amount,
            coupon: coupon(cells, amount, net)?,
            fee: cells.fee(columns.fee)?,
            rate: columns.rate.and_then(|place| cells.rate(place)),
        })
    }
}

/// How far a refund was; what WeChat says otherwise is not ended.
fn stage(state: &str) -> BilledRefund {
    match state {
        "SUCCESS" => BilledRefund::Done,
        "FAIL" | "CLOSED" | "REFUNDCLOSE" => BilledRefund::Failed,
        _ => BilledRefund::UnderWay,
    }
}

/// What of an amount the merchant's coupons paid.
fn coupon(cells: &Cells, amount: Fen, net: Column) -> Result<Fen, BadBill> {
    let unreadable = BadBill::Cell { line: cells.line, column: net.name };
    amount.minus(cells.fen(net)?).ok_or(unreadable)
}

impl<R: Read> Iterator for TradeRows<R> {
    type Item = Result<BillRow, BadBill>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
