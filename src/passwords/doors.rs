//! Attempts of unbound callers: what they claim, and under what they are counted.
//!
//! Together they have 20 failed attempts per day at one person: by each door those below. The doors
//! are counted separately, so that attempts at the portal, which need no account, cannot block
//! binding, and attempts with a number, which strangers know, cannot block those with the name and the
//! ID number.

use super::{
    PasswordFault, Passwords,
    store::{self, SubjectDigest},
    tries::Limit,
};
use crate::{
    base::{crypto::seal::SealError, db::Tx, ids::SchoolId},
    schools::{Person, School, policy::IdKind},
    sessions::IdentityId,
};
use secrecy::{ExposeSecret, SecretString};

/// Failed attempts per day to bind by the number of one person.
pub const TRIES_AT_BINDING: i64 = 10;
/// Failed attempts per day to bind by the ID number and the name of one person together.
pub const TRIES_BY_NAME: i64 = 4;
/// Failed attempts per day at the portal by the number of one person.
pub const TRIES_AT_PORTAL: i64 = 6;
/// Failed attempts per day of one identity at people it is not bound to.
pub const TRIES_OF_IDENTITY: i64 = 20;
/// The school of counts that belong to no school.
const NO_SCHOOL: SchoolId = SchoolId::from_number(0);
/// Counts at the portal.
const PORTAL: &str = "try:portal";
/// Counts of those who bind by number.
const BINDING: &str = "try:binding";

/// A caller that is not bound to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A signed-in identity.
    Identity(IdentityId),
    /// An anonymous visitor of the web portal.
    Portal,
}

/// The data by which an unbound caller identifies a person.
#[derive(Clone, Debug)]
pub struct ClaimedPerson {
    /// The kind of the number.
    pub id_kind: IdKind,
    /// The number.
    pub id_value: String,
    /// The name; compared if present.
    pub name: Option<SecretString>,
}

impl ClaimedPerson {
    /// True if the ID number and the name are claimed together.
    const fn is_named(&self) -> bool {
        match self.id_kind {
            IdKind::IdNumber => self.name.is_some(),
            IdKind::StudentNo => false,
        }
    }

    /// What is claimed in its lookup form: the number prefixed with its kind, and the name where it
    /// is claimed together with the ID number.
    fn key(&self) -> String {
        let number = number_key(self.id_kind, &self.id_value);
        match &self.name {
            Some(name) if self.is_named() => {
                format!("{number}:{}", plain_name(name).expose_secret())
            }
            Some(_) | None => number,
        }
    }
}

fn number_key(kind: IdKind, value: &str) -> String {
    let value = value.trim();
    match kind {
        IdKind::StudentNo => format!("student_no:{value}"),
        IdKind::IdNumber => format!("id_number:{}", value.to_ascii_uppercase()),
    }
}

/// Names of minorities contain a middle dot, for which keyboards offer several characters.
pub(super) fn plain_name(name: &SecretString) -> SecretString {
    let dots = ['•', '・', '‧', '∙', '⋅', '．', '.'];
    SecretString::from(name.expose_secret().trim().replace(dots, "·"))
}

impl Passwords {
    /// The counts that an unbound caller's attempt adds to. They are keyed by what is claimed instead
    /// of the person, so that numbers of nobody are counted alike. If a school accepts two kinds of
    /// numbers, each gets half of the attempts.
    pub(super) fn limits(
        &self,
        school: &School,
        stranger: Stranger,
        claimed: &ClaimedPerson,
    ) -> Vec<(SubjectDigest, Limit)> {
        let key = claimed.key();
        let kinds = i64::try_from(school.policy.binding.id_kinds.len()).unwrap_or(1).max(1);
        let (door, most) = match stranger {
            Stranger::Identity(_) if claimed.is_named() => ("try:binding-by-name", TRIES_BY_NAME),
            Stranger::Identity(_) => (BINDING, TRIES_AT_BINDING / kinds),
            Stranger::Portal => (PORTAL, TRIES_AT_PORTAL / kinds),
        };
        let mut limits = vec![(self.subject(school.id, door, &key), Limit::Daily(most))];
        if let Stranger::Identity(identity) = stranger {
            let pair = self.subject(school.id, "try:pair", &format!("{identity}:{key}"));
            let all = self.subject(NO_SCHOOL, "try:identity", &identity.to_string());
            limits.push((pair, Limit::Growing));
            limits.push((all, Limit::Daily(TRIES_OF_IDENTITY)));
        }
        limits
    }

    /// The counts at the portal of each number of a person.
    pub(super) fn at_portal(&self, person: &Person) -> Result<Vec<SubjectDigest>, SealError> {
        self.at(&[PORTAL], person)
    }

    /// The same, and those of who bound by one of the numbers.
    pub(super) fn at_doors(&self, person: &Person) -> Result<Vec<SubjectDigest>, SealError> {
        self.at(&[PORTAL, BINDING], person)
    }

    fn at(&self, doors: &[&str], person: &Person) -> Result<Vec<SubjectDigest>, SealError> {
        let mut keys = vec![number_key(IdKind::StudentNo, &person.student_no)];
        if let Some(number) = person.id_number(&self.sealer)? {
            keys.push(number_key(IdKind::IdNumber, number.expose_secret()));
        }
        let of = |door| keys.iter().map(move |key| self.subject(person.school, door, key));
        Ok(doors.iter().flat_map(|door| of(*door).collect::<Vec<_>>()).collect())
    }

    /// Ends the waits of these counts: what was tried is no longer in force.
    pub(super) async fn forget(tx: &Tx, counts: &[SubjectDigest]) -> Result<(), PasswordFault> {
        let limits: Vec<_> = counts.iter().map(|subject| (*subject, Limit::Growing)).collect();
        Ok(store::give_back(tx, &limits).await?)
    }
}
