//! The gateways of a deployment, by school and provider. A school is its own merchant or shares the
//! general one, for each provider by itself.

use super::gateway::{PaymentGateway, Provider};
use std::{collections::HashMap, sync::Arc};

/// The gateways of one merchant's providers.
type OfProviders = HashMap<Provider, Arc<dyn PaymentGateway>>;

/// The gateways of a deployment.
#[derive(Debug)]
pub struct Gateways {
    general: OfProviders,
    of_schools: HashMap<String, OfProviders>,
    public_url: String,
}

impl Gateways {
    /// Without a gateway yet. Providers reach us at `public_url`: `https://host`.
    pub fn new(public_url: String) -> Self {
        Self { general: HashMap::new(), of_schools: HashMap::new(), public_url }
    }

    /// Adds the gateway of schools without one of their own.
    pub fn add_general(&mut self, gateway: Arc<dyn PaymentGateway>) {
        self.general.insert(gateway.provider(), gateway);
    }

    /// Adds the gateway of one school, by its code.
    pub fn add_of_school(&mut self, school_code: &str, gateway: Arc<dyn PaymentGateway>) {
        let own = self.of_schools.entry(school_code.to_owned()).or_default();
        own.insert(gateway.provider(), gateway);
    }

    /// The gateway of a school for a provider.
    pub fn of(&self, school_code: &str, provider: Provider) -> Option<&Arc<dyn PaymentGateway>> {
        let own = self.of_schools.get(school_code).and_then(|own| own.get(&provider));
        own.or_else(|| self.general.get(&provider))
    }

    /// The gateways that act for this merchant, whichever schools' they are: several where former
    /// keys of a merchant are still configured.
    pub fn of_merchant(
        &self,
        provider: Provider,
        merchant: &str,
    ) -> impl Iterator<Item = &Arc<dyn PaymentGateway>> {
        let all = std::iter::once(&self.general).chain(self.of_schools.values());
        let of_provider = all.filter_map(move |of| of.get(&provider));
        of_provider.filter(move |gateway| gateway.merchant() == merchant)
    }

    /// The address at which the gateway's provider reaches us about a school's payments.
    pub(super) fn notify_url(&self, school_code: &str, gateway: &dyn PaymentGateway) -> String {
        self.callback(school_code, gateway.callback_path())
    }

    /// The address at which it reaches us about refunds of a school's payments.
    pub(super) fn refund_notify_url(
        &self,
        school_code: &str,
        gateway: &dyn PaymentGateway,
    ) -> String {
        self.callback(school_code, gateway.refund_callback_path())
    }

    fn callback(&self, school_code: &str, path: &str) -> String {
        let base = self.public_url.trim_end_matches('/');
        format!("{base}/callbacks/{school_code}/{path}")
    }
}
