//! Rules that apply to a limited number of messages.

use super::Active;

/// The most messages that one rule applies to.
pub const MOST_TIMES: u32 = 1_000_000;
const MOST_RULES: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultRefusal {
    #[error("次数应为 1 到 1000000")]
    Times,
    #[error("故障规则过多，请先清除")]
    TooMany,
    #[error("这个接口不会发生这种故障")]
    Nowhere,
}

#[derive(Debug)]
pub(super) struct Rules<R> {
    made: u64,
    oldest_first: Vec<Active<R>>,
}

impl<R> Default for Rules<R> {
    fn default() -> Self {
        Self { made: 0, oldest_first: Vec::new() }
    }
}

impl<R: Clone> Rules<R> {
    /// Returns the number of the new rule.
    pub(super) fn add(&mut self, rule: R, times: u32) -> Result<u64, FaultRefusal> {
        if !(1..=MOST_TIMES).contains(&times) {
            return Err(FaultRefusal::Times);
        }
        if self.oldest_first.len() >= MOST_RULES {
            return Err(FaultRefusal::TooMany);
        }
        self.made += 1;
        self.oldest_first.push(Active { id: self.made, rule, left: times });
        Ok(self.made)
    }

    /// Uses the oldest rule that fits, once.
    pub(super) fn take(&mut self, fits: impl Fn(&R) -> bool) -> Option<R> {
        let place = self.oldest_first.iter().position(|active| fits(&active.rule))?;
        let active = self.oldest_first.get_mut(place)?;
        active.left -= 1;
        let rule = active.rule.clone();
        if active.left == 0 {
            self.oldest_first.remove(place);
        }
        Some(rule)
    }

    pub(super) fn active(&self) -> Vec<Active<R>> {
        self.oldest_first.clone()
    }

    pub(super) fn clear(&mut self) {
        self.oldest_first.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rule_that_fits_is_used_up_first() {
        let mut rules = Rules::default();
        rules.add("a1", 1).unwrap();
        rules.add("b", 1).unwrap();
        rules.add("a2", 2).unwrap();
        let taken: Vec<_> = (0..4).map(|_| rules.take(|rule| rule.starts_with('a'))).collect();
        assert_eq!(taken, [Some("a1"), Some("a2"), Some("a2"), None]);
        assert_eq!(rules.active(), [Active { id: 2, rule: "b", left: 1 }]);
        assert_eq!(rules.add("c", 0), Err(FaultRefusal::Times));
        rules.clear();
        assert_eq!(rules.take(|_| true), None);
        for _ in 0..MOST_RULES {
            rules.add("d", MOST_TIMES).unwrap();
        }
        assert_eq!(rules.add("e", 1), Err(FaultRefusal::TooMany));
    }
}
