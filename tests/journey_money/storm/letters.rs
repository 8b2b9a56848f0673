//! What is sent of payments, and what each is answered with.

use super::{AT_ONCE, Made, Tried};
use futures_util::stream::{self, StreamExt};
use rand::{Rng, RngExt, seq::SliceRandom};
use sandbox::{alipay::TradeView, wechat_pay::PaymentView};
use std::collections::BTreeMap;
use testkit::{
    AlipayForge, Answer, Api, Forge, Letter, ToldRefund, Trade, eventually, transaction_id, yuan,
};

const MOST_COPIES: u32 = 16;

/// What is sent, of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    True,
    BadSignature,
    WrongAmount,
    OtherMerchant,
    /// A refund of more than was paid.
    RefundTooMuch,
}

pub(super) type Counts = BTreeMap<Kind, usize>;

/// A message with what it is.
pub(super) struct Message {
    kind: Kind,
    letter: Letter,
    to_alipay: bool,
}

/// Writes the messages of either provider.
struct Writer {
    wechat_pay: Forge,
    alipay: AlipayForge,
}

impl Kind {
    fn random(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..100) {
            0..5 => Self::BadSignature,
            5..7 => Self::WrongAmount,
            7 => Self::OtherMerchant,
            8 => Self::RefundTooMuch,
            _ => Self::True,
        }
    }

    /// What is signed well is kept, and where it fits nothing the provider is asked.
    const fn is_taken(self) -> bool {
        match self {
            Self::True | Self::WrongAmount | Self::RefundTooMuch => true,
            Self::BadSignature | Self::OtherMerchant => false,
        }
    }
}

/// What is sent of four in five payments, shuffled. Nothing true is told of what was not paid.
pub(super) fn letters(orders: &[Made], rng: &mut impl Rng) -> Vec<Message> {
    let writer =
        Writer { wechat_pay: Forge::with_sandbox_keys(), alipay: AlipayForge::with_sandbox_keys() };
    let mut letters = Vec::new();
    for tried in orders.iter().flat_map(|made| &made.tried) {
        if rng.random_bool(0.2) {
            continue;
        }
        let mut written = BTreeMap::new();
        for copy in 0..rng.random_range(1..=MOST_COPIES) {
            let kind = Kind::random(rng);
            if kind == Kind::True && !tried.is_paid() {
                continue;
            }
            let write = || writer.write(tried, kind, copy);
            let letter = written.entry(kind).or_insert_with(write).clone();
            letters.push(Message { kind, letter, to_alipay: matches!(tried, Tried::Alipay(_)) });
        }
    }
    letters.shuffle(rng);
    letters
}

impl Writer {
    fn write(&self, tried: &Tried, kind: Kind, copy: u32) -> Letter {
        match tried {
            Tried::WechatPay(payment) => self.of_wechat_pay(payment, kind, copy),
            Tried::Alipay(trade) => self.of_alipay(trade, kind),
        }
    }

    fn of_wechat_pay(&self, payment: &PaymentView, kind: Kind, copy: u32) -> Letter {
        let (forge, id) = (&self.wechat_pay, format!("{}-{kind:?}", payment.out_trade_no));
        let mut told = forge.transaction(payment);
        match kind {
            Kind::True | Kind::BadSignature => {}
            Kind::WrongAmount => told["amount"]["total"] = (payment.total_fen + 1).into(),
            Kind::OtherMerchant => told["mchid"] = "1900000000".into(),
            Kind::RefundTooMuch => {
                let amount_fen = payment.total_fen + 1;
                let told = ToldRefund { number: &id, status: "SUCCESS", amount_fen };
                return forge.refund(&id, payment, &told);
            }
        }
        if payment.transaction_id.is_none() {
            told["transaction_id"] = transaction_id(payment, copy).into();
        }
        let letter = forge.message(&id, &told);
        if kind == Kind::BadSignature {
            let other = forge.signed("{}");
            letter.with("Wechatpay-Signature", other.header("Wechatpay-Signature"))
        } else {
            letter
        }
    }

    fn of_alipay(&self, trade: &TradeView, kind: Kind) -> Letter {
        let forge = &self.alipay;
        let told = Trade {
            out_trade_no: &trade.out_trade_no,
            trade_no: &trade.trade_no,
            buyer_open_id: &trade.open_id,
            total_fen: trade.total_fen,
        };
        let notice = forge.paid(&format!("{}-{kind:?}", trade.out_trade_no), told);
        let more = yuan(trade.total_fen + 1);
        match kind {
            Kind::True => forge.signed(&notice),
            Kind::BadSignature => forge.signed_by_app(&notice),
            Kind::WrongAmount => forge.signed(&notice.with("total_amount", more)),
            Kind::OtherMerchant => forge.signed(&notice.with("seller_id", "2088999999999999")),
            // Alipay's messages say no amount that anything rests on: the provider is asked.
            Kind::RefundTooMuch => {
                forge.signed(&notice.with("refund_fee", more).with("out_biz_no", "elsewhere"))
            }
        }
    }
}

pub(super) async fn send(api: &Api, letters: Vec<Message>, sent: &mut Counts) {
    let answers = stream::iter(letters).map(async |message| {
        // What could not be committed in time is sent again.
        let post = async || {
            let answer = message.letter.post(api, "xnec").await.ok()?;
            let failed = answer.status >= 500 || answer.bytes == b"fail";
            (!failed || !message.kind.is_taken()).then_some(answer)
        };
        let answer = eventually("a message is taken or refused", post).await;
        (message.kind, message.to_alipay, answer)
    });
    let mut answers = answers.buffer_unordered(AT_ONCE);
    while let Some((kind, to_alipay, answer)) = answers.next().await {
        assert_eq!(said(&answer), expected(kind, to_alipay), "{kind:?}");
        *sent.entry(kind).or_default() += 1;
    }
}

fn said(answer: &Answer) -> (u16, String) {
    (answer.status, if answer.status == 200 { answer.text() } else { String::new() })
}

fn expected(kind: Kind, to_alipay: bool) -> (u16, String) {
    let (status, body) = match (to_alipay, kind.is_taken()) {
        (true, true) => (200, "success"),
        (true, false) => (200, "fail"),
        (false, true) => (204, ""),
        (false, false) => (401, ""),
    };
    (status, body.to_owned())
}
