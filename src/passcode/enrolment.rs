//! Enrolment of devices: a device receives its keys.

use super::{
    Channel, Codes, DeviceId, DeviceKey, DeviceKind, EndReason, Salt, Step,
    store::{
        self,
        devices::{DeviceFilter, Held, LookedUp, Stored},
    },
};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx},
    ids::{PersonId, SchoolId},
};
use std::time::Duration;

/// The owner of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub person: PersonId,
    /// The person's school.
    pub school: SchoolId,
    /// The channel on which the device shows codes.
    pub channel: Channel,
}

/// For how long a device and its codes are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolmentTerms {
    /// How long one code is shown.
    pub step: Step,
    /// How long its keys are valid.
    pub keys: Duration,
    /// How long it may be offline before it must be seen again.
    pub unseen: Duration,
}

/// A device to be enrolled.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// The owner.
    pub owner: Owner,
    /// Where codes are computed.
    pub kind: DeviceKind,
    /// A digest of the client's own id of the device; `None` for a server-side device.
    pub client: Option<[u8; 32]>,
    /// The name its owner gave it.
    pub name: Option<String>,
    /// The salt of the key derivation.
    pub salt: Salt,
    /// The id of the master key.
    pub master_key_id: String,
    /// From the school's policy.
    pub terms: EnrolmentTerms,
    /// Who may enrol it.
    pub trust: Trust,
}

/// Why a device may be enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The owner has proved their identity, or the device never leaves this server.
    Proven,
    /// The owner has not. The device must be known: enrolled before, and live or ended only because
    /// it expired. It is no longer known once another phone was enrolled on the channel, the card
    /// was lost or the binding ended.
    IfKnown,
}

/// An enrolled device.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The device.
    pub device: DeviceId,
    /// The number of this enrolment of the device.
    pub generation: u32,
    /// The salt of the key derivation.
    pub salt: Salt,
    /// How long one code is shown.
    pub step: Step,
    /// The id of the master key.
    pub master_key_id: String,
    /// When its keys become valid.
    pub enrolled_at: Timestamp,
    /// When its keys expire.
    pub expires_at: Timestamp,
}

/// The result of enrolling a device.
#[derive(Clone, Debug)]
pub struct NewlyEnrolled {
    /// The device after enrolment.
    pub enrolled: Enrolled,
    /// Whether another device of the person was ended by this enrolment.
    pub replaced: bool,
}

/// How often the time a device was last seen is updated.
pub const SEEN_EVERY: Duration = Duration::from_hours(1);

/// Enrols a device. A known device gets a new generation and a new salt. Enrolling a phone ends all
/// other devices of its owner on the channel. A server-side device ends nothing and is kept while
/// it is valid. `None`, with nothing changed, if the device may not be enrolled: decided under its
/// lock, so that an enrolment that overlaps the end of the device is either before or after it.
pub async fn enrol(
    tx: &Tx,
    new: &NewDevice,
    now: Timestamp,
) -> Result<Option<NewlyEnrolled>, DbError> {
    let Owner { person, channel, .. } = new.owner;
    let held = store::devices::hold(tx, new).await?;
    if new.trust == Trust::IfKnown && !held.as_ref().is_some_and(|held| held.known) {
        return Ok(None);
    }
    let which = match (new.kind, &held) {
        (DeviceKind::Server, Some(held)) if held.is_good(new, now) => {
            let enrolled = held.enrolled.clone();
            return Ok(Some(NewlyEnrolled { enrolled, replaced: false }));
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
    store::devices::save(tx, new, device, generation, now).await?;
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
    Ok(Some(NewlyEnrolled { enrolled, replaced: ended > u64::from(was_live) }))
}

impl Held {
    fn is_good(&self, new: &NewDevice, now: Timestamp) -> bool {
        let same_key = self.enrolled.master_key_id == new.master_key_id;
        self.live && same_key && self.enrolled.expires_at > now && self.stale_at > now
    }
}

impl Codes {
    /// The id of the master key for new devices.
    pub fn master_key_id(&self) -> &str {
        self.directory.masters().newest()
    }

    /// Records that an owner's devices were seen now, at most once in [`SEEN_EVERY`].
    pub async fn seen(
        &self,
        owner: &Owner,
        terms: &EnrolmentTerms,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let (since, stale_at) = (now.minus(SEEN_EVERY), now.plus(terms.unseen));
        let seen = async |tx: &_| store::devices::seen(tx, owner, since, stale_at, now).await;
        self.db.in_tx(seen).await
    }

    /// Adds the device to this server's table of handles. To be called after the commit.
    pub fn add_device(&self, owner: &Owner, enrolled: &Enrolled, school_code: &str) {
        let Owner { person, school, .. } = *owner;
        let Enrolled { device, generation, salt, step, ref master_key_id, .. } = *enrolled;
        let (master_key_id, looked_up) = (master_key_id.clone(), LookedUp::Live);
        let stored =
            Stored { device, person, school, salt, generation, step, master_key_id, looked_up };
        self.directory.put(&stored, school_code);
    }

    /// The key of an enrolment; `None` if its master key is not configured.
    pub fn device_key(&self, school_code: &str, enrolled: &Enrolled) -> Option<DeviceKey> {
        let masters = self.directory.masters();
        let master = masters.get(masters.number(&enrolled.master_key_id)?)?;
        Some(master.device_key(school_code, &enrolled.salt, enrolled.generation))
    }
}
