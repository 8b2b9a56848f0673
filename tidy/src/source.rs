//! What the checks know about a source file, as plain data.

use std::collections::BTreeSet;

/// A source file without its unit tests.
#[derive(Debug, Default)]
pub struct Source {
    /// From the root of the repository.
    pub path: String,
    /// The module that the file is: `["topup", "http"]` for `src/topup/http.rs`.
    pub module: Vec<String>,
    /// Lines, those of unit tests not counted.
    pub lines: usize,
    /// Every path of at least two segments: in imports at any depth, expressions, types, patterns,
    /// attributes and the tokens that macros are called with.
    pub mentions: Vec<Mention>,
    pub literals: Vec<Literal>,
    /// Every identifier, once.
    pub words: BTreeSet<String>,
    pub items: Vec<Item>,
    pub functions: Vec<Function>,
    /// The modules that are declared here for tests only.
    pub test_modules: Vec<Vec<String>>,
}

/// A path in the code; `self` and `super` are resolved, so that it begins with `crate` or with a
/// name that is visible in the module.
#[derive(Debug)]
pub struct Mention {
    pub path: Vec<String>,
    pub line: usize,
}

/// A string literal.
#[derive(Debug)]
pub struct Literal {
    pub text: String,
    pub line: usize,
    pub role: Role,
}

/// Where a string literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the name of a table to read or write.
    Table,
    /// It follows `FROM` in a statement.
    From,
    /// It names a table or column without reading or writing one: in an error, say.
    Label,
    Other,
}

/// Something that a module declares.
#[derive(Debug)]
pub struct Item {
    pub module: Vec<String>,
    pub name: String,
    pub kind: Kind,
    pub visibility: Visibility,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    /// A struct, an enum, a union, a trait or an alias.
    Type,
    Value,
    Module,
    /// `pub use` of this path.
    ReExport(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// `pub` or `pub(crate)`: other rooms see it wherever they see its module.
    Rooms,
    /// `pub(super)`, `pub(in …)` or private.
    Inside,
}

/// A function or method with a body.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub lines: usize,
    /// It answers a path.
    pub handler: bool,
    /// The names in the types of its arguments.
    pub takes: BTreeSet<String>,
    /// The columns that it sets, each with its table.
    pub sets: BTreeSet<(String, String)>,
}

impl Source {
    /// The room that the file belongs to; `None` for `src/lib.rs` and files outside `src`.
    pub fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// The file's name without its extension.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".rs")
    }

    /// True for a file in a folder of that name.
    pub fn is_in(&self, folder: &str) -> bool {
        self.path.split('/').rev().skip(1).any(|part| part == folder)
    }

    /// True for `store.rs` and for files in a folder `store`.
    pub fn is_store(&self) -> bool {
        self.stem() == "store" || self.is_in("store")
    }
}

/// The module of a file below `src`: none for the root of the library.
pub fn module_of(path: &str) -> Vec<String> {
    let Some(inside) = path.strip_prefix("src/") else { return Vec::new() };
    let mut module: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}
