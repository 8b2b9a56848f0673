//! Sections that a provider's own module reads: general settings, and those of single schools laid
//! over them key by key.

use super::{reserved, section::Section};
use std::collections::BTreeMap;

/// The settings of one provider, read by the provider's own module.
pub trait ProviderSection: Sized {
    /// The name of the section: `wechat_pay`.
    const NAME: &'static str;
    /// Whether a school may override it, under `[school.CODE.…]`.
    const BY_SCHOOL: bool;
    /// Keys that may stand alone in the general section, such as an address, for schools to
    /// complete.
    const SHARED: &'static [&'static str];

    /// Reads a section to its end. `None` only where a problem was reported.
    fn read(section: Section<'_>) -> Option<Self>;
}

/// The settings of one provider: for all schools, and for schools that have their own.
#[derive(Clone, Debug)]
pub struct PerSchool<T> {
    /// For schools without their own; `None` where the provider is not used.
    pub general: Option<T>,
    /// By the school's code, each complete.
    pub own: BTreeMap<String, T>,
}

impl<T> PerSchool<T> {
    /// The settings that hold for a school.
    pub fn of(&self, code: &str) -> Option<&T> {
        self.own.get(code).or(self.general.as_ref())
    }
}

/// The sections of all providers, before they are read.
#[derive(Debug)]
pub struct ProviderSections<'r, 'p> {
    root: &'r mut Section<'p>,
    schools: BTreeMap<String, Section<'p>>,
}

impl<'r, 'p> ProviderSections<'r, 'p> {
    pub(super) fn of(root: &'r mut Section<'p>) -> Self {
        let schools: BTreeMap<_, _> =
            root.table_or_empty("school").into_tables().into_iter().collect();
        for (code, school) in &schools {
            check_code(school, code);
        }
        Self { root, schools }
    }

    /// The settings of one provider.
    pub fn read<T: ProviderSection>(&mut self) -> PerSchool<T> {
        // A section whose keys are all empty counts as absent, as a key does.
        let general = self.root.table(T::NAME).filter(|general| !general.is_left_blank());
        let mut own = BTreeMap::new();
        for (code, school) in self.schools.iter_mut().filter(|_| T::BY_SCHOOL) {
            if let Some(section) = school.table(T::NAME) {
                let whole = match &general {
                    Some(general) => general.overlaid(section),
                    None => section,
                };
                own.insert(code.clone(), whole);
            }
        }
        let general = general.filter(|general| own.is_empty() || general.has_more_than(T::SHARED));
        let own = own.into_iter();
        PerSchool {
            general: general.and_then(T::read),
            own: own.filter_map(|(code, section)| Some((code, T::read(section)?))).collect(),
        }
    }

    /// Checks the reserved sections, and reports what is unknown in the schools'.
    pub(super) fn finish(self) {
        reserved::check_general(self.root);
        for mut school in self.schools.into_values() {
            reserved::check_school(&mut school);
            school.finish();
        }
    }
}

fn check_code(school: &Section<'_>, code: &str) {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !code.bytes().all(plain) {
        school.report(school.path(), "a school's code is of a-z and 0-9 only");
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    #[derive(Debug)]
    struct Sms(String);

    impl ProviderSection for Sms {
        const NAME: &'static str = "messages";
        const BY_SCHOOL: bool = false;
        const SHARED: &'static [&'static str] = &[];

        fn read(mut section: Section<'_>) -> Option<Self> {
            let sender = section.required_text("sender", "the sender");
            section.finish();
            Some(Self(sender?.value))
        }
    }

    fn load(variables: &[(&str, &str)]) -> Result<PerSchool<Sms>, String> {
        let key = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let keys = ["MASTER", "DATA", "INDEX", "JWT"].map(|name| (format!("KEYS__{name}"), key));
        let given = variables.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let all = keys.into_iter().chain(given);
        let all = all.map(|(name, value)| (format!("ONECARD__{name}"), value.to_owned()));
        let read = |sections: &mut ProviderSections<'_, '_>| sections.read::<Sms>();
        Config::load(None, all, read).map(|(_, sms)| sms).map_err(|error| error.to_string())
    }

    #[test]
    fn a_section_that_schools_share_is_unknown_below_a_school() {
        let read = load(&[("MESSAGES__SENDER", "card")]).unwrap();
        assert_eq!(read.of("xnec").map(|sms| sms.0.as_str()), Some("card"));
        assert!(load(&[]).unwrap().general.is_none());
        let of_school = [("MESSAGES__SENDER", "card"), ("SCHOOL__XNEC__MESSAGES__SENDER", "own")];
        let told = load(&of_school).unwrap_err();
        assert!(told.contains("school.xnec.messages: is not a known key"), "{told}");
    }
}
