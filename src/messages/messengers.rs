//! The messengers of a deployment, by school and provider.

use super::{Messenger, Told};
use crate::orders::fact::Provider;
use std::{collections::HashMap, sync::Arc};

/// The messengers of one app for each provider.
type OfProviders = HashMap<Provider, Arc<dyn Messenger>>;

/// The messengers of a deployment. A school has its own, or shares the general one.
#[derive(Debug, Default)]
pub struct Messengers {
    general: OfProviders,
    of_schools: HashMap<String, OfProviders>,
}

impl Messengers {
    /// Adds the messenger of schools without one of their own.
    pub fn add_general(&mut self, messenger: Arc<dyn Messenger>) {
        self.general.insert(messenger.provider(), messenger);
    }

    /// Adds the messenger of one school, by its code.
    pub fn add_of_school(&mut self, school_code: &str, messenger: Arc<dyn Messenger>) {
        let own = self.of_schools.entry(school_code.to_owned()).or_default();
        own.insert(messenger.provider(), messenger);
    }

    /// The messenger of a school for the payers of a provider.
    pub fn of(&self, school_code: &str, provider: Provider) -> Option<&Arc<dyn Messenger>> {
        let own = self.of_schools.get(school_code).and_then(|own| own.get(&provider));
        own.or_else(|| self.general.get(&provider))
    }

    /// Whether any of them does what `does` asks for.
    pub(super) fn any(&self, does: impl Fn(&dyn Messenger) -> bool) -> bool {
        let all = std::iter::once(&self.general).chain(self.of_schools.values());
        all.flat_map(HashMap::values).any(|messenger| does(messenger.as_ref()))
    }

    /// The ids of the templates that a school's payers are asked about, each once.
    pub(super) fn template_ids(&self, school_code: &str, provider: Provider) -> Vec<&str> {
        let Some(messenger) = self.of(school_code, provider) else { return Vec::new() };
        let templates = Told::ALL.iter().filter_map(|told| messenger.template(*told));
        let mut ids: Vec<&str> = Vec::new();
        for template in templates {
            if !ids.contains(&template.id.as_str()) {
                ids.push(&template.id);
            }
        }
        ids
    }
}
