//! Kinds and titles of statement lines, by the account on the other side.

use crate::ledger::statement::Sort;
use serde::{Deserialize, Serialize};

/// A kind of statement line, by which the statement can be filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// 充值: money came from a payment provider.
    TopUp,
    /// 消费: at tills, and for utilities such as water and electricity.
    Spend,
    /// 退款: a purchase or top-up that was refunded.
    Refund,
    /// 转账: between accounts of the same person.
    Transfer,
    /// 调整: by the school.
    Adjustment,
}

impl EntryKind {
    const ALL: [Self; 5] =
        [Self::TopUp, Self::Spend, Self::Refund, Self::Transfer, Self::Adjustment];

    /// As on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Spend => "spend",
            Self::Refund => "refund",
            Self::Transfer => "transfer",
            Self::Adjustment => "adjustment",
        }
    }

    /// The kind of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name in Chinese.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TopUp => "充值",
            Self::Spend => "消费",
            Self::Refund => "退款",
            Self::Transfer => "转账",
            Self::Adjustment => "调整",
        }
    }

    /// The filter for the ledger.
    pub(super) fn sorts(self) -> Vec<Sort> {
        let of = |incoming| {
            let sides =
                OTHER_SIDES.iter().filter(move |side| side.kind_and_title(incoming).0 == self);
            sides.map(move |side| Sort { other: side.other, incoming })
        };
        of(true).chain(of(false)).collect()
    }
}

/// The kind and the title of a line.
pub(super) type KindAndTitle = (EntryKind, &'static str);

/// An account on the other side, with the kinds and titles of incoming and outgoing money.
struct OtherSide {
    /// The pattern of its path: `%` matches any text.
    other: &'static str,
    came: KindAndTitle,
    went: KindAndTitle,
}

impl OtherSide {
    const fn kind_and_title(&self, incoming: bool) -> KindAndTitle {
        if incoming { self.came } else { self.went }
    }

    fn fits(&self, path: &str) -> bool {
        match self.other.split_once('%') {
            Some((start, end)) => path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            None => path == self.other,
        }
    }
}

const fn side(other: &'static str, came: KindAndTitle, went: KindAndTitle) -> OtherSide {
    OtherSide { other, came, went }
}

use EntryKind::{Adjustment, Refund, Spend, TopUp, Transfer};

/// The chart of accounts from the student's point of view; the first match counts.
const OTHER_SIDES: [OtherSide; 20] = [
    side("clearing/wechat_pay", (TopUp, "微信充值"), (Refund, "退回微信")),
    side("clearing/alipay", (TopUp, "支付宝充值"), (Refund, "退回支付宝")),
    side("clearing/%", (TopUp, "充值"), (Refund, "退款")),
    side("merchant/%", (Refund, "消费退回"), (Spend, "消费")),
    side("vendor/%", (Refund, "缴费退回"), (Spend, "生活缴费")),
    side("fee", (Refund, "手续费退回"), (Spend, "手续费")),
    side("person/%/goods", (Refund, "缴费退回"), (Spend, "生活缴费")),
    side("person/%/hold", (Refund, "用水预扣退回"), (Spend, "用水预扣")),
    side("person/%/shower", (Refund, "淋浴钱包退回"), (Spend, "淋浴钱包充值")),
    side("person/%/refund", (Refund, "退款未成功，已返还"), (Refund, "充值退款")),
    side("person/%/wallet", (Transfer, "电子钱包转入"), (Transfer, "转入电子钱包")),
    side("person/%/payout", (Transfer, "提现退回"), (Transfer, "提现")),
    side("card/%/writing", (Transfer, "领款入卡"), (Transfer, "领款")),
    side("card/%/frozen", (Transfer, "旧卡余额转入"), (Transfer, "旧卡余额冻结")),
    side("suspense", (Adjustment, "款项认领"), (Adjustment, "款项更正")),
    side("adjustment", (Adjustment, "校园卡中心调账"), (Adjustment, "校园卡中心调账")),
    side("opening", (Adjustment, "旧系统余额转入"), (Adjustment, "旧系统余额更正")),
    side("coupon", (Adjustment, "优惠发放"), (Adjustment, "优惠收回")),
    side("payout", (Adjustment, "余额调整"), (Adjustment, "余额调整")),
    UNKNOWN,
];

/// For accounts of a later release.
const UNKNOWN: OtherSide = side("", (Adjustment, "余额变动"), (Adjustment, "余额变动"));

/// The kind and the title of a line.
pub(super) fn kind_and_title(other: &str, incoming: bool) -> KindAndTitle {
    let side = OTHER_SIDES.iter().find(|side| side.fits(other)).unwrap_or(&UNKNOWN);
    side.kind_and_title(incoming)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            clock::Timestamp,
            ids::{PersonId, SchoolId},
        },
        ledger::account::{
            Account, CardAccount, CardId, Class, Name, PersonAccount, SchoolAccount,
        },
    };

    /// Every account that can face a spendable one, with the titles of incoming and outgoing money.
    #[test]
    fn every_account_has_titles() {
        use PersonAccount::{Goods, Hold, Payout, Shower, Wallet};
        let now = Timestamp::from_seconds(1);
        let name = |text| Name::parse(text).unwrap();
        let school = |account| Account::School(account);
        let of_card = |account| Account::Card(CardId::new(now), account);
        let cases = [
            (school(SchoolAccount::Clearing(name("wechat_pay"))), "微信充值", "退回微信"),
            (school(SchoolAccount::Clearing(name("alipay"))), "支付宝充值", "退回支付宝"),
            (school(SchoolAccount::Clearing(name("ccb"))), "充值", "退款"),
            (school(SchoolAccount::Merchant(name("canteen"))), "消费退回", "消费"),
            (school(SchoolAccount::Vendor(name("power"))), "缴费退回", "生活缴费"),
            (school(SchoolAccount::Suspense), "款项认领", "款项更正"),
            (school(SchoolAccount::Fee), "手续费退回", "手续费"),
            (school(SchoolAccount::Coupon), "优惠发放", "优惠收回"),
            (school(SchoolAccount::Payout), "余额调整", "余额调整"),
            (school(SchoolAccount::Adjustment), "校园卡中心调账", "校园卡中心调账"),
            (school(SchoolAccount::Opening), "旧系统余额转入", "旧系统余额更正"),
            (Account::Person(Wallet), "电子钱包转入", "转入电子钱包"),
            (Account::Person(Hold), "用水预扣退回", "用水预扣"),
            (Account::Person(Goods), "缴费退回", "生活缴费"),
            (Account::Person(PersonAccount::Refund), "退款未成功，已返还", "充值退款"),
            (Account::Person(Payout), "提现退回", "提现"),
            (Account::Person(Shower), "淋浴钱包退回", "淋浴钱包充值"),
            (of_card(CardAccount::Writing), "领款入卡", "领款"),
            (of_card(CardAccount::Frozen), "旧卡余额转入", "旧卡余额冻结"),
        ];
        for (account, came, went) in cases {
            let row = account.row(SchoolId::from_number(1), Some(PersonId::new(now))).unwrap();
            assert_ne!(row.class, Class::Spendable);
            let told = (kind_and_title(&row.path, true).1, kind_and_title(&row.path, false).1);
            assert_eq!(told, (came, went), "{}", row.path);
        }
        assert_eq!(kind_and_title("of/tomorrow", true), (Adjustment, "余额变动"));
    }

    #[test]
    fn filtering_by_kind_matches_the_shown_kind() {
        for (n, side) in OTHER_SIDES.iter().enumerate() {
            // Patterns that match the same account must have the same kind, since the filter has no
            // order.
            for later in OTHER_SIDES.iter().skip(n).filter(|later| later.fits(side.other)) {
                assert_eq!((later.came.0, later.went.0), (side.came.0, side.went.0));
            }
            for incoming in [true, false] {
                let kind = side.kind_and_title(incoming).0;
                let sort = Sort { other: side.other, incoming };
                for any in EntryKind::ALL {
                    assert_eq!(any.sorts().contains(&sort), any == kind, "{sort:?}");
                }
            }
        }
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::from_code(kind.code()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
        assert_eq!(EntryKind::from_code("Spend"), None);
    }
}
