//! Collects every problem of a configuration, so that all are reported at once.

use std::{cell::RefCell, collections::BTreeSet, fmt};

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigProblem {
    /// The dotted key, as in `server.listen`, or the file that could not be read.
    pub key: String,
    /// What is wrong, without the value: it may be a secret.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Every problem of a configuration, sorted by key. For the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    pub(super) fn one(key: impl Into<String>, message: impl Into<String>) -> Self {
        let problem = ConfigProblem { key: key.into(), message: message.into() };
        Self { problems: vec![problem] }
    }

    /// Each problem, at least one.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

/// A heading, then one line for each problem.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The problems found so far. A setting that several schools share is read several times and
/// reported once.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<BTreeSet<ConfigProblem>>);

impl Problems {
    pub(super) fn report(&self, key: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().insert(ConfigProblem { key: key.into(), message: message.into() });
    }

    /// The finished value, unless anything was reported.
    pub(super) fn none_or<T>(self, finished: Option<T>) -> Result<T, ConfigError> {
        let problems: Vec<ConfigProblem> = self.0.into_inner().into_iter().collect();
        match finished {
            Some(finished) if problems.is_empty() => Ok(finished),
            Some(_) | None => Err(ConfigError { problems }),
        }
    }
}
