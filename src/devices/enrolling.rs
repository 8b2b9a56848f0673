//! Enrolment of phones.

use super::{DeviceError, Devices};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    passcode::{
        self, CodePurpose, DeviceKey, DeviceKind, Enrolled, HandleKey, NewDevice, NewlyEnrolled,
        OtpKey, Owner, Prefixes, Salt,
    },
    schools::School,
    sessions::{self, Student},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A phone's request to be enrolled.
#[derive(Debug)]
pub struct EnrolmentRequest {
    /// The client's own id of the device: random, stored by the client.
    pub device_id: SecretString,
    /// The name its owner gave it.
    pub device_name: Option<String>,
    /// Required if the device is new to the person.
    pub query_password: Option<SecretString>,
}

/// The keys with which a phone computes codes of one purpose.
#[derive(Debug)]
pub struct PurposeKeys {
    /// The first two digits of the codes.
    pub prefix: u8,
    /// The key of one-time parts.
    pub otp: OtpKey,
    /// The key of handles.
    pub handle: HandleKey,
}

/// The keys sent to a phone, once.
#[derive(Debug)]
pub struct PhoneKeys {
    /// The enrolment.
    pub enrolled: Enrolled,
    /// For payment codes.
    pub pay: PurposeKeys,
    /// For identity codes.
    pub id: PurposeKeys,
}

impl Devices {
    /// Enrols a phone and ends the person's other devices on this platform.
    pub async fn enrol(
        &self,
        student: &Student,
        wish: EnrolmentRequest,
    ) -> Result<PhoneKeys, DeviceError> {
        let (owner, school) = self.owner(student).await?;
        let client = digest(&wish.device_id);
        if !self.codes.is_known(&owner, &client).await? {
            let given = wish.query_password.ok_or(DeviceError::PasswordRequired)?;
            self.passwords.check(&school, student, given).await?;
        }
        let (client, name) = (Some(client), wish.device_name);
        let new = NewDevice { client, name, ..self.new_device(owner, &school)? };
        let enrolled = self.enrol_device(student, &school, &new).await?;
        let key = self.key(&school, &enrolled)?;
        let prefixes = school.policy.passcode.prefixes;
        let (pay, id) =
            (keys(&key, prefixes, CodePurpose::Pay), keys(&key, prefixes, CodePurpose::Id));
        Ok(PhoneKeys { enrolled, pay, id })
    }

    /// A phone without client id and name.
    pub(super) fn new_device(
        &self,
        owner: Owner,
        school: &School,
    ) -> Result<NewDevice, DeviceError> {
        Ok(NewDevice {
            owner,
            kind: DeviceKind::Phone,
            client: None,
            name: None,
            salt: Salt::random().ok_or(DeviceError::NoCode("no randomness"))?,
            master_key_id: self.codes.master_key_id().to_owned(),
            terms: school.policy.passcode.terms,
        })
    }

    /// Enrols a device for a live binding, and adds it to this server's table of handles.
    pub(super) async fn enrol_device(
        &self,
        student: &Student,
        school: &School,
        new: &NewDevice,
    ) -> Result<Enrolled, DeviceError> {
        let now = self.clock.now();
        let enrolled = self.db.in_tx(async |tx| enrol(tx, student, new, now).await).await?;
        let enrolled = enrolled.ok_or(DeviceError::NotBound)?;
        self.codes.add_device(&new.owner, &enrolled, &school.code);
        Ok(enrolled)
    }

    pub(super) fn key(
        &self,
        school: &School,
        enrolled: &Enrolled,
    ) -> Result<DeviceKey, DeviceError> {
        let key = self.codes.device_key(&school.code, enrolled);
        key.ok_or(DeviceError::NoCode("the master key is missing"))
    }
}

/// Enrols the device and notifies the person; `None` if the binding has ended.
async fn enrol(
    tx: &Tx,
    student: &Student,
    new: &NewDevice,
    now: Timestamp,
) -> Result<Option<Enrolled>, DbError> {
    if !sessions::hold_binding(tx, student).await? {
        return Ok(None);
    }
    let NewlyEnrolled { enrolled, replaced } = passcode::enrol(tx, new, now).await?;
    let is_news = enrolled.generation == 1 || replaced;
    if new.kind == DeviceKind::Phone && is_news {
        sessions::device_enrolled(tx, student, replaced, now).await?;
    }
    Ok(Some(enrolled))
}

fn digest(device_id: &SecretString) -> passcode::ClientDigest {
    Sha256::digest(device_id.expose_secret()).into()
}

fn keys(key: &DeviceKey, prefixes: Prefixes, purpose: CodePurpose) -> PurposeKeys {
    PurposeKeys {
        prefix: prefixes.of(purpose),
        otp: key.otp_key(purpose),
        handle: key.handle_key(purpose),
    }
}
