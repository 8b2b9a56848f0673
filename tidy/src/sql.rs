//! Which tables a piece of SQL names.

use std::collections::BTreeSet;

/// Keywords that a table's name follows.
const BEFORE_TABLES: [&str; 6] = ["from", "join", "into", "update", "table", "using"];
/// How a statement begins.
const STATEMENTS: [&str; 5] = ["select", "insert", "update", "delete", "with"];

/// The known tables that `text` names where SQL has tables. Keywords are found in capitals, and in
/// small letters where the text begins like a statement.
pub fn tables<'a>(text: &str, known: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
    let tokens = tokens(text);
    let statement = tokens.first().is_some_and(|first| is_one_of(first, &STATEMENTS));
    let mut found = BTreeSet::new();
    let mut list = false;
    for (at, token) in tokens.iter().enumerate() {
        let keyword = is_one_of(token, &BEFORE_TABLES)
            && (statement || token.chars().all(|c| c.is_ascii_uppercase()));
        // `FROM a, b` goes on after a comma, whatever aliases stand before it.
        list = if keyword { token.eq_ignore_ascii_case("from") } else { list && in_list(token) };
        if (keyword || (list && token == ","))
            && let Some(next) = tokens.get(at + 1)
            && let Some(table) = known.get(next.as_str())
        {
            found.insert(table.as_str());
        }
    }
    found
}

/// True for what may stand between the tables of a list: names, `AS` and commas.
fn in_list(token: &str) -> bool {
    token == ","
        || token.eq_ignore_ascii_case("as")
        || token.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_one_of(token: &str, words: &[&str]) -> bool {
    words.iter().any(|word| token.eq_ignore_ascii_case(word))
}

/// Words, and each other character by itself; texts in quotes are left out.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let (mut quoted, mut in_word) = (false, false);
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match c {
            '\'' => quoted = !quoted,
            _ if quoted || c.is_whitespace() || c == '"' => {}
            _ => match tokens.last_mut() {
                Some(last) if word && in_word => last.push(c),
                _ => tokens.push(c.to_string()),
            },
        }
        in_word = word && !quoted;
    }
    tokens
}

#[test]
fn tables_are_found_where_sql_names_them() {
    let known: BTreeSet<String> =
        ["account", "person", "payment", "session"].map(str::to_owned).into();
    let cases: &[(&str, &[&str])] = &[
        ("SELECT 1 FROM person p JOIN account a ON a.id = p.id", &["account", "person"]),
        ("SELECT (SELECT 1 FROM account) FROM {rows}", &["account"]),
        ("SELECT 1 FROM session s, person AS p, payment", &["payment", "person", "session"]),
        ("INSERT INTO payment SELECT 1", &["payment"]),
        ("UPDATE payment SET state = 'from person'", &["payment"]),
        ("DELETE FROM \"session\" USING person", &["person", "session"]),
        ("select 1 from person", &["person"]),
        ("LEFT JOIN person p ON true", &["person"]),
        ("taken from person", &[]),
        ("FOR UPDATE OF person", &[]),
        ("SELECT person FROM q, LATERAL account", &[]),
        ("SELECT 1 FROM persons", &[]),
    ];
    for (text, expected) in cases {
        let found: Vec<_> = tables(text, &known).into_iter().collect();
        assert_eq!(found, *expected, "{text}");
    }
}
