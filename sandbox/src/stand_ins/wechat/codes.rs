//! Login codes: for one openid, valid once, for five minutes.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::User;
use crate::chance;

const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// Expired codes are remembered, to distinguish a second use from a wrong code.
const REMEMBERED: TimeDelta = TimeDelta::minutes(10);
const MOST: usize = 100_000;

#[derive(Debug)]
struct Code {
    app_id: String,
    openid: String,
    issued_at: DateTime<Utc>,
    used: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum CodeError {
    /// Never made, made for another app, or past its five minutes.
    Invalid,
    Used,
}

#[derive(Debug, Default)]
pub(super) struct Codes {
    known: HashMap<String, Code>,
    oldest_first: VecDeque<String>,
}

impl Codes {
    pub(super) fn issue(&mut self, user: &User, now: DateTime<Utc>) -> String {
        self.forget(now);
        let code = format!("0{}", chance::alphanumeric(31));
        let (app_id, openid) = (user.app_id.clone(), user.openid.clone());
        let entry = Code { app_id, openid, issued_at: now, used: false };
        self.known.insert(code.clone(), entry);
        self.oldest_first.push_back(code.clone());
        code
    }

    /// The openid behind the code, which is used up by asking.
    pub(super) fn take(
        &mut self,
        app_id: &str,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<String, CodeError> {
        let code = self.known.get_mut(code).filter(|code| code.app_id == app_id);
        let code = code.ok_or(CodeError::Invalid)?;
        if code.used {
            return Err(CodeError::Used);
        }
        if now - code.issued_at > LIFETIME {
            return Err(CodeError::Invalid);
        }
        code.used = true;
        Ok(code.openid.clone())
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some(oldest) = self.oldest_first.front() {
            let past = |code: &Code| now - code.issued_at > REMEMBERED;
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

    fn user(openid: &str) -> User {
        let (app_id, openid) = (APP.to_owned(), openid.to_owned());
        User { index: 0, app_id, openid, name: String::new() }
    }

    #[test]
    fn a_code_is_good_once_for_five_minutes() {
        let start = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut codes = Codes::default();
        let code = codes.issue(&user("o1"), start);
        assert_eq!(code.len(), 32);
        assert_eq!(codes.take("wx2", &code, start), Err(CodeError::Invalid), "of another app");
        assert_eq!(codes.take(APP, &code, start + TimeDelta::minutes(5)), Ok("o1".to_owned()));
        assert_eq!(codes.take(APP, &code, start), Err(CodeError::Used));
        let late = codes.issue(&user("o1"), start);
        assert_eq!(
            codes.take(APP, &late, start + TimeDelta::seconds(301)),
            Err(CodeError::Invalid)
        );
        assert_eq!(codes.take(APP, "none", start), Err(CodeError::Invalid));
    }

    #[test]
    fn old_codes_are_forgotten() {
        let start = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let mut codes = Codes::default();
        codes.issue(&user("o1"), start);
        codes.issue(&user("o2"), start + TimeDelta::minutes(11));
        assert_eq!((codes.known.len(), codes.oldest_first.len()), (1, 1));
    }
}
