//! The student's home page, in two queries besides the session's.

use super::{
    BindingView, Identities,
    sign_in::SignInError,
    store::{self, HomeScope},
};
use crate::{
    base::clock::Timestamp,
    cards::{CardView, Holder},
    passcode::{Channel, Owner, SEEN_EVERY},
    schools::{People, Person, PersonKind, School, masked_name, policy::Meal},
    sessions::{BoundTo, NOTICES_KEPT, Notice, SignedIn},
};

/// The home page of a bound identity.
#[derive(Debug)]
pub struct Home {
    /// The bound person.
    pub binding: BindingView,
    /// The card; `None` while a change of the default password is due.
    pub card: Option<CardView>,
    /// The identity's notices, newest first.
    pub notices: Vec<Notice>,
    /// The number of unpaid orders.
    pub orders: u64,
    /// The phone enrolled on this platform.
    pub phone: Option<Phone>,
}

/// An enrolled phone.
#[derive(Clone, Copy, Debug)]
pub struct Phone {
    /// The number of the device's enrolment.
    pub generation: u32,
    /// When its keys expire.
    pub expires_at: Timestamp,
    /// When it was last recorded as seen.
    pub seen_at: Timestamp,
}

impl Identities {
    /// The home page of a bound identity: two queries.
    pub async fn home(&self, who: &SignedIn) -> Result<Option<Home>, SignInError> {
        let Some(BoundTo { person, school }) = who.bound_to else { return Ok(None) };
        let school = self.schools.require(school).await?;
        let now = self.clock.now();
        let limits = school.policy.limits.as_ref();
        let meal = limits.map_or(Meal::OTHER, |limits| limits.meal_at(now));
        let since = now.minus(NOTICES_KEPT);
        let row =
            store::home(&self.db, who, HomeScope { person, since, day: now.day(), meal }).await?;
        let row = row.ok_or(People::MISSING)?;
        self.note_phone(who, &school, row.phone).await;
        let name_masked = masked_name(&self.sealer, person, &row.name_sealed);
        let name_masked = name_masked.map_err(|_| SignInError::Sealed)?;
        let standing = row.standing;
        let shown = ShownPerson { name_masked, student_no: row.student_no, kind: row.kind };
        let binding = shown.of(&school, (row.own_password, row.password_of_slip));
        let card = if binding.must_change_password {
            None
        } else {
            let (policy, spent) = (&school.policy, Some(row.spent));
            let holder = Holder { school: school.id, policy, person, standing, spent };
            Some(self.cards.of(&holder, now).await?)
        };
        let (notices, orders, phone) = (row.notices, row.orders, row.phone);
        Ok(Some(Home { binding, card, notices, orders, phone }))
    }

    /// Records that the phone was seen, if the last record is old enough. Codes of a phone that is
    /// not seen for some days are refused until it is online again.
    async fn note_phone(&self, who: &SignedIn, school: &School, phone: Option<Phone>) {
        let now = self.clock.now();
        let due = phone.is_some_and(|phone| phone.seen_at.plus(SEEN_EVERY) <= now);
        let bound = who.bound_to.zip(Channel::of(who.user.platform));
        let Some((BoundTo { person, school: id }, channel)) = bound.filter(|_| due) else { return };
        let owner = Owner { person, school: id, channel };
        let seen = self.codes.seen(&owner, &school.policy.passcode.terms, now).await;
        if let Err(error) = seen {
            tracing::warn!(%error, "could not record that a device was seen");
        }
    }

    /// Whether the person must change the default password, or that of a slip, before anything else.
    pub async fn must_change_password(&self, who: &SignedIn) -> Result<bool, SignInError> {
        let Some(bound) = who.bound_to.filter(|_| !who.own_password) else { return Ok(false) };
        let school = self.schools.require(bound.school).await?;
        Ok(must_change(&school, (who.own_password, who.password_of_slip)))
    }

    /// A person who was just read, as shown to clients.
    pub(super) fn view(
        &self,
        school: &School,
        person: &Person,
    ) -> Result<BindingView, SignInError> {
        let shown = ShownPerson {
            name_masked: person.masked_name(&self.sealer).map_err(|_| SignInError::Sealed)?,
            student_no: person.student_no.clone(),
            kind: person.kind,
        };
        let of_slip = person.slip_until.is_some();
        Ok(shown.of(school, (person.password_hash.is_some() && !of_slip, of_slip)))
    }
}

/// What clients are shown of a person.
struct ShownPerson {
    name_masked: String,
    student_no: String,
    kind: PersonKind,
}

impl ShownPerson {
    fn of(self, school: &School, password: (bool, bool)) -> BindingView {
        BindingView {
            school_code: school.code.clone(),
            school_name: school.name.clone(),
            name_masked: self.name_masked,
            student_no: self.student_no,
            kind: self.kind,
            must_change_password: must_change(school, password),
        }
    }
}

/// Whether a password is to be changed: one of a slip always, the default where the school says so.
const fn must_change(school: &School, (is_own, is_of_slip): (bool, bool)) -> bool {
    is_of_slip || (school.policy.password.must_change && !is_own)
}
