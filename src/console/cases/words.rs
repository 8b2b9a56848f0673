//! What cases are called, what is known of them, and what is proposed.

use crate::{cases::CaseKind, staff::CaseProposal};

/// The kind of a case, as menus and lists name it.
pub(in crate::console) const fn kind(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::SecondPayment => "第二次付款",
        CaseKind::SecondTransaction => "一笔支付两个交易号",
        CaseKind::NoOrder => "没有订单的收款",
        CaseKind::OtherMerchant => "商户号或应用不符",
        CaseKind::OtherAmount => "金额不符",
        CaseKind::OtherPayer => "付款人不符",
        CaseKind::OtherSchool => "别校的付款消息",
        CaseKind::TransactionTaken => "交易号已记在别的支付",
        CaseKind::RefundedAtProvider => "在支付平台退的款",
        CaseKind::RefundRefused => "支付平台拒绝退款",
        CaseKind::RefundOver => "可退的钱不够",
        CaseKind::RefundAbnormal => "退款没有退进原账户",
        CaseKind::RefundUnknown => "退款结果未知",
        CaseKind::RefundClosed => "退款已关闭，没有退出",
        CaseKind::RefundDisagrees => "退款消息不符",
        CaseKind::PurposeUnavailable => "付了不能办理的用途",
        CaseKind::Shipping => "发货信息没有送达",
    }
}

/// The same of a case whose kind this release may not know.
pub(super) fn title(of: Option<CaseKind>) -> &'static str {
    of.map_or("其他异常", kind)
}

/// What happened, and where the money is where no refund tells it.
pub(super) const fn known(kind: CaseKind) -> [&'static str; 2] {
    match kind {
        CaseKind::SecondPayment => {
            ["订单已经付清，又收到一笔付款", "在暂记户，等系统自动退回付款人"]
        }
        CaseKind::SecondTransaction => {
            ["支付平台为同一笔支付报了两个交易号", "第二个交易号的钱在暂记户，等系统自动退回"]
        }
        CaseKind::NoOrder => {
            ["商户收到一笔钱，单号不是本校的订单", "支付平台查询确认的在暂记户；没有确认的不记账"]
        }
        CaseKind::OtherMerchant => {
            ["付款消息里的商户号或应用与订单不同", "支付平台查询确认的在暂记户；没有确认的不记账"]
        }
        CaseKind::OtherAmount => {
            ["付款消息里的金额与订单不同", "支付平台查询确认的在暂记户；没有确认的不记账"]
        }
        CaseKind::OtherPayer => {
            ["付款人不是下单的人", "支付平台查询确认的在暂记户；没有确认的不记账"]
        }
        CaseKind::OtherSchool => ["付款消息送到了本校，订单是别校的", "没有记账"],
        CaseKind::TransactionTaken => {
            ["这个交易号已经记在另一笔支付上", "没有再记账，钱在另一笔支付"]
        }
        CaseKind::RefundedAtProvider => {
            ["有人在商户平台退了款，这里还没有对应的退款", "付款人已收到退款，学生账户的钱还没有扣"]
        }
        CaseKind::RefundRefused => ["支付平台拒绝退款，多半是商户余额不足", "在退款户或暂记户"],
        CaseKind::RefundOver => {
            ["这笔支付剩下可退的钱少于要退的，多半已在商户平台退过", "见退款的状态"]
        }
        CaseKind::RefundAbnormal => {
            ["原路退不回去，钱停在支付平台", "在退款户；支付平台等商户说退到哪里"]
        }
        CaseKind::RefundUnknown => ["发出退款后一直没有结果", "在退款户，支付平台还没有说"],
        CaseKind::RefundClosed => {
            ["支付平台关闭了退款，钱没有退出", "学生的钱已回学生账户；多付的仍在暂记户"]
        }
        CaseKind::RefundDisagrees => {
            ["支付平台说的退款与这里的退款或支付对不上", "没有按这条消息记账"]
        }
        CaseKind::PurposeUnavailable => {
            ["付的是系统现在不能办理的用途，订单停在已付款", "在暂记户"]
        }
        CaseKind::Shipping => {
            ["没有能告诉平台订单已发货，平台可能暂扣货款", "已记入学生账户，与本项无关"]
        }
    }
}

/// What is proposed.
pub(super) const fn advice(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::SecondPayment | CaseKind::SecondTransaction => {
            "等系统退回这一笔，退到后本项自动结束。退款被拒绝时另有一项异常，在那里处理。"
        }
        CaseKind::NoOrder
        | CaseKind::OtherMerchant
        | CaseKind::OtherAmount
        | CaseKind::OtherPayer => {
            "到商户平台核对这笔收款；不该收的在商户平台退回，再写明单号和结果办结。"
        }
        CaseKind::OtherSchool => "核对两校的商户和回调地址设置，写明结果办结。",
        CaseKind::TransactionTaken => "核对两笔支付，写明结果办结；要退款的在订单页申请。",
        CaseKind::RefundedAtProvider => {
            "系统从支付平台得知那笔退款后记账，本项自动结束。一直没有的，在对账里核对当天差异。"
        }
        CaseKind::RefundRefused => {
            "先在商户平台补足余额，系统每天再试。永远退不了的，申请终止退款，另一人复核后钱回学生账户。"
        }
        CaseKind::RefundOver => "核对已退的金额；这笔退款不该再退的，申请终止退款。",
        CaseKind::RefundAbnormal => {
            "到商户平台处理这笔退款（改退到银行卡等）；支付平台确认后本项自动结束。"
        }
        CaseKind::RefundUnknown => {
            "系统每天查询。支付平台说没有这笔退款的，可以申请终止退款，另一人复核。"
        }
        CaseKind::RefundClosed => {
            "学生的钱已回账户的，写明结果办结；多付的申请终止退款，记给学生。"
        }
        CaseKind::RefundDisagrees => "核对支付平台的退款记录，写明结果办结。",
        CaseKind::PurposeUnavailable => "申请退款，另一人复核后原路退回付款人。",
        CaseKind::Shipping => "在小程序后台“发货信息管理”录入，写明结果办结；系统每天也会再试。",
    }
}

/// Who acts next, in a word.
pub(super) const fn proposal(proposal: CaseProposal) -> &'static str {
    match proposal {
        CaseProposal::Wait => "等系统",
        CaseProposal::EndRefund => "申请终止退款，交复核",
        CaseProposal::Refund => "申请退款，交复核",
        CaseProposal::AtProvider => "到支付平台处理",
        CaseProposal::Note => "核对后说明",
    }
}

/// The states of a case, by the code that addresses and answers use.
pub(super) fn state(code: &str) -> &'static str {
    match code {
        "open" => "未结",
        "free" => "未接手",
        "taken" => "处理中",
        "review" => "待复核",
        "closed" => "已结",
        _ => "其他",
    }
}

/// What the program wrote down, with a word for it. Texts that are not known stay as they are.
pub(super) fn found(detail: &str) -> (&'static str, String) {
    let tries =
        detail.strip_prefix("no answer after ").and_then(|rest| rest.strip_suffix(" tries"));
    if let Some(tries) = tries {
        return ("平台", format!("试了 {tries} 次，没有答复"));
    }
    if let Some(code) = detail.strip_prefix("the platform answers ") {
        return ("平台", format!("答复 {code}"));
    }
    if let Some(rest) = detail.strip_prefix("a refund of ") {
        let number = rest.split(',').next().unwrap_or(rest);
        return ("支付单号", format!("{number}，支付平台没有说它已付款"));
    }
    match detail.split_once(" of ") {
        Some((amount, number)) if amount.starts_with('¥') => {
            let number = number.split(' ').next().unwrap_or(number);
            ("支付单号", number.to_owned())
        }
        Some(_) | None => ("记录", detail.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_its_words() {
        let names: BTreeSet<_> = CaseKind::ALL.map(kind).into_iter().collect();
        assert_eq!(names.len(), CaseKind::ALL.len());
        for of in CaseKind::ALL {
            let [what, place] = known(of);
            for text in [what, place, advice(of), proposal(CaseProposal::of(of))] {
                assert!(!text.is_ascii() && !text.contains("成功"), "{of:?}: {text}");
            }
        }
    }

    #[test]
    fn what_the_program_wrote_is_read() {
        let number = "019adc3b2f3071b2a8b4f9a0c1d2e3f4";
        for (detail, label, text) in [
            (format!("¥50.00 of {number}"), "支付单号", number.to_owned()),
            (format!("¥1.00 of {number} that no refund explains"), "支付单号", number.to_owned()),
            ("¥1.00 of <b>".to_owned(), "支付单号", "<b>".to_owned()),
            (
                format!("a refund of {number}, which the provider does not say was paid"),
                "支付单号",
                format!("{number}，支付平台没有说它已付款"),
            ),
            ("no answer after 20 tries".to_owned(), "平台", "试了 20 次，没有答复".to_owned()),
            ("the platform answers 10060001".to_owned(), "平台", "答复 10060001".to_owned()),
            ("something else".to_owned(), "记录", "something else".to_owned()),
        ] {
            assert_eq!(found(&detail), (label, text), "{detail}");
        }
    }
}
