//! The purposes of orders.

use serde::{Deserialize, Serialize};

/// The purpose of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// 校园卡充值
    CardTopUp,
    /// 电子钱包充值
    WalletTopUp,
    /// 电费
    Electricity,
    /// 冷水
    ColdWater,
    /// 洗浴
    Shower,
    /// 网费
    NetworkFee,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CardTopUp,
        Self::WalletTopUp,
        Self::Electricity,
        Self::ColdWater,
        Self::Shower,
        Self::NetworkFee,
    ];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CardTopUp => "card_top_up",
            Self::WalletTopUp => "wallet_top_up",
            Self::Electricity => "electricity",
            Self::ColdWater => "cold_water",
            Self::Shower => "shower",
            Self::NetworkFee => "network_fee",
        }
    }

    /// The purpose of a stored name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }

    /// The title that the provider shows to the payer.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CardTopUp => "校园卡充值",
            Self::WalletTopUp => "电子钱包充值",
            Self::Electricity => "电费",
            Self::ColdWater => "冷水",
            Self::Shower => "洗浴",
            Self::NetworkFee => "网费",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_storage_are_those_on_the_wire() {
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.code());
            assert_eq!(Purpose::from_code(purpose.code()), Some(purpose));
        }
        assert_eq!(Purpose::from_code("gift"), None);
    }
}
