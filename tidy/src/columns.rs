//! Which columns a piece of code sets, each with its table.

use crate::sql;
use std::collections::BTreeSet;
use syn::{Expr, Lit, visit::Visit};

type Column = (String, String);

/// The identifiers in the types of a function's arguments.
pub fn names_in<'a>(inputs: impl IntoIterator<Item = &'a syn::FnArg>) -> BTreeSet<String> {
    #[derive(Default)]
    struct Names(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_ident(&mut self, ident: &'ast syn::Ident) {
            self.0.insert(ident.to_string());
        }
    }
    let mut names = Names::default();
    for input in inputs {
        if let syn::FnArg::Typed(input) = input {
            names.visit_type(&input.ty);
        }
    }
    names.0
}

/// Those that `UPDATE table SET column = …` sets, in whatever text.
pub fn set_by_sql(text: &str) -> Vec<Column> {
    let tokens = sql::tokens(text);
    let is = |token: &String, word: &str| token.eq_ignore_ascii_case(word);
    let mut found = Vec::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| is(token, "update")) {
        let Some(table) = tokens.get(at + 1) else { continue };
        let rest = tokens[at + 1..].iter().skip_while(|token| !is(token, "set")).skip(1);
        let rest: Vec<_> = rest.take_while(|token| !is(token, "where")).collect();
        let assigned = rest.windows(2).filter(|pair| pair[1] == "=");
        found.extend(assigned.map(|pair| (table.clone(), pair[0].clone())));
    }
    found
}

/// Those that a row has: `person::ActiveModel { status: Set(…), … }`, or that a write sets:
/// `Write::Update { table: "person", set: "status = …", … }`.
pub fn set_by_struct(made: &syn::ExprStruct) -> Vec<Column> {
    let path: Vec<String> = made.path.segments.iter().map(|s| s.ident.to_string()).collect();
    let named = made.fields.iter().filter_map(|field| match &field.member {
        syn::Member::Named(name) => Some((name.to_string(), &field.expr)),
        syn::Member::Unnamed(_) => None,
    });
    match path.as_slice() {
        [.., table, row] if row == "ActiveModel" => {
            named.map(|(column, _)| (table.clone(), column)).collect()
        }
        _ => {
            let text =
                |name| named.clone().find(|(field, _)| field == name).and_then(|f| text(f.1));
            match (text("table"), text("set")) {
                (Some(table), Some(set)) => set_by_sql(&format!("UPDATE {table} SET {set}")),
                _ => Vec::new(),
            }
        }
    }
}

/// Those that a call sets: `update_rows("person", …, "status = …")`, or
/// `.col_expr(person::Column::Status, …)`.
pub fn set_by_call(call: &syn::ExprMethodCall) -> Vec<Column> {
    let texts: Vec<String> = call.args.iter().filter_map(text).collect();
    match (call.method.to_string().as_str(), texts.as_slice(), call.args.first()) {
        ("update_rows", [table, set, ..], _) => set_by_sql(&format!("UPDATE {table} SET {set}")),
        ("col_expr", _, Some(Expr::Path(column))) => {
            let path: Vec<String> =
                column.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            match path.as_slice() {
                [.., table, _, column] => vec![(table.clone(), snake(column))],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// `ValidUntil` to `valid_until`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
