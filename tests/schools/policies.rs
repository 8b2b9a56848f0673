//! Policy files: what they say, and what is told of bad ones.

use crate::xnec;
use onecard::schools::{
    DefaultRule,
    policy::{ConsentItem, IdKind, Policy},
};

#[test]
fn the_policy_of_xnec_says_what_its_manual_says() {
    let policy = Policy::parse(&xnec()).unwrap();
    assert_eq!((&*policy.code, &*policy.name), ("xnec", "咸宁职业技术学院"));
    assert_eq!(policy.binding.id_kinds, [IdKind::StudentNo]);
    assert_eq!(policy.binding.id_pattern.as_deref(), Some("^[0-9]{7}$"));
    assert!(!policy.binding.name_required);
    assert_eq!(policy.password.default, DefaultRule::DropLetterShift);
    assert!(!policy.password.must_change);
    assert_eq!((policy.top_up.min.get(), policy.top_up.max.get()), (1, 50_000));
    assert_eq!(policy.consent.items, [ConsentItem::Terms, ConsentItem::IdNumber]);
    assert!(!policy.help.is_empty());
}

/// What is special at each of the five schools can be written down.
#[test]
fn the_format_carries_five_schools() {
    let kinds = r#"["student_no", "id_number"]"#;
    let schools = [
        ("last_six_x_to_zero", r#"["student_no"]"#, true, false, false),
        ("drop_letter_shift", r#"["student_no"]"#, false, false, false),
        ("drop_letter_shift", r#"["student_no"]"#, true, false, true),
        ("drop_letter_shift", kinds, false, true, true),
        ("last_six_keep_x", r#"["student_no"]"#, false, true, false),
    ];
    for (rule, id_kinds, name_required, must_change, top_up_password) in schools {
        let text = xnec()
            .replace("drop_letter_shift", rule)
            .replace(r#"id_kinds = ["student_no"]"#, &format!("id_kinds = {id_kinds}"))
            .replace("name_required = false", &format!("name_required = {name_required}"))
            .replace("must_change = false", &format!("must_change = {must_change}"))
            .replace("password_required = false", &format!("password_required = {top_up_password}"))
            .replace("id_pattern = \"^[0-9]{7}$\"\n", "");
        let policy = Policy::parse(&text).unwrap();
        let given = (
            policy.binding.name_required,
            policy.password.must_change,
            policy.top_up.password_required,
        );
        assert_eq!(given, (name_required, must_change, top_up_password), "{rule}");
        assert_eq!(policy.binding.id_kinds.len(), id_kinds.matches(',').count() + 1);
        assert_eq!(policy.binding.id_pattern, None);
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&stored).unwrap(), policy);
    }
}

/// The line, counted in the file, and a part of the reason.
#[test]
fn a_bad_policy_is_told_with_line_and_reason() {
    let cases = [
        ("version = 1", "version = 0", "nonzero"),
        ("version = 1", "version = \"1\"", "invalid type: string"),
        ("version = 1", "version = ", "string"),
        ("version = 1", "version = 1\nversions = 2", "unknown field `versions`"),
        ("code = \"xnec\"", "code = \"XNEC\"", "1 to 32 of the characters a-z"),
        ("name = \"咸宁职业技术学院\"", "name = \"  \"", "1 to 40 characters"),
        ("id_kinds = [\"student_no\"]", "id_kinds = []", "at least one"),
        ("id_kinds = [\"student_no\"]", "id_kinds = [\"phone\"]", "unknown variant `phone`"),
        (
            "id_kinds = [\"student_no\"]",
            "id_kinds = [\"student_no\", \"student_no\"]",
            "nothing twice",
        ),
        ("id_pattern = \"^[0-9]{7}$\"", "id_pattern = \"[0-9\"", "plain pattern"),
        ("name_required = false", "name_required = 0", "invalid type: integer"),
        ("name_required = false", "", "missing field `name_required`"),
        ("default = \"drop_letter_shift\"", "default = \"last_six\"", "unknown variant `last_six`"),
        ("min_fen = 1", "min_fen = 0", "at least 1"),
        ("min_fen = 1", "min_fen = 1.5", "invalid type: floating point"),
        ("max_fen = 50_000", "max_fen = 99999999999999999999", "i64"),
        ("max_fen = 50_000", "max_fen = 20_000", "between min_fen and max_fen"),
        ("5_000, 10_000", "10_000, 5_000", "must rise"),
        ("items = [\"terms\", \"id_number\"]", "items = [\"all\"]", "unknown variant `all`"),
        ("title = \"怎样充值\"", "headline = \"怎样充值\"", "unknown field `headline`"),
    ];
    for (good, bad, reason) in cases {
        let text = xnec();
        assert_eq!(text.matches(good).count(), 1, "{good}");
        let error = Policy::parse(&text.replace(good, bad)).unwrap_err();
        assert!(error.reason.contains(reason), "{bad}: {error}");
        let line = 1 + text.split(good).next().unwrap().matches('\n').count();
        let section = 1 + text
            .split(good)
            .next()
            .unwrap()
            .rfind("\n[")
            .map_or(0, |at| text[..=at].matches('\n').count());
        let told_of_its_table = ["missing field", "min_fen", "must rise", "at least 1"];
        if told_of_its_table.iter().any(|part| error.reason.contains(part)) {
            assert!((section..=line).contains(&error.line), "{bad}: {error}");
        } else {
            let added = bad.matches('\n').count();
            assert_eq!(error.line, line + added, "{bad}: {error}");
        }
    }
}
