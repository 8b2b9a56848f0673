//! What members of staff do for a person: a card is reported lost or found, a device or a binding ended,
//! a name and a phone shown.
//!
//! Invariant: an act is decided under the person's lock, against what is so then; what is so already is not
//! done again, and what changed since it was shown is not done at all.
//! Invariant: what is shown is an entry of the audit log with its reason, and one form shows it once.

use super::{PeopleDesk, StaffPeopleError, people::is_own};
use crate::{
    audit::{self, AuditAct, AuditLine, Entry},
    base::{clock::Timestamp, db::Tx, ids::PersonId},
    cardlife::counter,
    events::{self, EndedThere, Happening, NewEvent},
    ledger::HeldPersons,
    passcode::{Channel, DeviceId, EndReason, PersonDevice},
    schools::{People, Person, School},
    sessions::{BoundTo, NoticeKind, PersonBinding},
    staff_accounts::{self, StaffAct, StaffMember},
};
use secrecy::SecretString;
use uuid::Uuid;

/// What is done for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonAct {
    /// The card is reported lost.
    Loss,
    /// The report is taken back.
    CancelLoss {
        /// The report that was shown, where one was: another one stays.
        reported_at: Option<Timestamp>,
    },
    /// A device shows no codes any more.
    EndDevice {
        /// Which.
        device: DeviceId,
        /// The enrolment that was shown, where one was: a later one stays.
        generation: Option<u32>,
    },
    /// A binding ends.
    EndBinding {
        /// Which.
        binding: Uuid,
    },
}

/// Why somebody is shown a name and a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevealReason {
    /// 联系学生.
    Contact,
    /// 核对身份.
    Identify,
    /// 其他, with a text.
    Other,
}

impl RevealReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Contact, Self::Identify, Self::Other];

    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Identify => "identify",
            Self::Other => "other",
        }
    }

    /// In Chinese.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Contact => "联系学生",
            Self::Identify => "核对身份",
            Self::Other => "其他",
        }
    }

    /// The reason as the audit log keeps it, with a text where one is given; `None` where the text is
    /// needed and missing, or too long.
    pub fn why(self, text: &str) -> Option<String> {
        let text = text.trim();
        match (self, text.chars().count()) {
            (Self::Other, 0) | (_, 81..) => None,
            (_, 0) => Some(self.title().to_owned()),
            _ => Some(format!("{}：{text}", self.title())),
        }
    }
}

impl PeopleDesk {
    /// So many names a day are nothing unusual.
    pub const USUAL_REVEALS: u32 = 30;

    /// Does something for a person of the member's school; false if it was so before.
    pub async fn act(
        &self,
        member: &StaffMember,
        (id, act): (PersonId, PersonAct),
        reason: &str,
    ) -> Result<bool, StaffPeopleError> {
        self.at_school(member, id).await?;
        let (school, now) = (self.schools.require(member.school).await?, self.clock.now());
        let db = self.db.clone().acting_as(member.actor(reason));
        db.in_tx(async |tx| {
            let right = StaffAct::ChangePerson;
            staff_accounts::hold::<StaffPeopleError>(tx, member, right, now).await?;
            let held = HeldPersons::hold(tx, [(member.school, id)].into()).await?;
            let person = People::hold(tx, id).await?;
            if is_own(&person, member) {
                return Err(StaffPeopleError::OwnCard);
            }
            Box::pin(self.act_on(tx, &school, (&held, &person), (act, now))).await
        })
        .await
    }

    async fn act_on(
        &self,
        tx: &Tx,
        school: &School,
        (held, person): (&HeldPersons, &Person),
        (act, now): (PersonAct, Timestamp),
    ) -> Result<bool, StaffPeopleError> {
        match act {
            PersonAct::Loss => {
                Ok(counter::lost_in(tx, school, (held, person), &self.sealer, now).await?)
            }
            PersonAct::CancelLoss { reported_at } => {
                let other = reported_at.is_some() && person.lost_at.is_some();
                if other && reported_at != person.lost_at {
                    return Err(StaffPeopleError::Changed);
                }
                Ok(counter::found_in(tx, school, (held, person), now).await?)
            }
            PersonAct::EndDevice { device, generation } => {
                end_device(tx, person, (device, generation), now).await
            }
            PersonAct::EndBinding { binding } => end_binding(tx, person, binding, now).await,
        }
    }

    /// A person's name and phone, for a reason. The same form again shows nothing.
    pub async fn reveal(
        &self,
        member: &StaffMember,
        (id, form): (PersonId, Uuid),
        why: &str,
    ) -> Result<(SecretString, Option<SecretString>), StaffPeopleError> {
        let person = self.at_school(member, id).await?;
        if is_own(&person, member) {
            return Err(StaffPeopleError::OwnCard);
        }
        let shown = (person.name(&self.sealer)?, person.phone(&self.sealer)?);
        let actor = member.actor(why);
        let (who, now, act) = (actor.who.clone(), self.clock.now(), AuditAct::PersonRevealed);
        let subject = format!("person {id}");
        let entry = Entry { act, school: Some(member.school), subject, detail: form.to_string() };
        self.db
            .clone()
            .acting_as(actor)
            .in_tx(async |tx| {
                let right = StaffAct::RevealPerson;
                staff_accounts::hold::<StaffPeopleError>(tx, member, right, now).await?;
                audit::record(tx, &entry, now).await?;
                // The head of the log is this transaction's: no other reveal comes between.
                if AuditLine::count_of(tx, (&who, act), (&entry.subject, &entry.detail)).await? > 1
                {
                    return Err(StaffPeopleError::ShownBefore);
                }
                tell_admins(tx, member, &who, now).await
            })
            .await?;
        Ok(shown)
    }
}

/// After more reveals in a day than are usual, an entry that those read who look after members of staff.
async fn tell_admins(
    tx: &Tx,
    member: &StaffMember,
    who: &str,
    now: Timestamp,
) -> Result<(), StaffPeopleError> {
    let (usual, today) = (PeopleDesk::USUAL_REVEALS, now.day());
    let of = (who, AuditAct::PersonRevealed);
    let shown = AuditLine::count_since(tx, of, today.start(), usual + 2).await?;
    if shown != u64::from(usual) + 1 {
        return Ok(());
    }
    let entry = Entry {
        act: AuditAct::ManyRevealed,
        school: Some(member.school),
        subject: format!("staff {}", member.login),
        detail: format!("more than {usual} on {today}"),
    };
    Ok(audit::record(tx, &entry, now).await?)
}

async fn end_device(
    tx: &Tx,
    person: &Person,
    (device, generation): (DeviceId, Option<u32>),
    now: Timestamp,
) -> Result<bool, StaffPeopleError> {
    let Some(device) = PersonDevice::find(tx, person.id, device).await? else { return Ok(false) };
    if generation.is_some_and(|shown| shown != device.generation) {
        return Err(StaffPeopleError::Changed);
    }
    if !device.end(tx, person.id, now).await? {
        return Ok(false);
    }
    let platform = device.channel.platform();
    NoticeKind::DeviceEnded.tell(tx, bound_to(person), platform, now).await?;
    let detail = format!("device {} of {}", device.id, platform.code());
    let what = Happening::DeviceEnded(EndedThere { platform: platform.code().to_owned() });
    told(tx, person, (what, AuditAct::DeviceEnded, detail), now).await?;
    Ok(true)
}

async fn end_binding(
    tx: &Tx,
    person: &Person,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, StaffPeopleError> {
    let Some(binding) = PersonBinding::find(tx, person.id, id).await? else { return Ok(false) };
    let platform = binding.platform;
    let phone_removed = |identity| Entry {
        act: AuditAct::PhoneRemoved,
        school: Some(person.school),
        subject: format!("identity:{identity}"),
        detail: format!("at {}", platform.code()),
    };
    if !binding.end(tx, bound_to(person), phone_removed, now).await? {
        return Ok(false);
    }
    if let Some(channel) = Channel::of(platform) {
        channel.end_devices(tx, person.id, EndReason::Unbound, now).await?;
    }
    let detail = format!("binding {id} at {}", platform.code());
    let what = Happening::BindingEnded(EndedThere { platform: platform.code().to_owned() });
    told(tx, person, (what, AuditAct::BindingEnded, detail), now).await?;
    Ok(true)
}

/// Tells the person's clients, and the audit log.
async fn told(
    tx: &Tx,
    person: &Person,
    (what, act, detail): (Happening, AuditAct, String),
    now: Timestamp,
) -> Result<(), StaffPeopleError> {
    let (school, id) = (person.school, person.id);
    events::add(tx, &[NewEvent { school, person: id, what, at: now }]).await?;
    let entry = Entry { act, school: Some(school), subject: format!("person {id}"), detail };
    Ok(audit::record(tx, &entry, now).await?)
}

const fn bound_to(person: &Person) -> BoundTo {
    BoundTo { person: person.id, school: person.school }
}
