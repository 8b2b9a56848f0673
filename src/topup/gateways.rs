//! Which gateway takes a school's money: each school is its own merchant, or shares the general
//! one.

use crate::orders::gateway::PaymentGateway;
use std::{collections::HashMap, sync::Arc};

/// The gateways of a deployment.
#[derive(Debug)]
pub struct Gateways {
    /// For schools without one of their own.
    pub general: Option<Arc<dyn PaymentGateway>>,
    /// By school code.
    pub of_schools: HashMap<String, Arc<dyn PaymentGateway>>,
    /// `https://host`, where providers reach us.
    pub public_url: String,
}

impl Gateways {
    /// The gateway of a school.
    pub fn of(&self, school_code: &str) -> Option<&Arc<dyn PaymentGateway>> {
        self.of_schools.get(school_code).or(self.general.as_ref())
    }

    /// Where a school's WeChat Pay messages arrive.
    pub fn notify_url(&self, school_code: &str) -> String {
        let base = self.public_url.trim_end_matches('/');
        format!("{base}/callbacks/{school_code}/wechat-pay/transactions")
    }
}
