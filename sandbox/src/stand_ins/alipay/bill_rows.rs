//! The texts of a day's bills: the trades and refunds of an app, and what they did to its account.

use chrono::{DateTime, Utc};

use super::gateway::TIME;
use super::trade::{Refund, Trade};
use crate::clock::china;
use crate::page::yuan;

/// What Alipay keeps of a payment, in ten thousandths; it goes back with a refund.
const FEE: i64 = 60;

/// A payment or a refund, as a line of the bill.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) at: DateTime<Utc>,
    refund: Option<String>,
    trade_no: String,
    out_trade_no: String,
    subject: String,
    created_at: DateTime<Utc>,
    buyer: String,
    /// Negative for a refund.
    fen: i64,
    /// Negative for a payment.
    fee_fen: i64,
}

impl Row {
    /// What a trade brings into the bills of all days.
    pub(super) fn all_of(trade: &Trade) -> Vec<Self> {
        let paid = trade.paid_at().map(|at| Self::new(trade, None, at, trade.total_fen));
        let refunds = trade.refunds.iter().filter_map(|refund| {
            Some(Self::new(trade, Some(refund), refund.done_at()?, -refund.fen))
        });
        paid.into_iter().chain(refunds).collect()
    }

    fn new(trade: &Trade, refund: Option<&Refund>, at: DateTime<Utc>, fen: i64) -> Self {
        Self {
            at,
            refund: refund.map(|refund| refund.request_no.clone()),
            trade_no: trade.trade_no.clone(),
            out_trade_no: trade.out_trade_no.clone(),
            subject: trade.subject.clone(),
            created_at: trade.created_at,
            buyer: format!("*{}({})", trade.buyer.surname(), trade.buyer.logon_id()),
            fen,
            // Rounded half up, away from zero.
            fee_fen: -fen.signum() * ((fen.abs() * FEE + 5000) / 10_000),
        }
    }

    fn trade_line(&self) -> String {
        let kind = if self.refund.is_some() { "退款" } else { "交易" };
        let (created, done) = (time(self.created_at), time(self.at));
        let (amount, fee) = (signed(self.fen), signed(self.fee_fen));
        let cells = [
            &self.trade_no,
            &self.out_trade_no,
            kind,
            &self.subject,
            &created,
            &done,
            "",
            "",
            "",
            "",
            &self.buyer,
            &amount,
            &amount,
            "0.00",
            "0.00",
            "0.00",
            "0.00",
            "0.00",
            "",
            "0.00",
            "0.00",
            self.refund.as_deref().unwrap_or_default(),
            &fee,
            "0.00",
            "",
        ];
        line(&cells)
    }
}

const TRADE_HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,\
    终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
    券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";

const ACCOUNT_HEAD: &str = "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,\
    支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注";

/// Whose bill it is, and of when, in the words of its head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) seller_id: &'a str,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

/// `_业务明细.csv`: a line for each payment and each refund.
pub(super) fn trades(head: Head<'_>, rows: &[Row]) -> String {
    let lines = rows.iter().map(Row::trade_line).collect();
    let payments: Vec<_> = rows.iter().filter(|row| row.refund.is_none()).collect();
    let refunds: Vec<_> = rows.iter().filter(|row| row.refund.is_some()).collect();
    let total = |name: &str, rows: &[&Row]| {
        let (count, fen) = (rows.len(), rows.iter().map(|row| row.fen).sum());
        format!("#{name}合计：{count}笔，商家实收共{}元，商家优惠共0.00元", signed(fen))
    };
    let foot = vec![total("交易", &payments), total("退款", &refunds)];
    whole("业务明细", head, TRADE_HEAD, lines, foot)
}

/// `_业务明细(汇总).csv`.
pub(super) fn trades_summary(head: Head<'_>, rows: &[Row]) -> String {
    let sum = |pick: fn(&Row) -> i64| rows.iter().map(pick).sum::<i64>();
    let refunds = rows.iter().filter(|row| row.refund.is_some()).count();
    let payments = (rows.len() - refunds).to_string();
    let (refunds, amount, fee) =
        (refunds.to_string(), signed(sum(|row| row.fen)), signed(sum(|row| row.fee_fen)));
    let net = signed(sum(|row| row.fen + row.fee_fen));
    let columns = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,\
        支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）";
    let cells = [
        "合计", "", &payments, &refunds, &amount, &amount, "0.00", "0.00", "0.00", &fee, "0.00",
        &net,
    ];
    whole("业务汇总", head, columns, vec![line(&cells)], Vec::new())
}

/// `_账务明细.csv`: what payments, refunds and fees did to the account, which begins at zero.
pub(super) fn account(head: Head<'_>, rows: &[Row]) -> String {
    let (mut balance, mut lines) = (0, Vec::new());
    for (row, place) in rows.iter().zip(1_u32..) {
        let (kind, fee_kind) = match row.refund {
            Some(_) => ("交易退款", "退费"),
            None => ("在线支付", "收费"),
        };
        for (part, fen, kind) in [(1, row.fen, kind), (2, row.fee_fen, fee_kind)] {
            balance += fen;
            let number = format!("{}{place:08}{part}", china(row.at).format("%Y%m%d"));
            let (income, outgo) = if fen < 0 { (0, fen) } else { (fen, 0) };
            let (income, outgo, balance) = (signed(income), signed(outgo), signed(balance));
            lines.push(line(&[
                &number,
                &row.trade_no,
                &row.out_trade_no,
                &row.subject,
                &time(row.at),
                &row.buyer,
                &income,
                &outgo,
                &balance,
                "支付宝",
                kind,
                row.refund.as_deref().unwrap_or_default(),
            ]));
        }
    }
    whole("账务明细", head, ACCOUNT_HEAD, lines, Vec::new())
}

fn whole(
    name: &str,
    head: Head<'_>,
    columns: &str,
    lines: Vec<String>,
    foot: Vec<String>,
) -> String {
    let day = |at: DateTime<Utc>| china(at).format("%Y年%m月%d日 %H:%M:%S").to_string();
    let dashes = "-".repeat(40);
    let mut all = vec![
        format!("#支付宝{name}查询"),
        format!("#账号：[{}0156]", head.seller_id),
        format!("#起始日期：[{}]   终止日期：[{}]", day(head.from), day(head.to)),
        format!("#{dashes}{name}列表{dashes}"),
        columns.to_owned(),
    ];
    all.extend(lines);
    all.push(format!("#{dashes}{name}列表结束{dashes}"));
    all.extend(foot);
    all.push(format!("#导出时间：[{}]", day(head.to)));
    all.push(String::new());
    all.join("\r\n")
}

/// Alipay fills its cells up with tabs.
fn line(cells: &[&str]) -> String {
    let cell = |text: &&str| format!("{}\t", text.replace([',', '"', '\r', '\n'], " "));
    cells.iter().map(cell).collect::<Vec<_>>().join(",")
}

fn signed(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}", yuan(fen.abs()))
}

fn time(at: DateTime<Utc>) -> String {
    china(at).format(TIME).to_string()
}
