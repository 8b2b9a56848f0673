//! Cells of bills as values: amounts, numbers and times, as both providers write them.

use crate::base::clock::Timestamp;

/// Thousandths of a fen in a fen.
pub(in crate::providers) const FEN: i64 = 1000;
/// The decimals of an amount in yuan that are read: thousandths of a fen.
const DECIMALS: usize = 5;
/// The most digits before the point: any sum of a school's payments.
const DIGITS: usize = 12;
/// The longest number of a payment or refund.
const NUMBER_MAX: usize = 64;

/// A number of a payment or refund: letters, digits and marks.
pub(in crate::providers) fn number(text: &str) -> Option<String> {
    let fits =
        (1..=NUMBER_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// Beijing time: `2026-01-01 10:00:00`.
pub(in crate::providers) fn beijing(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once(' ')?;
    if day.len() != 10 || time.len() != 8 {
        return None;
    }
    Timestamp::parse_rfc3339(&format!("{day}T{time}+08:00")).ok()
}

/// An amount in yuan that is whole fen; it may be below zero.
pub(in crate::providers) fn whole_fen(text: &str) -> Option<i64> {
    let amount = thousandths(text)?;
    (amount % FEN == 0).then_some(amount / FEN)
}

/// A decimal number of yuan in thousandths of a fen, exactly; `None` for anything else.
pub(in crate::providers) fn thousandths(text: &str) -> Option<i64> {
    let (negative, size) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = size.split_once('.').unwrap_or((size, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > DIGITS || part.len() > DECIMALS {
        return None;
    }
    let padded = format!("{whole}{part:0<DECIMALS$}");
    let value: i64 = padded.parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_read_exactly_or_not_at_all() {
        for (text, value) in [
            ("50.00", 5_000_000),
            ("0.30000", 30_000),
            ("-0.07000", -7_000),
            ("0.00001", 1),
            ("20", 2_000_000),
            ("20.0", 2_000_000),
            ("0.29", 29_000),
            ("999999999999.99999", 99_999_999_999_999_999),
        ] {
            assert_eq!(thousandths(text), Some(value), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-",
            "--1",
            "+1",
            "1e3",
            "1,000.00",
            "0.000001",
            "1.0.0",
            "NaN",
            "1 ",
            "１",
            "1000000000000",
            "0x1",
        ] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
