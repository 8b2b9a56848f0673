//! A person of one school.

use super::{DefaultRule, default_password};
use crate::base::{
    clock::{Day, Timestamp},
    crypto::{
        blind::BlindIndex,
        keyring::KeyRing,
        seal::{Aad, SealError, Sealer},
    },
    ids::{PersonId, SchoolId},
};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The keys of personal data: one ring seals it, another makes it searchable.
#[derive(Clone, Debug)]
pub struct PersonKeys {
    /// Uses `keys.data`.
    pub sealer: Sealer,
    /// Uses `keys.index`.
    pub index: BlindIndex,
}

impl PersonKeys {
    /// From the rings `keys.data` and `keys.index`.
    pub const fn new(data: KeyRing, index: KeyRing) -> Self {
        Self { sealer: Sealer::new(data), index: BlindIndex::new(index) }
    }
}

/// A person's role on the roster.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// 学生.
    Student,
    /// 教职工.
    Staff,
    /// 临时人员.
    Temporary,
}

impl PersonKind {
    const ALL: [Self; 3] = [Self::Student, Self::Staff, Self::Temporary];

    /// As in rosters, in the database and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Staff => "staff",
            Self::Temporary => "temporary",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Whether a person belongs to the school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonStatus {
    /// The person belongs to the school.
    Active,
    /// The person has left; nothing new can be started.
    Closed,
}

impl PersonStatus {
    const ALL: [Self; 2] = [Self::Active, Self::Closed];

    /// As in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

/// A person's standing according to the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the person belongs to the school.
    pub status: PersonStatus,
    /// The last day, if one is set.
    pub valid_until: Option<Day>,
    /// Whether the card is reported lost.
    pub lost: bool,
    /// Whether the card is suspended because it was not used for too long.
    pub dormant: bool,
}

impl Standing {
    /// True while the person belongs to the school, including the last day in Asia/Shanghai.
    pub fn holds_on(self, today: Day) -> bool {
        self.status == PersonStatus::Active && self.valid_until.is_none_or(|last| today <= last)
    }
}

/// The form accepted by [`is_student_no`].
pub(super) const STUDENT_NO_FORM: &str = "1 to 20 of the characters A-Z, a-z, 0-9, - and _";

/// True if the text can be a 学号 or 工号.
pub(super) fn is_student_no(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=20).contains(&text.len()) && text.bytes().all(allowed)
}

/// A sealed column of `person`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealedField {
    Name,
    IdNumber,
    Phone,
    /// The number of the card's chip.
    Chip,
    /// That of the card that is reported lost.
    LostChip,
}

impl SealedField {
    /// The place of this field in the row of `person`.
    pub(super) const fn aad(self, person: PersonId) -> Aad {
        let column = match self {
            Self::Name => "name_sealed",
            Self::IdNumber => "id_number_sealed",
            Self::Phone => "phone_sealed",
            Self::Chip => "chip_sealed",
            Self::LostChip => "lost_chip_sealed",
        };
        Aad { table: "person", column, row: person.uuid() }
    }
}

/// The sealed columns.
#[derive(Clone)]
pub(super) struct SealedFields {
    pub(super) name: Vec<u8>,
    pub(super) id_number: Option<Vec<u8>>,
    pub(super) phone: Option<Vec<u8>>,
    pub(super) chip: Option<Vec<u8>>,
}

/// A person of one school, with sealed personal data.
#[derive(Clone)]
pub struct Person {
    /// The id.
    pub id: PersonId,
    /// The school whose roster lists the person.
    pub school: SchoolId,
    /// 学号 or 工号, unique within the school.
    pub student_no: String,
    /// The role.
    pub kind: PersonKind,
    /// Whether the person belongs to the school.
    pub status: PersonStatus,
    /// 院系; may be empty.
    pub department: String,
    /// 班级; may be empty.
    pub class_name: String,
    /// The last day at the school, if one is set.
    pub valid_until: Option<Day>,
    /// PHC string of the query password; `None` while the default is in use.
    pub password_hash: Option<String>,
    /// Until when the query password is good, where it is one that a slip told and that must be changed.
    pub slip_until: Option<Timestamp>,
    /// Whether that slip was used to bind or to sign in.
    pub slip_used: bool,
    /// PHC string of the consumption password; `None` while the default is in use.
    pub consumption_hash: Option<String>,
    /// When the card was reported lost, if it is.
    pub lost_at: Option<Timestamp>,
    /// Whether the card is suspended because it was not used for too long.
    pub dormant: bool,
    /// The number of the chip of the card that is reported lost, sealed.
    pub(super) lost_chip: Option<Vec<u8>>,
    pub(super) sealed: SealedFields,
}

/// Prints nothing that identifies the person outside of the system.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("id", &self.id)
            .field("school", &self.school)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// The person's standing.
    pub const fn standing(&self) -> Standing {
        let Self { status, valid_until, lost_at, dormant, .. } = *self;
        Standing { status, valid_until, lost: lost_at.is_some(), dormant }
    }

    /// The name.
    pub fn name(&self, sealer: &Sealer) -> Result<SecretString, SealError> {
        self.open(sealer, SealedField::Name, &self.sealed.name)
    }

    /// The masked name.
    pub fn masked_name(&self, sealer: &Sealer) -> Result<String, SealError> {
        masked_name(sealer, self.id, &self.sealed.name)
    }

    /// The ID number, if known.
    pub fn id_number(&self, sealer: &Sealer) -> Result<Option<SecretString>, SealError> {
        let closed = self.sealed.id_number.as_deref();
        closed.map(|closed| self.open(sealer, SealedField::IdNumber, closed)).transpose()
    }

    /// The phone number of 11 digits, if known.
    pub fn phone(&self, sealer: &Sealer) -> Result<Option<SecretString>, SealError> {
        let closed = self.sealed.phone.as_deref();
        closed.map(|closed| self.open(sealer, SealedField::Phone, closed)).transpose()
    }

    /// The number of the chip of the present card, if known.
    pub fn chip_number(&self, sealer: &Sealer) -> Result<Option<SecretString>, SealError> {
        let closed = self.sealed.chip.as_deref();
        closed.map(|closed| self.open(sealer, SealedField::Chip, closed)).transpose()
    }

    /// The number of the chip of the present card, sealed as that of a lost one.
    pub fn lost_chip(&self, sealer: &Sealer) -> Result<Option<Vec<u8>>, SealError> {
        let number = self.chip_number(sealer)?;
        let place = SealedField::LostChip.aad(self.id);
        number.map(|number| sealer.seal(number.expose_secret().as_bytes(), &place)).transpose()
    }

    /// The number of the chip of the card that is reported lost, if known.
    pub fn lost_chip_number(&self, sealer: &Sealer) -> Result<Option<SecretString>, SealError> {
        let closed = self.lost_chip.as_deref();
        closed.map(|closed| self.open(sealer, SealedField::LostChip, closed)).transpose()
    }

    /// The default password by the school's rule. `None` without an ID number: such people come to
    /// the counter.
    pub fn default_password(
        &self,
        rule: DefaultRule,
        sealer: &Sealer,
    ) -> Result<Option<SecretString>, SealError> {
        let id_number = self.id_number(sealer)?;
        Ok(id_number.and_then(|number| default_password(rule, number.expose_secret())))
    }

    fn open(
        &self,
        sealer: &Sealer,
        field: SealedField,
        closed: &[u8],
    ) -> Result<SecretString, SealError> {
        open(sealer, &field.aad(self.id), closed)
    }
}

fn open(sealer: &Sealer, place: &Aad, closed: &[u8]) -> Result<SecretString, SealError> {
    let opened = sealer.open(closed, place)?;
    let text = str::from_utf8(&opened).map_err(|_| SealError::Malformed)?;
    Ok(SecretString::from(text))
}

/// The masked name of a person, from the sealed column alone.
pub fn masked_name(sealer: &Sealer, person: PersonId, closed: &[u8]) -> Result<String, SealError> {
    let name = open(sealer, &SealedField::Name.aad(person), closed)?;
    Ok(mask_name(name.expose_secret()))
}

/// True if the sealed name of this person is `name`.
pub(super) fn is_named(
    sealer: &Sealer,
    person: PersonId,
    closed: &[u8],
    name: &str,
) -> Result<bool, SealError> {
    Ok(open(sealer, &SealedField::Name.aad(person), closed)?.expose_secret() == name)
}

/// Masks a name except for its last character: `**明`. A name of one character is masked completely.
pub fn mask_name(name: &str) -> String {
    let mut masked = "*".repeat(name.chars().count().saturating_sub(1).max(1));
    masked.extend(name.chars().skip(1).last());
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_their_last_character_only() {
        let cases = [
            ("张三", "*三"),
            ("林晓雨", "**雨"),
            ("欧阳晓明", "***明"),
            ("阿依古丽·买买提", "*******提"),
            ("𠮷田", "*田"),
            ("Li", "*i"),
            ("明", "*"),
            ("", "*"),
        ];
        for (name, masked) in cases {
            assert_eq!(mask_name(name), masked, "{name}");
        }
    }

    #[test]
    fn codes_round_trip() {
        for kind in PersonKind::ALL {
            assert_eq!(PersonKind::from_code(kind.code()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
        for status in PersonStatus::ALL {
            assert_eq!(PersonStatus::from_code(status.code()), Some(status));
        }
        assert_eq!(PersonKind::from_code("Student"), None);
    }
}
