//! Numbers in the shapes that WeChat Pay gives them.

use chrono::{DateTime, Utc};

use crate::chance::{digits, hex_digits};
use crate::clock::china;

/// A prepay id: `wx`, the Chinese time to the second, 20 random digits: 36 characters.
pub(super) fn prepay_id(now: DateTime<Utc>) -> String {
    format!("wx{}{}", china(now).format("%Y%m%d%H%M%S"), hex_digits(20))
}

/// A transaction id: 28 digits with the Chinese date in the middle and 16 random ones.
pub(super) fn transaction_id(now: DateTime<Utc>) -> String {
    format!("4200{}{}{}", digits(6), china(now).format("%Y%m%d"), digits(10))
}

/// A refund id: 29 digits likewise.
pub(super) fn refund_id(now: DateTime<Utc>) -> String {
    format!("5030{}{}{}", digits(6), china(now).format("%Y%m%d"), digits(11))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_have_the_documented_shapes() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        assert_eq!(prepay_id(now).len(), 36);
        assert!(prepay_id(now).starts_with("wx20260101100000"));
        let transaction = transaction_id(now);
        assert_eq!(transaction.len(), 28);
        assert!(transaction.bytes().all(|b| b.is_ascii_digit()));
    }

    #[test]
    fn numbers_of_one_moment_are_different() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let transactions: HashSet<_> = (0..1000).map(|_| transaction_id(now)).collect();
        let prepays: HashSet<_> = (0..1000).map(|_| prepay_id(now)).collect();
        assert_eq!((transactions.len(), prepays.len()), (1000, 1000));
    }
}
