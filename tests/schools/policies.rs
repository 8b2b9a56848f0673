//! Policy files: what they say, and what is told of bad ones.

use crate::schools::xnec;
use onecard::schools::policy::Policy;

/// The first line of the file.
const FILE: &str = "#";

/// What replaces what in a good file, the line of the result that must be named, and a part of the
/// reason. What is missing, or wrong only together, is told at its table.
const BAD: [(&str, &str, &str, &str); 40] = [
    ("version = 3", "version = 0", "version", "nonzero"),
    ("version = 3", "version = \"1\"", "version", "invalid type: string"),
    ("version = 3", "version = ", "version", "string"),
    ("version = 3", "version = 3\nversions = 2", "versions", "unknown field `versions`"),
    ("code = \"xnec\"", "code = \"XNEC\"", "code", "1 to 32 of the characters a-z"),
    ("name = \"咸宁职业技术学院\"", "name = \"  \"", "name", "1 to 40 characters"),
    ("portal = true", "", FILE, "missing field `portal`"),
    ("portal = true", "portal = \"yes\"", "portal", "invalid type: string"),
    ("[\"student_no\"]", "[]", "id_kinds", "at least one"),
    ("[\"student_no\"]", "[\"phone\"]", "id_kinds", "unknown variant `phone`"),
    ("[\"student_no\"]", "[\"student_no\", \"student_no\"]", "id_kinds", "nothing twice"),
    ("\"^[0-9]{7}$\"", "\"[0-9\"", "id_pattern", "plain pattern"),
    ("name_required = false", "name_required = 0", "name_required", "invalid type: integer"),
    ("name_required = false", "", "[binding]", "missing field `name_required`"),
    ("\"drop_letter_shift\"", "\"last_six\"", "default", "unknown variant `last_six`"),
    ("must_change = false", "", "[password]", "missing field `must_change`"),
    ("rule = \"six_digits\"", "", "[password]", "missing field `rule`"),
    ("\"six_digits\"", "\"eight_letters\"", "rule", "unknown variant `eight_letters`"),
    ("hint = \"新查询密码为 6 位数字\"", "hint = \"\"", "hint", "1 to 100 characters"),
    (
        "must_change = false\nchange_online = true",
        "must_change = true\nchange_online = false",
        "[password]",
        "must_change needs change_online",
    ),
    ("[consent]", "[limits]\nover_limit = \"refuse\"\n[consent]", "[limits]", "or day_fen"),
    ("[consent]", "[limits]\nday_fen = 1\n[consent]", "[limits]", "missing field `over_limit`"),
    ("[consent]", "[limit]\nday_fen = 1\n[consent]", "[limit]", "unknown field `limit`"),
    ("[consent]", "[passcode]\nsteps = 15\n[consent]", "steps", "unknown field `steps`"),
    ("[consent]", "[passcode]\nstep_seconds = 4\n[consent]", "[passcode]", "must be 5 to 60"),
    ("[consent]", "[passcode]\nstep_seconds = 1.5\n[consent]", "step_seconds", "invalid type"),
    ("[consent]", "[passcode]\ndevice_days = 0\n[consent]", "[passcode]", "must be 1 to 366"),
    ("[consent]", "[passcode]\nunseen_days = 31\n[consent]", "[passcode]", "at most device_days"),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 28, id = 81, receipt = 82 }\n[consent]",
        "[passcode]",
        "codes that begin with 28 are those of 支付宝",
    ),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 81, id = 81, receipt = 82 }\n[consent]",
        "[passcode]",
        "prefix 81 stands for two kinds of code",
    ),
    (
        "[consent]",
        "[passcode]\nprefixes = { pay = 81 }\n[consent]",
        "prefixes",
        "missing field `id`",
    ),
    ("card_balance = true", "card_balance = 1", "card_balance", "invalid type: integer"),
    ("card_balance = true", "reversal_minutes = 0", "[spend]", "must be 1 to 1440"),
    ("min_fen = 1", "min_fen = 0", "[top_up]", "at least 1"),
    ("min_fen = 1", "min_fen = 1.5", "min_fen", "invalid type: floating point"),
    ("max_fen = 50_000", "max_fen = 99999999999999999999", "max_fen", "i64"),
    ("max_fen = 50_000", "max_fen = 20_000", "[top_up]", "between min_fen and max_fen"),
    ("5_000, 10_000", "10_000, 5_000", "[top_up]", "must rise"),
    ("items = [\"terms\", \"id_number\"]", "items = [\"all\"]", "items", "unknown variant `all`"),
    ("title = \"怎样充值\"", "headline = \"怎样充值\"", "headline", "unknown field `headline`"),
];

#[test]
fn a_bad_policy_is_told_with_line_and_reason() {
    for (good, bad, at, reason) in BAD {
        let text = xnec();
        assert_eq!(text.matches(good).count(), 1, "{good}");
        let text = text.replace(good, bad);
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.reason.contains(reason), "{bad}: {error}");
        let line = text.lines().nth(error.line - 1).unwrap();
        assert!(line.starts_with(at), "{bad}: {error}, which reads {line}");
    }
}
