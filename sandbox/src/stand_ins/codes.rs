//! Login codes: for one person in one app, valid once, for some minutes.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

/// Expired codes are remembered so much longer than they are good, to distinguish a second use from
/// a wrong code.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);
const MOST: usize = 100_000;

#[derive(Debug)]
struct Code {
    app_id: String,
    person: String,
    issued_at: DateTime<Utc>,
    used: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CodeError {
    /// Never made, or past its time.
    Invalid,
    /// Made for another app; it stays good there.
    OtherApp,
    Used,
}

#[derive(Debug)]
pub(crate) struct Codes {
    lifetime: TimeDelta,
    known: HashMap<String, Code>,
    oldest_first: VecDeque<String>,
}

impl Codes {
    pub(crate) fn good_for(lifetime: TimeDelta) -> Self {
        Self { lifetime, known: HashMap::new(), oldest_first: VecDeque::new() }
    }

    /// Makes `code` stand for the person.
    pub(crate) fn issue(&mut self, code: &str, app_id: &str, person: &str, now: DateTime<Utc>) {
        self.forget(now);
        let (app_id, person) = (app_id.to_owned(), person.to_owned());
        let entry = Code { app_id, person, issued_at: now, used: false };
        self.known.insert(code.to_owned(), entry);
        self.oldest_first.push_back(code.to_owned());
    }

    /// The person behind the code, which is used up by asking.
    pub(crate) fn take(
        &mut self,
        app_id: &str,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<String, CodeError> {
        let code = self.known.get_mut(code).ok_or(CodeError::Invalid)?;
        if code.app_id != app_id {
            return Err(CodeError::OtherApp);
        }
        if code.used {
            return Err(CodeError::Used);
        }
        if now - code.issued_at > self.lifetime {
            return Err(CodeError::Invalid);
        }
        code.used = true;
        Ok(code.person.clone())
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let kept = self.lifetime + REMEMBERED;
        while let Some(oldest) = self.oldest_first.front() {
            let past = |code: &Code| now - code.issued_at > kept;
            if self.known.len() < MOST && !self.known.get(oldest).is_none_or(past) {
                break;
            }
            self.known.remove(oldest);
            self.oldest_first.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "wx0000000000000001";

    fn codes() -> Codes {
        Codes::good_for(TimeDelta::minutes(5))
    }

    #[test]
    fn a_code_is_good_once_for_five_minutes() {
        let start = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut codes = codes();
        codes.issue("one", APP, "o1", start);
        assert_eq!(codes.take("wx2", "one", start), Err(CodeError::OtherApp));
        assert_eq!(codes.take(APP, "one", start + TimeDelta::minutes(5)), Ok("o1".to_owned()));
        assert_eq!(codes.take(APP, "one", start), Err(CodeError::Used));
        codes.issue("late", APP, "o1", start);
        let after = start + TimeDelta::seconds(301);
        assert_eq!(codes.take(APP, "late", after), Err(CodeError::Invalid));
        assert_eq!(codes.take(APP, "none", start), Err(CodeError::Invalid));
    }

    #[test]
    fn old_codes_are_forgotten() {
        let start = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut codes = codes();
        codes.issue("one", APP, "o1", start);
        codes.issue("two", APP, "o2", start + TimeDelta::minutes(11));
        assert_eq!((codes.known.len(), codes.oldest_first.len()), (1, 1));
    }
}
