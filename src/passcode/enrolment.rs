//! A device gets its keys.

use super::{
    Channel, Codes, DeviceId, DeviceKey, DeviceKind, EndReason, Salt, Step,
    store::{
        self,
        devices::{DeviceFilter, Held, Stored},
    },
};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx},
    ids::{PersonId, SchoolId},
};
use std::time::Duration;

/// What a client calls itself, digested.
pub type ClientDigest = [u8; 32];

/// Whose device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub person: PersonId,
    /// Their school.
    pub school: SchoolId,
    /// By which way they reach us.
    pub channel: Channel,
}

/// How long a device's codes are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolmentTerms {
    /// How long one code is shown.
    pub step: Step,
    /// How long its keys live.
    pub keys: Duration,
    /// How long it may go without our seeing it.
    pub unseen: Duration,
}

/// A device that is about to be enrolled.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Whose.
    pub owner: Owner,
    /// Who computes.
    pub kind: DeviceKind,
    /// What the client calls itself; nothing for our own.
    pub client: Option<ClientDigest>,
    /// As its owner knows it.
    pub name: Option<String>,
    /// Of the derivation.
    pub salt: Salt,
    /// Of `keys.master`.
    pub master_key_id: String,
    /// By the school's policy.
    pub terms: EnrolmentTerms,
}

/// A device that is enrolled.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The device.
    pub device: DeviceId,
    /// Which enrolment of it.
    pub generation: u32,
    /// Of the derivation.
    pub salt: Salt,
    /// How long one code is shown.
    pub step: Step,
    /// Of `keys.master`.
    pub master_key_id: String,
    /// When its keys begin.
    pub enrolled_at: Timestamp,
    /// When its keys end.
    pub expires_at: Timestamp,
}

/// What came of enrolling a device.
#[derive(Clone, Debug)]
pub struct NewlyEnrolled {
    /// The device as it is now.
    pub enrolled: Enrolled,
    /// Whether another device of the person was ended for it.
    pub replaced: bool,
}

/// How often it is written down that a person's devices were seen.
pub const SEEN_EVERY: Duration = Duration::from_hours(1);

/// Enrols a device, anew where it was enrolled before: a higher generation, a new salt. A phone
/// ends everything else of its owner on its channel. Our own device ends nothing, and stays as it
/// is while it is good.
pub async fn enrol(tx: &Tx, new: &NewDevice, now: Timestamp) -> Result<NewlyEnrolled, DbError> {
    let Owner { person, channel, .. } = new.owner;
    let held = store::devices::hold(tx, new).await?;
    let which = match (new.kind, &held) {
        (DeviceKind::Server, Some(held)) if held.is_good(new, now) => {
            return Ok(NewlyEnrolled { enrolled: held.enrolled.clone(), replaced: false });
        }
        (DeviceKind::Server, _) => DeviceFilter::Kind(channel, new.kind),
        (DeviceKind::Phone, _) => DeviceFilter::Channel(channel),
    };
    let was_live = held.as_ref().is_some_and(|held| held.live);
    let ended = store::devices::end(tx, person, which, EndReason::Replaced, now).await?;
    let (device, generation) = match held {
        Some(held) => (held.enrolled.device, held.enrolled.generation.saturating_add(1)),
        None => (DeviceId::new(now), 1),
    };
    store::devices::save(tx, new, (device, generation), now).await?;
    let NewDevice { salt, terms, ref master_key_id, .. } = *new;
    let enrolled = Enrolled {
        device,
        generation,
        salt,
        step: terms.step,
        master_key_id: master_key_id.clone(),
        enrolled_at: now,
        expires_at: now.plus(terms.keys),
    };
    Ok(NewlyEnrolled { enrolled, replaced: ended > u64::from(was_live) })
}

impl Held {
    fn is_good(&self, new: &NewDevice, now: Timestamp) -> bool {
        let same_key = self.enrolled.master_key_id == new.master_key_id;
        self.live && same_key && self.enrolled.expires_at > now && self.stale_at > now
    }
}

impl Codes {
    /// The id of the master key that new devices are enrolled under.
    pub fn master_key_id(&self) -> &str {
        self.directory.masters().newest()
    }

    /// Whether a phone of that name was enrolled before, so that its owner need not show again who
    /// they are. They must once another phone was enrolled on the channel, or the binding ended.
    pub async fn is_known(&self, owner: &Owner, client: &ClientDigest) -> Result<bool, DbError> {
        store::devices::is_known(&self.db, owner, client).await
    }

    /// Writes down that an owner's devices were seen just now; at most once in [`SEEN_EVERY`].
    pub async fn seen(
        &self,
        owner: &Owner,
        terms: &EnrolmentTerms,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let times = (now.minus(SEEN_EVERY), now.plus(terms.unseen));
        self.db.in_tx(async |tx| store::devices::seen(tx, owner, times, now).await).await
    }

    /// After the commit: the device's codes are found here at once.
    pub fn add_device(&self, owner: &Owner, enrolled: &Enrolled, school_code: &str) {
        let Owner { person, school, .. } = *owner;
        let Enrolled { device, generation, salt, step, ref master_key_id, .. } = *enrolled;
        let (master_key_id, changed_at, live) = (master_key_id.clone(), enrolled.enrolled_at, true);
        let stored = Stored {
            device,
            person,
            school,
            salt,
            generation,
            step,
            master_key_id,
            changed_at,
            live,
        };
        self.directory.put(&stored, school_code);
    }

    /// The key of an enrolment; none where its master key is not configured.
    pub fn device_key(&self, school_code: &str, enrolled: &Enrolled) -> Option<DeviceKey> {
        let masters = self.directory.masters();
        let master = masters.get(masters.number(&enrolled.master_key_id)?)?;
        Some(master.device_key(school_code, &enrolled.salt, enrolled.generation))
    }
}
