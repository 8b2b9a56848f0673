//! Sections whose names and keys are fixed and which nothing reads so far. None of their keys is
//! required. Their form, and the ban on the sandbox in production, are checked all the same, so
//! that a file can be prepared for them and a typing error is found.

use super::{address, files::refuse_throwaway, section::Section};
use ::config::ValueKind;

struct Reserved {
    name: &'static str,
    /// Whether a school may have its own.
    by_school: bool,
    keys: &'static [&'static str],
}

const RESERVED: &[Reserved] = &[
    Reserved {
        name: "alipay",
        by_school: true,
        keys: &[
            "gateway_url",
            "app_id",
            "seller_id",
            "app_private_key_file",
            "alipay_public_key_file",
            "app_cert_file",
            "alipay_cert_file",
            "alipay_root_cert_file",
            "encrypt_key",
            "app_auth_token",
            "bill_hosts",
        ],
    },
    Reserved {
        name: "wecom",
        by_school: true,
        keys: &[
            "base_url",
            "corp_id",
            "agent_id",
            "secret",
            "contact_secret",
            "token",
            "encoding_aes_key",
        ],
    },
    Reserved {
        name: "sms",
        by_school: false,
        keys: &[
            "provider",
            "base_url",
            "access_key_id",
            "access_key_secret",
            "sign_name",
            "template_code",
        ],
    },
    Reserved {
        name: "bank",
        by_school: true,
        keys: &["base_url", "merchant_id", "private_key_file", "bank_public_key_file"],
    },
    Reserved { name: "utilities", by_school: true, keys: &["base_url", "key_id", "key_secret"] },
];

/// Checks the reserved sections at the top.
pub(super) fn check_general(root: &mut Section<'_>) {
    for reserved in RESERVED {
        check(root, reserved);
    }
}

/// Checks those of a school.
pub(super) fn check_school(school: &mut Section<'_>) {
    for reserved in RESERVED.iter().filter(|reserved| reserved.by_school) {
        check(school, reserved);
    }
}

fn check(parent: &mut Section<'_>, reserved: &Reserved) {
    let Some(mut section) = parent.table(reserved.name) else {
        return;
    };
    for name in reserved.keys {
        if name.ends_with("_url") {
            address::url(&mut section, name, "");
        } else if name.ends_with("_hosts") {
            address::hosts(&mut section, name);
        } else {
            check_scalar(&mut section, name);
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
