//! Who is there: platform logins, sessions, bindings.

pub mod login;
