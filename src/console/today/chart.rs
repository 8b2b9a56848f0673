//! The money of a day as bars, hour by hour, and as a table.

use crate::{base::money::Fen, console::list::money};

/// The height of the highest bar, in units of the picture, whose width is ten for each hour.
const HEIGHT: i64 = 56;

/// What came in or went back in an hour.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: usize,
    pub(super) y: i64,
    pub(super) height: i64,
}

/// An hour in which money moved.
pub(super) struct Hour {
    pub(super) at: String,
    pub(super) paid: String,
    pub(super) back: String,
}

/// Both.
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    pub(super) hours: Vec<Hour>,
}

impl Chart {
    pub(super) fn of(hours: &[[Fen; 2]; 24]) -> Self {
        let highest = hours.iter().flatten().map(|fen| fen.get()).max().unwrap_or(0).max(1);
        let bar = |class, x, fen: Fen| {
            // What is little is seen as well.
            let height = i128::from(fen.get()) * i128::from(HEIGHT) / i128::from(highest);
            let height = i64::try_from(height).unwrap_or(HEIGHT).max(1);
            Bar { class, x, y: HEIGHT - height, height }
        };
        let bars = hours.iter().enumerate().flat_map(|(nth, [paid, back])| {
            let bars = [("paid", nth * 10 + 1, *paid), ("back", nth * 10 + 6, *back)];
            bars.into_iter().filter(|(.., fen)| !fen.is_zero())
        });
        let bars = bars.map(|(class, x, fen)| bar(class, x, fen)).collect();
        let moved = hours
            .iter()
            .enumerate()
            .filter(|(_, [paid, back])| !(paid.is_zero() && back.is_zero()));
        let hour = |(nth, [paid, back]): (usize, &[Fen; 2])| Hour {
            at: format!("{nth:02}:00–{:02}:00", nth + 1),
            paid: money(*paid),
            back: money(*back),
        };
        Self { bars, hours: moved.map(hour).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_whole_and_the_least_is_seen() {
        let fen = |fen| Fen::new(fen).unwrap();
        let mut hours = [[Fen::default(); 2]; 24];
        hours[9] = [fen(1_000_000), fen(1)];
        hours[23] = [fen(500_000), fen(0)];
        let chart = Chart::of(&hours);
        let bars: Vec<_> =
            chart.bars.iter().map(|bar| (bar.class, bar.x, bar.y, bar.height)).collect();
        assert_eq!(bars, [("paid", 91, 0, 56), ("back", 96, 55, 1), ("paid", 231, 28, 28)]);
        let hours: Vec<_> = chart.hours.iter().map(|hour| (&*hour.at, &*hour.paid)).collect();
        assert_eq!(hours, [("09:00–10:00", "¥10,000.00"), ("23:00–24:00", "¥5,000.00")]);
        let nothing = Chart::of(&[[Fen::default(); 2]; 24]);
        assert!(nothing.bars.is_empty() && nothing.hours.is_empty());
    }
}
