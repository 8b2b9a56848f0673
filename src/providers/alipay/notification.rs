//! Verifies notifications in a fixed order: the form, the signature over its bytes, the character
//! set, the application and the seller, the content.
//!
//! Whether the order exists, and whether amount and payer are the expected ones, is decided by
//! `payments`.

use super::{
    Shop,
    form::Form,
    trade::{self, TradeClaim, TradeStatus},
    trust::AlipayTrust,
    wire,
};
use crate::{
    base::{crypto::rsa::CheckedSignature, money::Fen},
    payments::gateway::{NamedPayment, NotificationRefused, Notified, VerifiedNotification},
};
use std::borrow::Cow;

/// The longest accepted body, in bytes; real ones have about two thousand.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The longest id of a notification, in characters.
const ID_MAX_CHARS: usize = 128;

/// The type of all notifications about payments.
const TRADE: &str = "trade_status_sync";

/// Verifies a notification and returns its content.
pub(super) fn verify(
    body: &[u8],
    trust: &AlipayTrust,
    shop: &Shop,
) -> Result<VerifiedNotification, NotificationRefused> {
    if body.len() > MAX_BYTES {
        return Err(NotificationRefused::Envelope);
    }
    let mut form = Form::parse(body).ok_or(NotificationRefused::Envelope)?;
    let sign = form.take("sign").ok_or(NotificationRefused::Signature)?;
    // Not signed: it may say anything, and never chooses the algorithm.
    if form.take("sign_type").is_some_and(|named| named != b"RSA2") {
        return Err(NotificationRefused::SignatureType);
    }
    // A sign that was not encoded lost its plus signs to the decoding.
    let sign = String::from_utf8(sign).map_err(|_| NotificationRefused::Signature)?;
    let proof = trust.verify(&form.bytes_to_sign(), &sign.replace(' ', "+"))?;
    let fields = Fields::of(&form);
    let id = fields.required("notify_id")?;
    if id.len() > ID_MAX_CHARS {
        return Err(NotificationRefused::Envelope);
    }
    let notified = notified(&fields, shop, &proof)?;
    Ok(VerifiedNotification::new(&proof, id, notified))
}

fn notified(
    fields: &Fields<'_>,
    shop: &Shop,
    proof: &CheckedSignature,
) -> Result<Notified, NotificationRefused> {
    let of = |name: &str| fields.text(name).map(Option::unwrap_or_default);
    if of("app_id")? != shop.app_id || of("seller_id")? != shop.seller_id {
        return Err(NotificationRefused::NotOurs);
    }
    if of("notify_type")? != TRADE {
        return Err(NotificationRefused::Envelope);
    }
    let status = of("trade_status")?;
    let Some(status) = TradeStatus::of(&status) else {
        tracing::warn!(%status, "a notification of an unknown status");
        return Ok(Notified::Nothing);
    };
    let total = trade::given_back(fields.text("refund_fee")?.as_deref())?;
    let given_back = total.is_some() || fields.text("gmt_refund")?.is_some();
    match status {
        TradeStatus::Waiting => Ok(Notified::Nothing),
        TradeStatus::Paid if !given_back => {
            Ok(Notified::Paid(fields.claim()?.into_fact(shop, proof)?))
        }
        TradeStatus::Closed if !given_back && fields.text("gmt_payment")?.is_none() => {
            Ok(Notified::Closed(fields.named()?))
        }
        // All messages about refunds look like messages about payments, except for this.
        TradeStatus::Paid => Ok(Notified::Refunded(fields.refunded(total)?)),
        // All of it, whether it says so or not.
        TradeStatus::Closed => {
            let all = fields.text("total_amount")?.as_deref().and_then(wire::fen_of);
            Ok(Notified::Refunded(fields.refunded(total.or(all))?))
        }
    }
}

/// The parameters of a notification whose signature verified, as texts.
struct Fields<'a> {
    form: &'a Form,
    charset: Cow<'a, str>,
}

impl<'a> Fields<'a> {
    fn of(form: &'a Form) -> Self {
        let charset = form.get("charset").map_or(Cow::Borrowed("utf-8"), String::from_utf8_lossy);
        Self { form, charset }
    }

    /// A parameter; an empty one counts as absent.
    fn text(&self, name: &str) -> Result<Option<String>, NotificationRefused> {
        let Some(bytes) = self.form.get(name) else {
            return Ok(None);
        };
        let text = wire::text_in(bytes, &self.charset).ok_or(NotificationRefused::Content)?;
        Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
    }

    fn required(&self, name: &str) -> Result<String, NotificationRefused> {
        self.text(name)?.ok_or(NotificationRefused::Content)
    }

    fn named(&self) -> Result<NamedPayment, NotificationRefused> {
        trade::named(self.required("out_trade_no")?, self.text("trade_no")?)
    }

    /// A payment of which so much was given back in all, and the refund that is reported. A number that
    /// could not be asked about counts as none.
    fn refunded(&self, given_back: Option<Fen>) -> Result<NamedPayment, NotificationRefused> {
        let number = self.text("out_biz_no")?.filter(|number| wire::is_number(number));
        let out_refund_no = number.unwrap_or_default();
        Ok(NamedPayment { out_refund_no, given_back, ..self.named()? })
    }

    fn claim(&self) -> Result<TradeClaim, NotificationRefused> {
        Ok(TradeClaim {
            out_trade_no: self.required("out_trade_no")?,
            trade_no: self.text("trade_no")?,
            total_amount: self.text("total_amount")?,
            paid_at: self.text("gmt_payment")?,
            open_id: self.text("buyer_open_id")?,
            user_id: self.text("buyer_id")?,
        })
    }
}
