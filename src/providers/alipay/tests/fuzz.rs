//! Arbitrary bytes and altered messages: no panic, and nothing altered is accepted.

use super::super::{
    Alipay, answer,
    envelope::Envelope,
    testing::{NOW, content_key, gateway, notification, paid, signed, trust},
};
use crate::payments::gateway::{
    KeptHeaders, Notified, PaymentGateway, RawNotification, VerifiedNotification,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::sync::OnceLock;

fn verified(body: &[u8]) -> Option<VerifiedNotification> {
    static GATEWAY: OnceLock<Alipay> = OnceLock::new();
    let gateway = GATEWAY.get_or_init(|| gateway("http://127.0.0.1:1/gateway.do"));
    let raw = RawNotification { headers: &KeptHeaders::default(), body };
    gateway.verify(&raw, NOW).ok()
}

fn said(body: &[u8]) -> Option<answer::Said> {
    answer::read(body, "alipay.trade.query", &trust(), Some(&content_key())).ok()
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(body in vec(any::<u8>(), 0..300)) {
        prop_assert!(verified(&body).is_none());
        prop_assert!(!matches!(said(&body), Some(answer::Said::Done(_))));
        let _ = Envelope::parse(&body);
    }

    /// Altered bytes are refused, or mean what the true ones mean: `%2b` for `%2B`.
    #[test]
    fn an_altered_notification_tells_nothing_new(at in any::<Index>(), byte in any::<u8>()) {
        let good = notification(&paid()).into_bytes();
        let expected = verified(&good).unwrap();
        let mut body = good;
        let at = at.index(body.len());
        body[at] = byte;
        if let Some(told) = verified(&body) {
            prop_assert_eq!(&told, &expected);
            prop_assert!(matches!(told.into_parts().1, Notified::Paid(_)));
        }
    }

    #[test]
    fn an_altered_answer_tells_nothing_new(at in any::<Index>(), byte in any::<u8>()) {
        let content = r#"{"code":"10000","msg":"Success","out_trade_no":"1","trade_status":"X"}"#;
        let mut body = signed("alipay_trade_query_response", content).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if let Some(answer::Said::Done(checked)) = said(&body) {
            prop_assert_eq!(checked.text(), content);
        }
    }
}
