//! Names given by an operator, restricted to characters that are safe in key ids, account paths and
//! pages.

crate::name_type! {
    /// The code of a terminal, unique within its school.
    TerminalCode, "1 to 64 of the characters A-Z, a-z, 0-9, dot, hyphen and underscore", 64,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

crate::name_type! {
    /// The code of a merchant, unique within its school and part of its account's path.
    MerchantCode, "1 to 32 of the characters a-z, 0-9, hyphen and underscore", 32,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_')
}

crate::name_type! {
    /// The name of a merchant as shown to students.
    MerchantName, "1 to 40 visible characters without blanks around them", 40, crate::base::names::is_visible
}

crate::name_type! {
    /// A group of doors that open together.
    DoorGroup, "1 to 40 visible characters without blanks around them", 40, crate::base::names::is_visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_restricted_to_safe_characters() {
        let longest = "x".repeat(64);
        for good in ["T1", "canteen-2.till_7", "9", &longest] {
            assert_eq!(good.parse::<TerminalCode>().as_deref(), Ok(good));
        }
        let too_long = "x".repeat(65);
        for bad in ["", " T1", "T/1", "T 1", "一", "T1\n", "\"", &too_long] {
            assert!(bad.parse::<TerminalCode>().is_err(), "{bad}");
        }
        for (code, good) in
            [("canteen-1_a", true), ("Canteen", false), ("", false), ("食堂", false)]
        {
            assert_eq!(code.parse::<MerchantCode>().is_ok(), good, "{code}");
        }
        for (name, good) in [
            ("第一食堂", true),
            ("", false),
            (" ", false),
            ("a\u{0}", false),
            ("东三\u{202e}号", false),
            ("东三\u{200b}", false),
        ] {
            assert_eq!(name.parse::<MerchantName>().is_ok(), good, "{name}");
            assert_eq!(name.parse::<DoorGroup>().is_ok(), good, "{name}");
        }
    }
}
