//! Code 128 (ISO/IEC 15417) in code set C, which packs two digits into a symbol.

/// Widths of alternating bars and spaces, starting with a bar, by the value of the symbol.
const SYMBOLS: [&str; 106] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212",
    "221213", "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221",
    "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122", "321221",
    "312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321",
    "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331", "132131",
    "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131",
    "311123", "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111",
    "111224", "111422", "121124", "121421", "141122", "141221", "112214", "112412", "122114",
    "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111", "111242",
    "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232",
];
const START_C: u32 = 105;
const STOP: &str = "2331112";
/// The check symbol is a weighted sum modulo this number.
const CHECK_MODULUS: u32 = 103;

/// The modules of an even number of digits, true for a bar; `None` for any other text. 20 digits
/// are 145 modules, without the quiet zone of 10 on either side.
pub(super) fn modules(digits: &str) -> Option<Vec<bool>> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let values = pairs.iter().map(|[tens, ones]| 10 * digit(*tens) + digit(*ones));
    let mut check = START_C;
    let mut symbols = vec![symbol(START_C)?];
    for (weight, value) in (1..).zip(values) {
        check = (check + weight * value) % CHECK_MODULUS;
        symbols.push(symbol(value)?);
    }
    symbols.extend([symbol(check)?, STOP]);
    Some(symbols.into_iter().flat_map(bars).collect())
}

fn digit(ascii: u8) -> u32 {
    u32::from(ascii - b'0')
}

fn symbol(value: u32) -> Option<&'static str> {
    SYMBOLS.get(usize::try_from(value).ok()?).copied()
}

fn bars(widths: &str) -> impl Iterator<Item = bool> {
    let widths = widths.bytes().map(|width| usize::from(width - b'0'));
    let colours = [true, false].into_iter().cycle();
    colours.zip(widths).flat_map(|(bar, width)| std::iter::repeat_n(bar, width))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Reads the modules as a scanner does: widths of runs, symbols, check symbol.
    pub(in super::super) fn read(modules: &[bool]) -> Option<String> {
        let (body, stop) = modules.split_at_checked(modules.len().checked_sub(13)?)?;
        if runs(stop) != [2, 3, 3, 1, 1, 1, 2] || body.len() % 11 != 0 {
            return None;
        }
        let values = body.chunks(11).map(|symbol| {
            let widths: String = runs(symbol).iter().map(ToString::to_string).collect();
            SYMBOLS.iter().position(|known| **known == widths)
        });
        let values = values.collect::<Option<Vec<_>>>()?;
        let [105, data @ .., check] = values.as_slice() else { return None };
        let sum: usize = data.iter().enumerate().map(|(at, value)| (at + 1) * value).sum();
        let fits = (105 + sum) % 103 == *check && data.iter().all(|value| *value < 100);
        let pairs: Vec<_> = data.iter().map(|value| format!("{value:02}")).collect();
        fits.then(|| pairs.concat())
    }

    fn runs(modules: &[bool]) -> Vec<usize> {
        modules.chunk_by(|a, b| a == b).map(<[bool]>::len).collect()
    }

    #[test]
    fn the_table_has_the_properties_of_the_standard() {
        let distinct: HashSet<_> = SYMBOLS.iter().collect();
        assert_eq!(distinct.len(), SYMBOLS.len());
        for symbol in SYMBOLS {
            let widths: Vec<_> = symbol.bytes().map(|b| b - b'0').collect();
            assert_eq!(widths.len(), 6, "{symbol}");
            assert_eq!(widths.iter().sum::<u8>(), 11, "{symbol}");
            let bars: u8 = widths.iter().step_by(2).sum();
            assert_eq!(bars % 2, 0, "{symbol}: bars cover an even number of modules");
        }
    }

    #[test]
    fn a_code_is_145_modules_and_reads_back() {
        let digits = "80531670838493064229";
        let row = modules(digits).unwrap();
        assert_eq!(row.len(), 145);
        assert_eq!(read(&row).as_deref(), Some(digits));
    }

    /// 105 + 1 × 12 + 2 × 34 is 185, and 82 modulo 103.
    #[test]
    fn the_check_symbol_is_the_weighted_sum() {
        let symbols = ["211232", "112232", "131123", "121241", "2331112"];
        let expected: Vec<bool> = symbols.into_iter().flat_map(bars).collect();
        assert_eq!(modules("1234"), Some(expected));
    }

    #[test]
    fn only_pairs_of_digits_are_accepted() {
        for text in ["", "1", "123", "1a", "１２", "12 34"] {
            assert_eq!(modules(text), None, "{text}");
        }
    }

    #[test]
    fn one_damaged_module_is_detected() {
        let good = modules("80531670838493064229").unwrap();
        for at in 0..good.len() {
            let mut torn = good.clone();
            torn[at] = !torn[at];
            assert_eq!(read(&torn), None, "{at}");
        }
    }

    proptest! {
        #[test]
        fn drawn_digits_read_back(digits in "([0-9]{2}){1,20}") {
            let row = modules(&digits).unwrap();
            prop_assert_eq!(row.len(), 35 + 11 * (digits.len() / 2));
            prop_assert_eq!(read(&row), Some(digits));
        }
    }
}
