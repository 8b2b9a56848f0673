//! What can go wrong with a merchant's request, to any provider.

use serde::{Deserialize, Serialize};

use super::Forgery;

/// The faults of an endpoint, in groups.
pub(crate) type FaultGroups = &'static [&'static [RequestFault]];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestFault {
    /// Nothing is done, and no answer comes for a minute.
    TimeOut,
    /// Nothing is done: the provider says that requests come too often.
    TooManyRequests,
    /// Nothing is done: the provider says that its system failed.
    SystemError,
    /// Nothing is done: the caller's address is not in the merchant's list. Not drawn by a seed: it does not
    /// come and go.
    AddressNotAllowed,
    /// Nothing is done: 502 and a gateway's page.
    BadGateway,
    /// Nothing is done: 503 and an empty body.
    Unavailable,
    /// Nothing is done: 200 and a foreign page, as in a network that asks for a sign-in.
    Html,
    /// Nothing is done: 200 and half an object.
    Garbage,
    /// All is done; the connection breaks before the answer is whole.
    AnswerLost,
    /// All is done; the answer is validly signed but not JSON.
    SignedGarbage,
    /// All is done; the answer is not signed.
    Unsigned,
    /// All is done; the answer's body was altered after it was signed.
    AlteredBody,
    WrongSignature,
    /// All is done; a probe of WeChat Pay stands in place of the signature.
    SignatureProbe,
    UnknownSerial,
    /// All is done; the answer was signed ten minutes ago.
    Stale,
    /// All is done; the answer was signed ten minutes from now.
    Future,
    /// All is done; the signed answer says that the system failed.
    BusinessSystemError,
    /// Nothing is done: a signed error in GBK.
    GbkError,
    /// All is done; the signature stands before what it signs.
    SignFirst,
    /// All is done; a text of the signed answer holds braces and a quoted signature.
    BraceInString,
    /// All is done; slashes are escaped in the answer and were not when it was signed.
    SlashUnescaped,
    /// All is done; the signed part comes twice, the second time with another content.
    RepeatedKey,
    /// All is done; the signed answer is about another order.
    OtherOrder,
    /// All is done; the signed address of a file is on another host.
    OtherHost,
    /// Of a file: its second half is missing.
    Truncated,
    /// Of a file: a byte of the archive is wrong.
    BrokenArchive,
    /// Of a file: what is packed is far larger than any real one.
    Huge,
    /// Of a file: it is of the day before.
    OtherDay,
    /// Of a file: it is of another account.
    OtherSeller,
}

impl RequestFault {
    pub const ALL: [Self; 30] = [
        Self::TimeOut,
        Self::TooManyRequests,
        Self::SystemError,
        Self::AddressNotAllowed,
        Self::BadGateway,
        Self::Unavailable,
        Self::Html,
        Self::Garbage,
        Self::AnswerLost,
        Self::SignedGarbage,
        Self::Unsigned,
        Self::AlteredBody,
        Self::WrongSignature,
        Self::SignatureProbe,
        Self::UnknownSerial,
        Self::Stale,
        Self::Future,
        Self::BusinessSystemError,
        Self::GbkError,
        Self::SignFirst,
        Self::BraceInString,
        Self::SlashUnescaped,
        Self::RepeatedKey,
        Self::OtherOrder,
        Self::OtherHost,
        Self::Truncated,
        Self::BrokenArchive,
        Self::Huge,
        Self::OtherDay,
        Self::OtherSeller,
    ];

    /// What can go wrong with every endpoint.
    const COMMON: &[Self] = &[
        Self::TimeOut,
        Self::TooManyRequests,
        Self::SystemError,
        Self::BadGateway,
        Self::Unavailable,
        Self::Html,
        Self::Garbage,
        Self::AnswerLost,
    ];

    /// What can go wrong where a provider keeps a list of addresses.
    const LISTED: &[Self] = &[Self::AddressNotAllowed];

    /// What can go wrong with every answer that is signed.
    const SIGNED: &[Self] =
        &[Self::SignedGarbage, Self::Unsigned, Self::AlteredBody, Self::WrongSignature];

    /// What can go wrong with the signed answers of WeChat Pay.
    pub(crate) const WECHAT_PAY: FaultGroups = &[
        Self::COMMON,
        Self::SIGNED,
        &[Self::SignatureProbe, Self::UnknownSerial, Self::Stale, Self::Future],
    ];

    /// The same with an order's query, which merchants try their keys with.
    pub(crate) const WECHAT_PAY_QUERY: FaultGroups = &[
        Self::COMMON,
        Self::SIGNED,
        &[Self::SignatureProbe, Self::UnknownSerial, Self::Stale, Self::Future],
        Self::LISTED,
    ];

    /// What its answers alone can have.
    const OF_ALIPAY: &[Self] = &[
        Self::UnknownSerial,
        Self::BusinessSystemError,
        Self::GbkError,
        Self::SignFirst,
        Self::BraceInString,
        Self::SlashUnescaped,
        Self::RepeatedKey,
        Self::OtherOrder,
        Self::OtherHost,
    ];

    /// What can go wrong with the signed answers of Alipay.
    pub(crate) const ALIPAY: FaultGroups = &[Self::COMMON, Self::SIGNED, Self::OF_ALIPAY];

    /// The same with a trade's query.
    pub(crate) const ALIPAY_QUERY: FaultGroups =
        &[Self::COMMON, Self::SIGNED, Self::OF_ALIPAY, Self::LISTED];

    /// What can go wrong with a file that is downloaded.
    pub(crate) const FILE: FaultGroups = &[
        Self::COMMON,
        &[Self::Truncated, Self::BrokenArchive, Self::Huge, Self::OtherDay, Self::OtherSeller],
    ];

    /// What can go wrong with the signed answers of the locks' adapter.
    pub(crate) const LOCKS: FaultGroups = &[Self::COMMON, Self::SIGNED, &[Self::OtherOrder]];

    /// What can go wrong with an endpoint whose answers are not signed.
    pub(crate) const UNSIGNED_ANSWERS: FaultGroups = &[Self::COMMON];

    /// The same where addresses are listed.
    pub(crate) const UNSIGNED_AND_LISTED: FaultGroups = &[Self::COMMON, Self::LISTED];

    /// Whether a seed may draw it.
    pub(crate) fn is_drawn(self) -> bool {
        self != Self::AddressNotAllowed
    }

    pub(crate) fn forgery(self) -> Option<Forgery> {
        match self {
            Self::Unsigned => Some(Forgery::Unsigned),
            Self::AlteredBody => Some(Forgery::AlteredBody),
            Self::WrongSignature => Some(Forgery::WrongSignature),
            Self::SignatureProbe => Some(Forgery::SignatureProbe),
            Self::UnknownSerial => Some(Forgery::UnknownSerial),
            Self::Stale => Some(Forgery::Stale),
            Self::Future => Some(Forgery::Future),
            Self::TimeOut
            | Self::TooManyRequests
            | Self::SystemError
            | Self::AddressNotAllowed
            | Self::BadGateway
            | Self::Unavailable
            | Self::Html
            | Self::Garbage
            | Self::AnswerLost
            | Self::SignedGarbage
            | Self::BusinessSystemError
            | Self::GbkError
            | Self::SignFirst
            | Self::BraceInString
            | Self::SlashUnescaped
            | Self::RepeatedKey
            | Self::OtherOrder
            | Self::OtherHost
            | Self::Truncated
            | Self::BrokenArchive
            | Self::Huge
            | Self::OtherDay
            | Self::OtherSeller => None,
        }
    }

    /// For the control page.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::TimeOut => "未处理，一分钟不应答",
            Self::TooManyRequests => "未处理，429 频率限制",
            Self::SystemError => "未处理，500 系统错误",
            Self::AddressNotAllowed => "未处理，地址不在白名单",
            Self::BadGateway => "未处理，502 网关页面",
            Self::Unavailable => "未处理，503 空应答",
            Self::Html => "未处理，200 网页",
            Self::Garbage => "未处理，200 残缺 JSON",
            Self::AnswerLost => "已处理，应答丢失",
            Self::SignedGarbage => "已处理，签名正确但不是 JSON",
            Self::Unsigned => "已处理，应答没有签名",
            Self::AlteredBody => "已处理，应答被改动",
            Self::WrongSignature => "已处理，应答签名错误",
            Self::SignatureProbe => "已处理，签名探测 SIGNTEST",
            Self::UnknownSerial => "已处理，未知的证书序列号",
            Self::Stale => "已处理，十分钟前的签名",
            Self::Future => "已处理，十分钟后的签名",
            Self::BusinessSystemError => "已处理，应答为业务系统错误",
            Self::GbkError => "未处理，GBK 编码的系统繁忙",
            Self::SignFirst => "已处理，签名排在内容之前",
            Self::BraceInString => "已处理，内容的文本里有括号",
            Self::SlashUnescaped => "已处理，签名后才转义斜杠",
            Self::RepeatedKey => "已处理，内容重复出现",
            Self::OtherOrder => "已处理，应答的是别的订单",
            Self::OtherHost => "已处理，文件地址在别的主机",
            Self::Truncated => "文件缺后半部分",
            Self::BrokenArchive => "文件的压缩包损坏",
            Self::Huge => "文件解压后极大",
            Self::OtherDay => "前一天的文件",
            Self::OtherSeller => "别的账号的文件",
        }
    }
}
