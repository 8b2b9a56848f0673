//! What can go wrong with a try of a callback, of any provider.

use serde::{Deserialize, Serialize};

use super::Forgery;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackFault {
    /// Sent later, so that others overtake it.
    Delay,
    /// Never arrives: counts as a try without an answer.
    Drop,
    /// Arrives; the merchant's answer is lost, so that it is sent again.
    AnswerLost,
    /// Sent twice at once, over two connections.
    Twice,
    Unsigned,
    /// The body was altered after it was signed.
    AlteredBody,
    WrongSignature,
    /// A probe of WeChat Pay in place of the signature.
    SignatureProbe,
    UnknownSerial,
    /// Validly signed, ten minutes ago.
    Stale,
    /// Validly signed, ten minutes from now.
    Future,
    /// Validly signed; encrypted under a key that the merchant does not have.
    OtherSealingKey,
    /// Validly signed and encrypted; reports one fen less.
    OtherAmount,
    /// The same, in another currency.
    OtherCurrency,
    /// The same, for another merchant.
    OtherMerchant,
    /// The same, in another app.
    OtherApp,
    /// The same, by another payer.
    OtherPayer,
    /// The same, of an order that the merchant never made.
    OtherOrder,
    /// The same, not paid at all.
    NotPaid,
    /// The same, under another number of the provider.
    OtherTransaction,
    /// The same, for another seller account.
    OtherSeller,
    /// Signed with a key that is not the provider's.
    OtherKey,
    /// Names an older kind of signature, a field that is not signed.
    SignTypeRsa,
    /// Validly signed, in GBK.
    Gbk,
    /// Validly signed, with a parameter that has no value.
    EmptyValue,
    /// With a parameter that was not signed.
    ExtraParameter,
    /// With a signed parameter twice, of different values.
    RepeatedParameter,
    /// With the quotation marks of a signed value escaped as HTML does.
    HtmlEscaped,
    /// To an address with a query of its own, which is not signed.
    ExtraQuery,
}

impl CallbackFault {
    pub const ALL: [Self; 29] = [
        Self::Delay,
        Self::Drop,
        Self::AnswerLost,
        Self::Twice,
        Self::Unsigned,
        Self::AlteredBody,
        Self::WrongSignature,
        Self::SignatureProbe,
        Self::UnknownSerial,
        Self::Stale,
        Self::Future,
        Self::OtherSealingKey,
        Self::OtherAmount,
        Self::OtherCurrency,
        Self::OtherMerchant,
        Self::OtherApp,
        Self::OtherPayer,
        Self::OtherOrder,
        Self::NotPaid,
        Self::OtherTransaction,
        Self::OtherSeller,
        Self::OtherKey,
        Self::SignTypeRsa,
        Self::Gbk,
        Self::EmptyValue,
        Self::ExtraParameter,
        Self::RepeatedParameter,
        Self::HtmlEscaped,
        Self::ExtraQuery,
    ];

    /// What can go wrong with a callback of WeChat Pay.
    pub(crate) const WECHAT_PAY: [Self; 19] = [
        Self::Delay,
        Self::Drop,
        Self::AnswerLost,
        Self::Twice,
        Self::Unsigned,
        Self::AlteredBody,
        Self::WrongSignature,
        Self::SignatureProbe,
        Self::UnknownSerial,
        Self::Stale,
        Self::Future,
        Self::OtherSealingKey,
        Self::OtherAmount,
        Self::OtherCurrency,
        Self::OtherMerchant,
        Self::OtherApp,
        Self::OtherPayer,
        Self::OtherOrder,
        Self::NotPaid,
    ];

    /// What can go wrong with a notification of Alipay.
    pub(crate) const ALIPAY: [Self; 22] = [
        Self::Delay,
        Self::Drop,
        Self::AnswerLost,
        Self::Twice,
        Self::Unsigned,
        Self::AlteredBody,
        Self::WrongSignature,
        Self::OtherAmount,
        Self::OtherApp,
        Self::OtherPayer,
        Self::OtherOrder,
        Self::NotPaid,
        Self::OtherTransaction,
        Self::OtherSeller,
        Self::OtherKey,
        Self::SignTypeRsa,
        Self::Gbk,
        Self::EmptyValue,
        Self::ExtraParameter,
        Self::RepeatedParameter,
        Self::HtmlEscaped,
        Self::ExtraQuery,
    ];

    pub(crate) fn forgery(self) -> Option<Forgery> {
        match self {
            Self::Unsigned => Some(Forgery::Unsigned),
            Self::AlteredBody => Some(Forgery::AlteredBody),
            Self::WrongSignature => Some(Forgery::WrongSignature),
            Self::SignatureProbe => Some(Forgery::SignatureProbe),
            Self::UnknownSerial => Some(Forgery::UnknownSerial),
            Self::Stale => Some(Forgery::Stale),
            Self::Future => Some(Forgery::Future),
            Self::Delay
            | Self::Drop
            | Self::AnswerLost
            | Self::Twice
            | Self::OtherSealingKey
            | Self::OtherAmount
            | Self::OtherCurrency
            | Self::OtherMerchant
            | Self::OtherApp
            | Self::OtherPayer
            | Self::OtherOrder
            | Self::NotPaid
            | Self::OtherTransaction
            | Self::OtherSeller
            | Self::OtherKey
            | Self::SignTypeRsa
            | Self::Gbk
            | Self::EmptyValue
            | Self::ExtraParameter
            | Self::RepeatedParameter
            | Self::HtmlEscaped
            | Self::ExtraQuery => None,
        }
    }

    /// For the control page.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Delay => "延迟投递",
            Self::Drop => "途中丢失",
            Self::AnswerLost => "商户应答丢失",
            Self::Twice => "同时投递两次",
            Self::Unsigned => "没有签名",
            Self::AlteredBody => "报文被改动",
            Self::WrongSignature => "签名错误",
            Self::SignatureProbe => "签名探测 SIGNTEST",
            Self::UnknownSerial => "未知的证书序列号",
            Self::Stale => "十分钟前的签名",
            Self::Future => "十分钟后的签名",
            Self::OtherSealingKey => "用别的密钥加密",
            Self::OtherAmount => "金额少一分",
            Self::OtherCurrency => "币种不符",
            Self::OtherMerchant => "别的商户号",
            Self::OtherApp => "别的小程序",
            Self::OtherPayer => "别的付款人",
            Self::OtherOrder => "不存在的订单号",
            Self::NotPaid => "状态为未支付",
            Self::OtherTransaction => "别的交易号",
            Self::OtherSeller => "别的收款账号",
            Self::OtherKey => "用别的私钥签名",
            Self::SignTypeRsa => "sign_type 改为 RSA",
            Self::Gbk => "GBK 编码",
            Self::EmptyValue => "带空值参数",
            Self::ExtraParameter => "多出未签名的参数",
            Self::RepeatedParameter => "参数重复",
            Self::HtmlEscaped => "参数被 HTML 转义",
            Self::ExtraQuery => "地址带有多余的查询参数",
        }
    }
}
