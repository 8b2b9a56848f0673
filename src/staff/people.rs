//! People as members of staff find them: by number, name or phone, masked, in the order of numbers.
//!
//! Invariant: whom somebody looks for stands in no address. An address carries it sealed.
//! Invariant: an opened person is an entry of the audit log, in the transaction that asks for the right.

use super::{
    orders::masked_names,
    store::{self, PeopleFilter, Sought},
};
use crate::{
    approvals::Approval,
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Day, Timestamp},
        crypto::seal::{SealError, Sealer},
        db::{Db, DbError, Keyset, TxError},
        ids::PersonId,
        money::Balance,
    },
    cardlife::LossError,
    cards::CardStatus,
    ledger::balances::{PersonBalances, person_balances},
    orders::order::WholeOrder,
    passcode::PersonDevice,
    passwords::Passwords,
    schools::{People, Person, PersonKind, Schools},
    sessions::{PersonBinding, Platform},
    staff_accounts::{self, StaffAct, StaffClasses, StaffMember, StaffRefusal},
};
use secrecy::ExposeSecret;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use uuid::Uuid;

/// What handlers about people ask for.
#[derive(Clone, Debug)]
pub struct PeopleDesk {
    /// The database.
    pub db: Db,
    /// Finds people.
    pub people: People,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// Opens names and phones.
    pub sealer: Sealer,
    /// Gives somebody a slip.
    pub passwords: Passwords,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Which people somebody wants to see. What is empty is not asked for.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct PeopleQuery {
    /// 学号 or 工号 or its beginning, a whole name or a whole phone: never of an address.
    #[serde(skip)]
    pub text: Option<String>,
    /// 院系.
    pub department: Option<String>,
    /// 班级.
    pub class: Option<String>,
    /// One of [`PeopleQuery::STATES`].
    pub state: Option<String>,
    /// `1`: who owes something.
    pub debt: Option<String>,
}

/// A person as lists show one.
#[derive(Clone, Debug)]
pub struct ListedPerson {
    /// The person.
    pub id: PersonId,
    /// 学号 or 工号.
    pub person_no: String,
    /// The masked name.
    pub name: String,
    /// The role on the roster.
    pub kind: PersonKind,
    /// 院系; may be empty.
    pub department: String,
    /// 班级; may be empty.
    pub class_name: String,
    /// How the card stands.
    pub status: CardStatus,
    /// What the person has; `None` for members of staff who may not see it.
    pub balance: Option<Balance>,
    /// Where the person is bound.
    pub platforms: Vec<Platform>,
}

/// A person as a member of staff opens one.
#[derive(Clone, Debug)]
pub struct PersonDetail {
    /// As in a list.
    pub listed: ListedPerson,
    /// The last four digits of the phone, if there is one.
    pub phone_end: Option<String>,
    /// The last day, if one is set.
    pub valid_until: Option<Day>,
    /// When the card was reported lost, if it is.
    pub lost_at: Option<Timestamp>,
    /// What the person has; `None` for members of staff who may not see it.
    pub balances: Option<PersonBalances>,
    /// Where the person is bound.
    pub bindings: Vec<PersonBinding>,
    /// What shows the person's codes.
    pub devices: Vec<PersonDevice>,
    /// The newest orders; none for members of staff who may not see them.
    pub orders: Vec<WholeOrder>,
    /// Whether it is the member of staff: nobody acts on the own card.
    pub is_own: bool,
}

/// Why people are not shown, or an act about one was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffPeopleError {
    /// No such person, device or binding at the school.
    #[error("no such person")]
    NotFound,
    /// A filter that there is not, by its name.
    #[error("no such {0}")]
    BadFilter(&'static str),
    /// Nobody acts on the own card.
    #[error("it is the member of staff's own card")]
    OwnCard,
    /// What the act is about has changed since it was shown.
    #[error("the person has changed meanwhile")]
    Changed,
    /// A form that was answered already.
    #[error("this was shown already")]
    ShownBefore,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The card cannot be reported.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// A name or a phone cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffPeopleError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Loss(error) => error.db(),
            Self::NotFound
            | Self::BadFilter(_)
            | Self::OwnCard
            | Self::Changed
            | Self::ShownBefore
            | Self::Right(_)
            | Self::Sealed(_) => None,
        }
    }
}

impl PeopleQuery {
    /// How a card may stand, by name.
    pub const STATES: [(&'static str, CardStatus); 5] = [
        ("normal", CardStatus::Normal),
        ("lost", CardStatus::Lost),
        ("dormant", CardStatus::Dormant),
        ("expired", CardStatus::Expired),
        ("closed", CardStatus::Closed),
    ];
    /// The longest text of a field, in characters: as rosters have it.
    const LONGEST: usize = 60;

    /// How the card is to stand, if that is asked for.
    pub fn status(&self) -> Result<Option<CardStatus>, StaffPeopleError> {
        let Some(code) = given("state", self.state.as_deref())? else { return Ok(None) };
        let known = Self::STATES.into_iter().find(|(name, _)| *name == code);
        Ok(Some(known.ok_or(StaffPeopleError::BadFilter("state"))?.1))
    }

    /// Whether only those are asked for who owe something.
    pub fn in_debt(&self) -> Result<bool, StaffPeopleError> {
        match given("debt", self.debt.as_deref())? {
            None => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(StaffPeopleError::BadFilter("debt")),
        }
    }
}

/// What stands in a field, if anything does.
fn given<'a>(
    name: &'static str,
    value: Option<&'a str>,
) -> Result<Option<&'a str>, StaffPeopleError> {
    let value = value.map(str::trim).filter(|value| !value.is_empty());
    match value {
        Some(value) if value.chars().count() > PeopleQuery::LONGEST => {
            Err(StaffPeopleError::BadFilter(name))
        }
        value => Ok(value),
    }
}

impl PeopleDesk {
    /// The orders of a person that are shown.
    const ORDERS: u64 = 5;

    /// The masked names of whom requests are about, by their subjects: a query.
    pub async fn subjects(
        &self,
        requests: &[Approval],
    ) -> Result<HashMap<Uuid, String>, StaffPeopleError> {
        let of = |request: &Approval| PersonId::from_uuid(request.subject);
        let persons: BTreeSet<PersonId> = requests.iter().map(of).collect();
        let persons: Vec<PersonId> = persons.into_iter().collect();
        let names = masked_names::<StaffPeopleError>(&self.db, &self.sealer, &persons).await?;
        Ok(names.into_iter().map(|(person, name)| (person.uuid(), name)).collect())
    }

    /// A page of people of the member's school, in the order of their numbers: one query.
    pub async fn page(
        &self,
        member: &StaffMember,
        query: &PeopleQuery,
        page: Keyset,
    ) -> Result<Vec<ListedPerson>, StaffPeopleError> {
        store::page(&self.db, &self.filter(member, query)?, page, &self.sealer).await
    }

    /// How many there are, among the first `most`: one query.
    pub async fn count(
        &self,
        member: &StaffMember,
        query: &PeopleQuery,
        most: u32,
    ) -> Result<u64, StaffPeopleError> {
        Ok(store::count(&self.db, &self.filter(member, query)?, most).await?)
    }

    /// The departments of the member's school: one query. None for who sees some classes alone.
    pub async fn departments(&self, member: &StaffMember) -> Result<Vec<String>, StaffPeopleError> {
        if member.only_classes().is_some() {
            return Ok(Vec::new());
        }
        Ok(store::departments(&self.db, member.school).await?)
    }

    /// The filter that is asked for, within what the member may read.
    fn filter(
        &self,
        member: &StaffMember,
        query: &PeopleQuery,
    ) -> Result<PeopleFilter, StaffPeopleError> {
        let with_money = member.roles.has(StaffAct::ReadBalances);
        let in_debt = query.in_debt()?;
        if in_debt && !with_money {
            return Err(StaffRefusal::NoRight.into());
        }
        let owned = |name, value: &Option<String>| {
            Ok::<_, StaffPeopleError>(given(name, value.as_deref())?.map(ToOwned::to_owned))
        };
        let text = given("text", query.text.as_deref())?;
        Ok(PeopleFilter {
            school: member.school,
            sought: text.map(|text| self.sought(member, text)),
            department: owned("department", &query.department)?,
            class_name: owned("class", &query.class)?,
            only_classes: member
                .only_classes()
                .map(|classes| classes.names().map(ToOwned::to_owned).collect()),
            status: query.status()?,
            today: self.clock.now().day(),
            in_debt,
            with_money,
        })
    }

    /// What a text may be: the beginning of a number, a phone, a name.
    fn sought(&self, member: &StaffMember, text: &str) -> Sought {
        let [phones, names] = self.people.digests_of(member.school, text);
        let all = |allowed: fn(&u8) -> bool| text.bytes().all(|byte| allowed(&byte));
        let is_digits = all(u8::is_ascii_digit);
        let is_number = all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        let is_phone = is_digits && text.len() == 11 && text.starts_with('1');
        Sought {
            number: is_number.then(|| text.to_owned()),
            phones: if is_phone { phones } else { Vec::new() },
            names: if is_digits { Vec::new() } else { names },
        }
    }

    /// A person of the member's school. The opening is an entry of the audit log.
    pub async fn open(
        &self,
        member: &StaffMember,
        id: PersonId,
    ) -> Result<PersonDetail, StaffPeopleError> {
        let detail = self.find(member, id).await?;
        self.note_opened(member, id).await?;
        Ok(detail)
    }

    /// An entry that the member opened somebody's page.
    pub(super) async fn note_opened(
        &self,
        member: &StaffMember,
        id: PersonId,
    ) -> Result<(), StaffPeopleError> {
        let entry = Entry {
            act: AuditAct::PersonOpened,
            school: Some(member.school),
            subject: format!("person {id}"),
            detail: String::new(),
        };
        let (db, now) = (self.db.clone().acting_as(member.actor("")), self.clock.now());
        db.in_tx(async |tx| {
            let act = StaffAct::ReadPeople;
            staff_accounts::hold::<StaffPeopleError>(tx, member, act, now).await?;
            Ok::<_, StaffPeopleError>(audit::record(tx, &entry, now).await?)
        })
        .await
    }

    /// The same without an entry: for the page that asks whether to act on somebody who is open.
    pub async fn find(
        &self,
        member: &StaffMember,
        id: PersonId,
    ) -> Result<PersonDetail, StaffPeopleError> {
        let person = self.at_school(member, id).await?;
        let has = |act| member.roles.has(act);
        let balances = if has(StaffAct::ReadBalances) {
            Some(person_balances(&self.db, member.school, id).await?)
        } else {
            None
        };
        let orders = if has(StaffAct::ReadOrders) {
            WholeOrder::page_of_person(&self.db, id, None, Self::ORDERS).await?
        } else {
            Vec::new()
        };
        let bindings = PersonBinding::of_person(&self.db, id).await?;
        let phone = person.phone(&self.sealer)?;
        let end = |phone: &str| phone.get(phone.len().saturating_sub(4)..).map(str::to_owned);
        Ok(PersonDetail {
            phone_end: phone.and_then(|phone| end(phone.expose_secret())),
            valid_until: person.valid_until,
            lost_at: person.lost_at,
            devices: PersonDevice::of_person(&self.db, id).await?,
            is_own: is_own(&person, member),
            listed: self.listed(&person, balances.as_ref(), &bindings)?,
            balances,
            bindings,
            orders,
        })
    }

    fn listed(
        &self,
        person: &Person,
        balances: Option<&PersonBalances>,
        bindings: &[PersonBinding],
    ) -> Result<ListedPerson, StaffPeopleError> {
        Ok(ListedPerson {
            id: person.id,
            person_no: person.student_no.clone(),
            name: person.masked_name(&self.sealer)?,
            kind: person.kind,
            department: person.department.clone(),
            class_name: person.class_name.clone(),
            status: CardStatus::of(person.standing(), self.clock.now().day()),
            balance: balances.map(PersonBalances::total),
            platforms: bindings.iter().map(|binding| binding.platform).collect(),
        })
    }

    pub(super) async fn at_school(
        &self,
        member: &StaffMember,
        id: PersonId,
    ) -> Result<Person, StaffPeopleError> {
        let found = self.people.get(id).await?;
        let sees = |person: &Person| {
            let of = |classes: &StaffClasses| classes.contains(&person.class_name);
            person.school == member.school && member.only_classes().is_none_or(of)
        };
        found.filter(sees).ok_or(StaffPeopleError::NotFound)
    }
}

/// Whether a person is the member of staff.
pub(super) fn is_own(person: &Person, member: &StaffMember) -> bool {
    member.is_person(&person.student_no)
}
