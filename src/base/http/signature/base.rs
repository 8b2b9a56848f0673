//! The signature base: the text that is signed (RFC 9421, 2.5).

use super::{SignatureError, SignedRequest};
use sfv::{InnerList, Item, ItemSerializer, ListSerializer};
use std::borrow::Cow;

const METHOD: &str = "@method";
const AUTHORITY: &str = "@authority";
const PATH: &str = "@path";
const QUERY: &str = "@query";
const CONTENT_DIGEST: &str = "content-digest";

/// Initial capacity of a signature base.
const USUAL_BYTES: usize = 512;

/// The signature base of an input: one line for each component in the signer's order, then the
/// input itself without its label.
pub(super) fn of<'a>(
    input: &InnerList,
    value_of: impl Fn(&str) -> Option<Cow<'a, str>>,
) -> Result<String, SignatureError> {
    let mut base = String::with_capacity(USUAL_BYTES);
    for component in &input.items {
        let name = name_of(component).ok_or(SignatureError::Components)?;
        let value = value_of(name).ok_or(SignatureError::Components)?;
        _ = ItemSerializer::with_buffer(&mut base).bare_item(&component.bare_item);
        base.push_str(": ");
        base.push_str(&value);
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    let mut list = ListSerializer::with_buffer(&mut base);
    let mut components = list.inner_list();
    components.items(&input.items);
    _ = components.finish().parameters(&input.params);
    Ok(base)
}

/// The name of a component without parameters. `"content-digest";sf` would be another component.
fn name_of(component: &Item) -> Option<&str> {
    let name = component.bare_item.as_string()?;
    component.params.is_empty().then_some(name.as_str())
}

/// The components that a signature over a request must cover.
pub(super) struct RequiredComponents<'a> {
    pub(super) request: &'a SignedRequest<'a>,
    /// The field value, with its lines joined.
    pub(super) content_digest: &'a str,
}

impl<'a> RequiredComponents<'a> {
    /// Checks that the input lists each required component once, and no other.
    pub(super) fn check(&self, input: &InnerList) -> Result<(), SignatureError> {
        let covers = |name| input.items.iter().any(|item| name_of(item) == Some(name));
        let query = self.request.query.map(|_| QUERY);
        let mut required = [METHOD, AUTHORITY, PATH, CONTENT_DIGEST].into_iter().chain(query);
        let count = 4 + usize::from(query.is_some());
        let all = input.items.len() == count && required.all(covers);
        all.then_some(()).ok_or(SignatureError::Components)
    }

    /// The value of a component in this request.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        match name {
            METHOD => Some(self.request.method.into()),
            AUTHORITY => Some(self.request.authority.into()),
            PATH => Some(self.request.path.into()),
            QUERY => self.request.query.map(|query| format!("?{query}").into()),
            CONTENT_DIGEST => Some(self.content_digest.into()),
            _ => None,
        }
    }
}
