//! A device gets its keys.

use super::{
    Channel, Codes, DeviceId, DeviceKey, DeviceKind, Ended, Salt, Step,
    store::{self, devices::Stored},
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
pub struct Terms {
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
    pub terms: Terms,
}

/// A device that was enrolled.
#[derive(Clone, Copy, Debug)]
pub struct Enrolled {
    /// The device.
    pub device: DeviceId,
    /// Which enrolment of it.
    pub generation: u32,
    /// Of the derivation.
    pub salt: Salt,
    /// How long one code is shown.
    pub step: Step,
    /// When its keys end.
    pub expires_at: Timestamp,
    /// Whether another device of the person was ended for it.
    pub replaced: bool,
}

/// Enrols a device, anew where it was enrolled before: a higher generation, a new salt. A phone
/// ends everything else of its owner on its channel; our own device ends nothing but itself.
pub async fn enrol(tx: &Tx, new: &NewDevice, now: Timestamp) -> Result<Enrolled, DbError> {
    let Owner { person, channel, .. } = new.owner;
    let known = store::devices::hold(tx, new).await?;
    let of = match new.kind {
        DeviceKind::Phone => store::devices::Which::Channel(channel),
        DeviceKind::Server => store::devices::Which::Kind(channel, new.kind),
    };
    let was_live = known.as_ref().is_some_and(|(_, _, live)| *live);
    let ended = store::devices::end(tx, person, of, Ended::Replaced, now).await?;
    let (device, generation) = match known {
        Some((device, generation, _)) => (device, generation.saturating_add(1)),
        None => (DeviceId::new(now), 1),
    };
    store::devices::save(tx, new, (device, generation), now).await?;
    let NewDevice { salt, terms, .. } = *new;
    let expires_at = now.plus(terms.keys);
    let replaced = ended > u64::from(was_live);
    Ok(Enrolled { device, generation, salt, step: terms.step, expires_at, replaced })
}

impl Codes {
    /// The id of the master key that new devices are enrolled under.
    pub fn master_key_id(&self) -> &str {
        self.directory.masters().newest()
    }

    /// After the commit: the device's codes are found here at once.
    pub fn take_in(&self, new: &NewDevice, enrolled: &Enrolled, school_code: &str, now: Timestamp) {
        let Owner { person, school, .. } = new.owner;
        let Enrolled { device, generation, salt, step, .. } = *enrolled;
        let master_key_id = new.master_key_id.clone();
        let (changed_at, live) = (now, true);
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
        self.directory.put(&stored, school_code, now);
    }

    /// The key of an enrolment; none where its master key is not configured.
    pub fn device_key(
        &self,
        school_code: &str,
        master_key_id: &str,
        (salt, generation): (&Salt, u32),
    ) -> Option<DeviceKey> {
        let masters = self.directory.masters();
        let master = masters.get(masters.number(master_key_id)?)?;
        Some(master.device_key(school_code, salt, generation))
    }
}
