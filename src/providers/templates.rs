//! The settings of messages, alike at every platform: `credited_template_id` with `credited_fields`, and
//! the same of refunds. A message without a template is not sent.

use crate::{
    config::Section,
    messages::{MessageSource, MessageTemplate, Told},
};

/// The longest id of a template; real ones have 43 or 44 characters.
const ID_MAX_CHARS: usize = 64;

/// What the list of fields must be.
const FIELDS: &str = "the fields of the template, each once as KEY=WHAT, where WHAT is amount, time, \
                      number, what, state or school and fits the type of KEY";

/// The templates of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    /// Tells that a payment was credited.
    pub credited: Option<MessageTemplate>,
    /// Tells that a refund has reached the payer.
    pub refunded: Option<MessageTemplate>,
}

impl Templates {
    /// The template of a message.
    pub(super) const fn of(&self, told: Told) -> Option<&MessageTemplate> {
        match told {
            Told::Credited => self.credited.as_ref(),
            Told::Refunded => self.refunded.as_ref(),
        }
    }

    /// Reads both. `None` where a problem was reported. `fits` says whether a key of the platform can
    /// hold what is to fill it.
    pub(super) fn read(
        section: &mut Section<'_>,
        fits: fn(&str, MessageSource) -> bool,
    ) -> Option<Self> {
        let credited = template(section, "credited_template_id", "credited_fields", fits);
        let refunded = template(section, "refunded_template_id", "refunded_fields", fits);
        Some(Self { credited: credited.ok()?, refunded: refunded.ok()? })
    }
}

/// `Err` where a problem was reported.
fn template(
    section: &mut Section<'_>,
    id: &str,
    fields: &str,
    fits: fn(&str, MessageSource) -> bool,
) -> Result<Option<MessageTemplate>, ()> {
    let given = section.has_any(&[id]);
    let wanted = "the id of a template: letters, digits, _, -, + , / and =";
    let known = section.parsed(id, wanted, |text| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte);
        (text.len() <= ID_MAX_CHARS && text.bytes().all(plain)).then(|| text.to_owned())
    });
    let listed = section.texts(fields);
    match (given, known) {
        // Fields without a template are those of a school that has turned it off.
        (false, _) => Ok(None),
        (true, None) => Err(()),
        (true, Some(known)) => {
            let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
                section.report_missing(fields, FIELDS);
                return Err(());
            };
            let key = listed.first().map_or(fields, |field| &field.key);
            let key = key.trim_end_matches("[0]").to_owned();
            let listed: Vec<String> = listed.into_iter().map(|field| field.value).collect();
            let template = MessageTemplate::new(known, &listed, fits);
            if template.is_none() {
                section.report(&key, format!("must be {FIELDS}"));
            }
            template.map(Some).ok_or(())
        }
    }
}
