//! Files and functions are short enough to read.

use crate::{
    exceptions::{Exception, Exceptions},
    source::Source,
};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;
const HANDLER_LINES: usize = 20;

/// Files, and functions of files, that are longer.
const LONG: &[Exception] = &[];

/// Complaints about files, functions and handlers over their limits; a file is listed as `""`.
fn complaints(sources: &[&Source], long: &[Exception]) -> Vec<String> {
    let mut long = Exceptions::new(long);
    let mut complaints = Vec::new();
    for source in sources {
        let path = &source.path;
        if source.lines > FILE_LINES && !long.allow(path, "") {
            complaints.push(format!("{path}: {} lines, at most {FILE_LINES}", source.lines));
        }
        for function in &source.functions {
            let (name, lines) = (&function.name, function.lines);
            let most = if function.handler { HANDLER_LINES } else { FUNCTION_LINES };
            if lines > most && !long.allow(path, name) {
                complaints.push(format!("{path}: {name} has {lines} lines, at most {most}"));
            }
        }
    }
    complaints.into_iter().chain(long.complaints()).collect()
}

#[test]
fn files_and_functions_are_short() {
    let sources: Vec<&Source> = crate::tree::tree().iter().collect();
    let complaints = complaints(&sources, LONG);
    assert!(complaints.is_empty(), "too long:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::complaints;
    use crate::{exceptions::except, parse::parse};

    fn said(text: &str) -> Vec<String> {
        complaints(&[&parse("src/a/mod.rs", text).unwrap()], &[])
    }

    #[test]
    fn on_long_functions_methods_and_handlers() {
        let body = |lines: usize| format!("{{\n{}}}", "g();\n".repeat(lines - 2));
        assert_eq!(said(&format!("pub(in crate::a) fn f() {}", body(50))), [""; 0]);
        let long = "src/a/mod.rs: f has 51 lines, at most 50";
        for text in [
            format!("/// What it does.\n#[must_use]\nfn f() {}", body(51)),
            format!("pub const unsafe extern \"C\" fn f() {}", body(51)),
            format!("fn\nf() {}", body(50)),
            format!("impl A {{ pub async fn f() {} }}", body(51)),
            format!("trait A {{ fn f() {} }}", body(51)),
            format!("mod b {{ fn f() {} }}", body(51)),
            format!("fn g() {{ fn f() {} }}", body(51)),
        ] {
            assert_eq!(said(&text).last().unwrap(), long, "{text}");
        }
        let handler = |lines| {
            format!(
                "#[utoipa::path(tag = \"a\")]\n#[post(\"/a\")]\npub async fn f() {}",
                body(lines)
            )
        };
        assert_eq!(said(&handler(20)), [""; 0]);
        assert_eq!(said(&handler(21)), ["src/a/mod.rs: f has 21 lines, at most 20"]);
    }

    #[test]
    fn on_long_files() {
        let text = "static A: u8 = 1;\n".repeat(401);
        assert_eq!(said(&text), ["src/a/mod.rs: 401 lines, at most 400"]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(500));
        assert_eq!(said(&format!("{}{tests}", "static A: u8 = 1;\n".repeat(400))), [""; 0]);
    }

    #[test]
    fn on_an_exception_that_nothing_needs() {
        let list = [except("src/a/mod.rs", &["f"], "why")];
        let source = parse("src/a/mod.rs", "fn f() {}").unwrap();
        assert_eq!(complaints(&[&source], &list), ["unused exception: src/a/mod.rs, f"]);
    }
}
