//! The invented users of Alipay: the same people as WeChat's, by their numbers.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::keys::Identities;
use crate::crypto::sha256;
use crate::stand_ins::wechat::{DEMO_USERS, POPULATION, name_of, surname_of};
use crate::state::lock;

/// A user of Alipay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlipayUser {
    pub index: u32,
    /// Of the app that knows this person under this open id.
    pub app_id: String,
    /// `2088` and 12 digits, the same in every app.
    pub user_id: String,
    /// 44 characters, of this app alone.
    pub open_id: String,
    pub name: String,
}

impl AlipayUser {
    /// The first character of the name, for a picture.
    pub(crate) fn surname(&self) -> &str {
        surname_of(&self.name)
    }

    /// The account's name, masked as Alipay shows it to merchants.
    pub(super) fn logon_id(&self) -> String {
        format!("159****{:04}", self.index % 10_000)
    }

    /// The user id, where the app is told user ids.
    pub(super) fn user_id_for(&self, identities: Identities) -> Option<&str> {
        match identities {
            Identities::Both | Identities::UserId => Some(&self.user_id),
            Identities::OpenId => None,
        }
    }

    /// The open id, where the app is told open ids.
    pub(super) fn open_id_for(&self, identities: Identities) -> Option<&str> {
        match identities {
            Identities::Both | Identities::OpenId => Some(&self.open_id),
            Identities::UserId => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct People {
    app_id: String,
    /// By user id and by open id.
    met: Mutex<HashMap<String, u32>>,
}

impl People {
    pub(super) fn new(app_id: &str) -> Self {
        let people = Self { app_id: app_id.to_owned(), met: Mutex::default() };
        for user in people.demo() {
            people.meet(&user);
        }
        people
    }

    /// The users that the sign-in page offers.
    pub(super) fn demo(&self) -> Vec<AlipayUser> {
        (0..).take(DEMO_USERS).map(|index| self.numbered(index)).collect()
    }

    pub(super) fn user(&self, index: u32) -> Option<AlipayUser> {
        let user = (index < POPULATION).then(|| self.numbered(index))?;
        self.meet(&user);
        Some(user)
    }

    /// A user that was met, by user id or by open id.
    pub(super) fn by_id(&self, id: &str) -> Option<AlipayUser> {
        let index = lock(&self.met).get(id).copied()?;
        Some(self.numbered(index))
    }

    fn meet(&self, user: &AlipayUser) {
        let mut met = lock(&self.met);
        met.insert(user.user_id.clone(), user.index);
        met.insert(user.open_id.clone(), user.index);
    }

    pub(super) fn numbered(&self, index: u32) -> AlipayUser {
        AlipayUser {
            index,
            app_id: self.app_id.clone(),
            user_id: format!("2088{:012}", 702_000_000_000 + u64::from(index) * 7919),
            open_id: self.open_id(index),
            name: name_of(index),
        }
    }

    /// Stable for one app and different for another, as with Alipay.
    fn open_id(&self, index: u32) -> String {
        let digest = sha256(&format!("alipay/{}/{index}", self.app_id));
        format!("0{}", URL_SAFE_NO_PAD.encode(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_user_id_and_an_open_id_in_every_app() {
        let (one, other) = (People::new("2021000000000001"), People::new("2021000000000002"));
        let (here, there) = (one.user(7).unwrap(), other.user(7).unwrap());
        assert_eq!((here.user_id.len(), here.open_id.len()), (16, 44));
        assert_eq!((&here.user_id, &here.name), (&there.user_id, &there.name));
        assert_ne!(here.open_id, there.open_id);
        assert_eq!(one.user(0).unwrap().name, "林晓雨");
        let most = one.user(POPULATION - 1).unwrap();
        assert_eq!((most.user_id.len(), one.user(POPULATION)), (16, None));
    }

    #[test]
    fn only_people_that_were_met_are_known() {
        let people = People::new("2021000000000001");
        let stranger = people.numbered(7);
        assert_eq!(people.by_id(&stranger.open_id), None);
        people.user(7).unwrap();
        assert_eq!(people.by_id(&stranger.open_id).unwrap().index, 7);
        assert_eq!(people.by_id(&stranger.user_id).unwrap().index, 7);
        assert!(people.by_id(&people.numbered(4).user_id).is_some(), "a demo user");
    }
}
