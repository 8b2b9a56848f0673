//! Sections whose names and keys are fixed and which nothing reads yet. No key is required. Their
//! form, and the ban on sandbox keys and addresses in production, are checked all the same, so that
//! a file can be prepared for them and a typing error is found.
//!
//! A provider that reads its own section takes it out of this table.

use super::{address, files::refuse_throwaway, section::Section};
use ::config::ValueKind;

struct Reserved {
    name: &'static str,
    /// Whether a school may have its own.
    by_school: bool,
    /// Separated by blanks.
    keys: &'static str,
}

const fn reserved(name: &'static str, by_school: bool, keys: &'static str) -> Reserved {
    Reserved { name, by_school, keys }
}

const RESERVED: [Reserved; 6] = [
    reserved(
        "sms",
        false,
        "provider base_url access_key_id access_key_secret sign_name template_code",
    ),
    reserved("bank", true, "base_url merchant_id private_key_file bank_public_key_file"),
    reserved("utilities", true, "base_url key_id key_secret"),
    reserved("network", true, "base_url key_id key_secret"),
    reserved("mail", false, "smtp_url from"),
    reserved("sso", true, "public_key_file issuer"),
];

/// Checks the general sections.
pub(super) fn check_general(root: &mut Section<'_>) {
    for reserved in &RESERVED {
        check(root, reserved);
    }
}

/// Checks the sections of a school.
pub(super) fn check_school(school: &mut Section<'_>) {
    for reserved in RESERVED.iter().filter(|reserved| reserved.by_school) {
        check(school, reserved);
    }
}

fn check(parent: &mut Section<'_>, reserved: &Reserved) {
    let Some(mut section) = parent.table(reserved.name) else {
        return;
    };
    for name in reserved.keys.split_ascii_whitespace() {
        match name {
            "base_url" => {
                address::url(&mut section, name, "");
            }
            _ => check_scalar(&mut section, name),
        }
    }
    section.finish();
}

/// A text, or a number where an id is one.
fn check_scalar(section: &mut Section<'_>, name: &str) {
    let Some(entry) = section.take(name) else {
        return;
    };
    if let ValueKind::String(text) = &entry.value.kind {
        refuse_throwaway(section, &entry.key, text);
    } else if !matches!(entry.value.kind, ValueKind::I64(_)) {
        section.report(&entry.key, "must be a text");
    }
}
