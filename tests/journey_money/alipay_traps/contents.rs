//! What is told: whose money, how much, and of whom.

use super::trap::{Trap, kept, posts, recorded, refused};
use testkit::yuan;

pub const TRAPS: &[Trap] = &[
    refused("another app", |s| s.lie("app_id", "2021000000000000")),
    refused("no app", |s| s.lacking("app_id")),
    refused("another seller", |s| s.lie("seller_id", "2088000000000000")),
    refused("no seller", |s| s.lacking("seller_id")),
    refused("another kind of notification", |s| s.lie("notify_type", "open_app_auth_notify")),
    refused("no kind of notification", |s| s.lacking("notify_type")),
    refused("no id", |s| s.lacking("notify_id")),
    refused("an endless id", |s| s.lie("notify_id", &"9".repeat(129))),
    recorded("not paid yet", "ignored", |s| {
        s.signed(&s.truth().with("trade_status", "WAIT_BUYER_PAY").without("gmt_payment"))
    }),
    recorded("an unknown status", "ignored", |s| s.lie("trade_status", "TRADE_MAYBE")),
    recorded("success in lower case", "ignored", |s| s.lie("trade_status", "trade_success")),
    recorded("closed unpaid", "closed", |s| {
        s.signed(&s.truth().with("trade_status", "TRADE_CLOSED").without("gmt_payment"))
    }),
    recorded("a partial refund that looks like a payment", "refunded", |s| {
        let refunded = s.truth().with("refund_fee", "0.30").with("out_biz_no", "r-1");
        s.signed(&refunded.with("gmt_refund", "2026-11-29 10:00:00.123"))
    }),
    recorded("a full refund that looks like a closing", "refunded", |s| {
        let refunded = s.truth().with("trade_status", "TRADE_CLOSED").with("refund_fee", "1.00");
        s.signed(&refunded.with("gmt_refund", "2026-11-29 10:00:00.123"))
    }),
    posts("nothing refunded, and it says so", |s| s.lie("refund_fee", "0.00")),
    posts("no longer refundable, which was paid too", |s| s.lie("trade_status", "TRADE_FINISHED")),
    posts("an amount without decimals", |s| s.lie("total_amount", "1")),
    posts("an amount with one decimal", |s| s.lie("total_amount", "1.0")),
    posts("a discount that the merchant does not bear", |s| {
        s.signed(&s.truth().with("buyer_pay_amount", "0.70").with("point_amount", "0.30"))
    }),
    posts("a voucher that the merchant bears", |s| s.lie("receipt_amount", "0.70")),
    posts("a payer who is not told", |s| s.lacking("buyer_open_id")),
    posts("both names of the payer", |s| s.signed(&s.truth().with("buyer_id", "2088000000000001"))),
    posts("the old name of the open id, which means nothing", |s| {
        s.signed(&s.truth().with("open_id", "20880000000000000000000000000000"))
    }),
    posts("paid at a fraction of a second", |s| s.lie("gmt_payment", "2026-11-29 10:00:00.1")),
    refused("no amount", |s| s.lacking("total_amount")),
    refused("an empty amount", |s| s.lie("total_amount", "")),
    refused("zero", |s| s.lie("total_amount", "0.00")),
    refused("below zero", |s| s.lie("total_amount", "-1.00")),
    refused("a tenth of a fen", |s| s.lie("total_amount", "1.001")),
    refused("an amount as a power", |s| s.lie("total_amount", "1e0")),
    refused("an amount in wide digits", |s| s.lie("total_amount", "１.００")),
    refused("an amount with a comma", |s| s.lie("total_amount", "1,000.00")),
    refused("an amount past 64 bits", |s| s.lie("total_amount", "92233720368547758.08")),
    refused("an amount with a space", |s| s.lie("total_amount", " 1.00")),
    refused("a refund that is no amount", |s| s.lie("refund_fee", "some")),
    refused("no time of payment", |s| s.lacking("gmt_payment")),
    refused("a time of payment that is none", |s| s.lie("gmt_payment", "2026-13-41 25:61:00")),
    refused("a time of payment with a zone", |s| s.lie("gmt_payment", "2026-11-29T10:00:00+08:00")),
    kept("one fen less", "amount", |s| s.lie("total_amount", &yuan(s.trade.total_fen - 1))),
    kept("one fen more", "amount", |s| s.lie("total_amount", &yuan(s.trade.total_fen + 1))),
    kept("a hundredfold", "amount", |s| s.lie("total_amount", "100.00")),
    kept("somebody else paid", "payer", |s| {
        s.lie("buyer_open_id", "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5")
    }),
    kept("somebody else paid, by the older name", "payer", |s| {
        s.signed(&s.truth().without("buyer_open_id").with("buyer_id", "2088000000000000"))
    }),
    kept("no order of ours", "no_order", |s| {
        s.lie("out_trade_no", &uuid::Uuid::now_v7().simple().to_string())
    }),
    kept("our number in capitals", "no_order", |s| {
        s.lie("out_trade_no", &s.trade.out_trade_no.to_uppercase())
    }),
    kept("a number that would be a command", "no_order", |s| {
        s.lie("out_trade_no", "';DROP_TABLE_orders;--")
    }),
    refused("no number", |s| s.lie("out_trade_no", "")),
    refused("a number with NUL", |s| s.lie("out_trade_no", "a\0b")),
    refused("an endless number", |s| s.lie("out_trade_no", &"f".repeat(65))),
    refused("no trade", |s| s.lacking("trade_no")),
    refused("an empty trade", |s| s.lie("trade_no", "")),
    refused("an endless trade", |s| s.lie("trade_no", &"4".repeat(65))),
    refused("a trade with a line break", |s| s.lie("trade_no", "20\n26")),
];
