//! What an address carries without saying it: whom somebody looks for.

use super::{Console, frame::PageError};
use crate::{
    base::{crypto::seal::Aad, http::ApiError},
    staff_accounts::StaffMember,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a text is sealed for: one member of staff's searches.
fn aad(member: &StaffMember) -> Aad {
    Aad { table: "console", column: "search", row: member.id.uuid() }
}

/// A text as an address carries it; nothing for nothing.
pub(super) fn sealed(
    console: &Console,
    member: &StaffMember,
    text: &str,
) -> Result<String, PageError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let sealed = console.sealer.seal(text.as_bytes(), &aad(member));
    Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(|error| ApiError::internal(&error))?))
}

/// The text in an address; nothing where it is another member's.
pub(super) fn opened(console: &Console, member: &StaffMember, sealed: &str) -> Option<String> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let text = console.sealer.open(&sealed, &aad(member)).ok()?;
    String::from_utf8(text.to_vec()).ok()
}
