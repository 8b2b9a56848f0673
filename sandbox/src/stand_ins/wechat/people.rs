//! The invented users of WeChat.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::crypto::sha256;
use crate::state::lock;

const NAMES: [&str; 5] = ["林晓雨", "陈思远", "王梓涵", "赵一鸣", "周书瑶"];

/// How many users have names and stand on the sign-in page; they are numbered from 0.
pub const DEMO_USERS: usize = NAMES.len();

/// Bounds what the sandbox remembers of people.
pub(crate) const POPULATION: u32 = 100_000;

/// A WeChat user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    pub index: u32,
    /// Of the app that knows this person under this openid.
    pub app_id: String,
    /// 28 characters, beginning with `o`.
    pub openid: String,
    pub name: String,
}

/// The name of the person with this number, the same with every provider.
pub(crate) fn name_of(index: u32) -> String {
    let named = usize::try_from(index).ok().and_then(|index| NAMES.get(index));
    named.map_or_else(|| format!("体验用户 {index}"), |name| (*name).to_owned())
}

/// The first character of the name, for a picture.
pub(crate) fn surname_of(name: &str) -> &str {
    let end = name.chars().next().map_or(0, char::len_utf8);
    name.get(..end).unwrap_or_default()
}

#[derive(Debug)]
pub(super) struct People {
    app_id: String,
    met: Mutex<HashMap<String, u32>>,
}

impl People {
    pub(super) fn new(app_id: &str) -> Self {
        let people = Self { app_id: app_id.to_owned(), met: Mutex::default() };
        let demo =
            (0..).map_while(|index| people.demo(index)).map(|user| (user.openid, user.index));
        lock(&people.met).extend(demo);
        people
    }

    pub(super) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(super) fn demo(&self, index: u32) -> Option<User> {
        let named = usize::try_from(index).is_ok_and(|index| index < DEMO_USERS);
        named.then(|| self.named(index))
    }

    pub(super) fn user(&self, index: u32) -> Option<User> {
        if index >= POPULATION {
            return None;
        }
        let user = self.named(index);
        lock(&self.met).insert(user.openid.clone(), index);
        Some(user)
    }

    pub(super) fn by_openid(&self, openid: &str) -> Option<User> {
        let index = lock(&self.met).get(openid).copied()?;
        Some(self.named(index))
    }

    fn named(&self, index: u32) -> User {
        let (app_id, openid, name) = (self.app_id.clone(), self.openid(index), name_of(index));
        User { index, app_id, openid, name }
    }

    /// Stable for one app id and different for another, as with WeChat.
    fn openid(&self, index: u32) -> String {
        let digest = sha256(&format!("{}/{index}", self.app_id));
        URL_SAFE_NO_PAD.encode(digest).chars().take(27).fold(String::from("o"), |mut id, letter| {
            id.push(letter);
            id
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openids_are_stable_and_belong_to_one_app() {
        let one = People::new("wx0000000000000001");
        let same = People::new("wx0000000000000001");
        let other = People::new("wx0000000000000002");
        let user = one.demo(0).unwrap();
        assert_eq!((user.name.as_str(), user.openid.len()), ("林晓雨", 28));
        assert_eq!(same.demo(0).unwrap(), user);
        assert_ne!(other.demo(0).unwrap().openid, user.openid);
    }

    #[test]
    fn only_people_that_were_met_are_known() {
        let people = People::new("wx0000000000000001");
        let stranger = people.named(7).openid;
        assert_eq!(people.by_openid(&stranger), None);
        people.user(7).unwrap();
        assert_eq!(people.by_openid(&stranger).unwrap().index, 7);
        assert_eq!(people.user(POPULATION), None);
    }
}
