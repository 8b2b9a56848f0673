//! Where the money of an order or a refund is, and so who moves next.

use crate::{
    base::clock::Timestamp,
    orders::{
        order::{OrderState, WholeOrder},
        refund::{Refund, RefundProgress, RefundSource, shown_instead},
    },
};

/// Where money is. It says what is known: a refund that was sent is not done, and a payment of which
/// the provider has said nothing is not unpaid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyStanding {
    /// Not paid, and still can be.
    Unpaid,
    /// Past its time, and the provider has not said that it was not paid.
    Unconfirmed,
    /// Not paid in time.
    NotPaid,
    /// Paid; what was bought is not delivered.
    Undelivered,
    /// Paid and delivered.
    Delivered,
    /// One person asked for a refund; another decides.
    RefundAsked,
    /// Held for a refund that is not sent.
    RefundHeld,
    /// Held for a refund that was sent.
    RefundSent,
    /// In suspense, and to be sent back: it was paid more than once.
    SurplusHeld,
    /// In suspense, and sent back.
    SurplusSent,
    /// The provider ended the refund without money, and it is still held here.
    Stuck,
    /// A part is back at the payer.
    PartlyBack,
    /// Back at the payer.
    Back,
    /// The refund ended without money, and the person has it here.
    Returned,
}

impl MoneyStanding {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Unpaid,
        Self::Unconfirmed,
        Self::NotPaid,
        Self::Undelivered,
        Self::Delivered,
        Self::RefundAsked,
        Self::RefundHeld,
        Self::RefundSent,
        Self::SurplusHeld,
        Self::SurplusSent,
        Self::Stuck,
        Self::PartlyBack,
        Self::Back,
        Self::Returned,
    ];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Unconfirmed => "unconfirmed",
            Self::NotPaid => "not_paid",
            Self::Undelivered => "undelivered",
            Self::Delivered => "delivered",
            Self::RefundAsked => "refund_asked",
            Self::RefundHeld => "refund_held",
            Self::RefundSent => "refund_sent",
            Self::SurplusHeld => "surplus_held",
            Self::SurplusSent => "surplus_sent",
            Self::Stuck => "stuck",
            Self::PartlyBack => "partly_back",
            Self::Back => "back",
            Self::Returned => "returned",
        }
    }

    /// Where the money of a refund is.
    pub fn of_refund(refund: &Refund) -> Self {
        match (refund.progress, refund.source) {
            (RefundProgress::Asked, _) => Self::RefundAsked,
            (RefundProgress::Requested, RefundSource::EAccount) => Self::RefundHeld,
            (RefundProgress::Requested, RefundSource::Suspense) => Self::SurplusHeld,
            (RefundProgress::Sent, RefundSource::EAccount) => Self::RefundSent,
            (RefundProgress::Sent, RefundSource::Suspense) => Self::SurplusSent,
            (RefundProgress::Done { .. }, _) => Self::Back,
            (RefundProgress::Failed { .. }, RefundSource::EAccount) if refund.holds() => {
                Self::Stuck
            }
            (RefundProgress::Failed { .. }, RefundSource::Suspense)
                if refund.returned_at.is_none() =>
            {
                Self::Stuck
            }
            (RefundProgress::Failed { .. }, _) => Self::Returned,
        }
    }

    /// Where the money of an order is, with whether a request for a refund waits to be decided. What
    /// moves, or needs somebody, stands before what is settled.
    pub fn of_order(whole: &WholeOrder, is_asked: bool, now: Timestamp) -> Self {
        let refunds: Vec<Self> = whole.refunds.iter().map(Self::of_refund).collect();
        let moving = [Self::RefundSent, Self::RefundHeld, Self::SurplusSent, Self::SurplusHeld];
        let asked = is_asked.then_some(Self::RefundAsked);
        let any = |one: &Self| refunds.contains(one);
        let first = moving.into_iter().find(any).or(Some(Self::Stuck).filter(any)).or(asked);
        first.unwrap_or_else(|| Self::settled(whole, now))
    }

    /// The same where no refund is under way.
    fn settled(whole: &WholeOrder, now: Timestamp) -> Self {
        let order = &whole.order;
        match order.state {
            OrderState::AwaitingPayment if now < order.expires_at => Self::Unpaid,
            OrderState::AwaitingPayment => Self::Unconfirmed,
            OrderState::Closed => Self::NotPaid,
            OrderState::Paid { .. } | OrderState::Fulfilled { .. } => {
                let credited = |refund: &&Refund| refund.source == RefundSource::EAccount;
                let credited: Vec<Refund> =
                    whole.refunds.iter().filter(credited).cloned().collect();
                let is_back = |refund: &Refund| Self::of_refund(refund) == Self::Back;
                if shown_instead(order.amount, &credited) == Some("refunded") {
                    Self::Back
                } else if credited.iter().any(is_back) {
                    Self::PartlyBack
                } else if matches!(order.state, OrderState::Paid { .. }) {
                    Self::Undelivered
                } else {
                    Self::Delivered
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            ids::{PersonId, SchoolId},
            money::Fen,
        },
        orders::{
            fact::Provider,
            order::{Attempt, Order, OrderId, Payment, PaymentId, PaymentState},
            purpose::Purpose,
        },
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

    fn whole(state: OrderState) -> WholeOrder {
        let at = Timestamp::from_seconds(NOW.seconds() - 60);
        let (school, person) = (SchoolId::from_number(1), PersonId::new(at));
        let (amount, expires_at) = (Fen::new(5000).unwrap(), NOW);
        let (id, purpose) = (OrderId::new(at), Purpose::CardTopUp);
        let order =
            Order { id, school, person, purpose, amount, state, created_at: at, expires_at };
        let paid = PaymentState::Paid { transaction_id: "T".to_owned(), paid_at: at };
        let payment = Payment {
            id: PaymentId::new(at),
            provider: Provider::Alipay,
            merchant: "M".to_owned(),
            app_id: "A".to_owned(),
            payer: "P".to_owned(),
            payer_user_id: None,
            amount,
            state: paid,
            created_at: at,
        };
        WholeOrder { order, payments: vec![payment], refunds: vec![] }
    }

    /// A refund of the order, from what it says: its amount, source, progress, and whether it was
    /// returned.
    fn refund(whole: &WholeOrder, text: &str) -> Refund {
        let [amount, source, progress, returned] =
            <[&str; 4]>::try_from(text.split(' ').collect::<Vec<_>>()).unwrap();
        let attempt = Attempt { order: whole.order.clone(), payment: whole.payments[0].clone() };
        let source = RefundSource::from_code(source).unwrap();
        let amount = Fen::new(amount.parse().unwrap()).unwrap();
        let asked = Refund::asked(&attempt, source, amount, (uuid::Uuid::nil(), NOW)).unwrap();
        let progress = match progress {
            "done" => RefundProgress::Done { at: NOW },
            "failed" => RefundProgress::Failed { at: NOW },
            open => RefundProgress::from_columns(open, None).unwrap(),
        };
        let (approved_at, returned_at) = (Some(NOW), (returned == "returned").then_some(NOW));
        Refund { progress, approved_at, returned_at, ..asked }
    }

    #[test]
    fn a_refund_is_where_the_provider_says() {
        let cases = [
            ("10 e_account asked -", "refund_asked"),
            ("10 e_account requested -", "refund_held"),
            ("10 e_account sent -", "refund_sent"),
            ("10 e_account done -", "back"),
            ("10 e_account failed -", "stuck"),
            ("10 e_account failed returned", "returned"),
            ("10 suspense requested -", "surplus_held"),
            ("10 suspense sent -", "surplus_sent"),
            ("10 suspense done -", "back"),
            ("10 suspense failed -", "stuck"),
            ("10 suspense failed returned", "returned"),
        ];
        let order = whole(OrderState::Fulfilled { paid_at: NOW });
        for (text, expected) in cases {
            assert_eq!(MoneyStanding::of_refund(&refund(&order, text)).code(), expected, "{text}");
        }
    }

    #[test]
    fn an_order_is_where_most_is_to_be_done() {
        let paid = OrderState::Paid { paid_at: NOW };
        let fulfilled = OrderState::Fulfilled { paid_at: NOW };
        let before = Timestamp::from_seconds(NOW.seconds() - 1);
        let waits = OrderState::AwaitingPayment;
        let cases: [(OrderState, &[&str], bool, Timestamp, &str); 16] = [
            (waits, &[], false, before, "unpaid"),
            (waits, &[], false, NOW, "unconfirmed"),
            (OrderState::Closed, &[], false, NOW, "not_paid"),
            (paid, &[], false, NOW, "undelivered"),
            (fulfilled, &[], false, NOW, "delivered"),
            (fulfilled, &[], true, NOW, "refund_asked"),
            (fulfilled, &["10 e_account requested -"], true, NOW, "refund_held"),
            (fulfilled, &["10 e_account sent -"], false, NOW, "refund_sent"),
            (fulfilled, &["10 e_account done -", "10 e_account sent -"], false, NOW, "refund_sent"),
            (fulfilled, &["10 e_account done -"], true, NOW, "refund_asked"),
            (fulfilled, &["10 e_account done -"], false, NOW, "partly_back"),
            (fulfilled, &["5000 e_account done -"], false, NOW, "back"),
            (fulfilled, &["5000 e_account failed returned"], false, NOW, "delivered"),
            (fulfilled, &["5000 e_account failed -"], false, NOW, "stuck"),
            // What was paid twice and went back leaves the order as it was.
            (fulfilled, &["5000 suspense done -"], false, NOW, "delivered"),
            (fulfilled, &["5000 suspense sent -"], false, NOW, "surplus_sent"),
        ];
        for (state, refunds, is_asked, now, expected) in cases {
            let mut order = whole(state);
            order.refunds = refunds.iter().map(|text| refund(&order, text)).collect();
            let standing = MoneyStanding::of_order(&order, is_asked, now);
            assert_eq!(standing.code(), expected, "{state:?} {refunds:?} {is_asked}");
        }
    }
}
