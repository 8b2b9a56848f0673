//! On whose behalf a handle of the database writes, for the audit log.

/// Who acts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The operator, or the program itself.
    pub who: String,
    /// The reason that was given; may be empty.
    pub why: String,
}

impl Actor {
    /// The program itself.
    pub fn program() -> Self {
        Self { who: "onecard".to_owned(), why: String::new() }
    }
}
