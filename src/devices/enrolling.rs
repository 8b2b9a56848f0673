//! Enrolment of phones.

use super::{DeviceError, Devices};
use crate::{
    base::{clock::Timestamp, db::Tx},
    passcode::{
        self, CodePurpose, DeviceKey, DeviceKind, Enrolled, HandleKey, NewDevice, NewlyEnrolled,
        OtpKey, Owner, Prefixes, Salt, Trust,
    },
    passwords::{self, Proven},
    schools::{School, policy::LossScope},
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

/// Who enrols a device.
pub(super) struct Applicant<'a> {
    pub(super) student: &'a Student,
    /// With the query password, just verified.
    pub(super) proven: Option<&'a Proven>,
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
    /// Enrols a phone and ends the person's other devices on this platform. A password that is given
    /// is verified, needed or not; whether one is needed is decided under the device's lock.
    pub async fn enrol(
        &self,
        student: &Student,
        wish: EnrolmentRequest,
    ) -> Result<PhoneKeys, DeviceError> {
        let (owner, school) = self.owner(student).await?;
        let client = digest(&wish.device_id);
        let proven = match wish.query_password {
            Some(given) => Some(self.passwords.check(&school, student, given).await?),
            None => None,
        };
        let trust = if proven.is_some() { Trust::Proven } else { Trust::IfKnown };
        let (client, name) = (Some(client), wish.device_name);
        let new = NewDevice { client, name, trust, ..self.new_device(owner, &school)? };
        let applicant = Applicant { student, proven: proven.as_ref() };
        let enrolled = self.enrol_device(&applicant, &school, &new).await?;
        let key = self.key(&school, &enrolled)?;
        let prefixes = school.policy.passcode.prefixes;
        let (pay, id) =
            (keys(&key, prefixes, CodePurpose::Pay), keys(&key, prefixes, CodePurpose::Id));
        Ok(PhoneKeys { enrolled, pay, id })
    }

    /// A phone without client id and name, trusted if it is known.
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
            trust: Trust::IfKnown,
        })
    }

    /// Enrols a device for a live binding, and adds it to this server's table of handles.
    pub(super) async fn enrol_device(
        &self,
        applicant: &Applicant<'_>,
        school: &School,
        new: &NewDevice,
    ) -> Result<Enrolled, DeviceError> {
        let now = self.clock.now();
        let lost = school.policy.loss.stops;
        let enrol = async |tx: &_| self.enrol_held(tx, applicant, (new, lost), now).await;
        let enrolled = self.db.in_tx(enrol).await?;
        self.codes.add_device(&new.owner, &enrolled, &school.code);
        Ok(enrolled)
    }

    /// Decides whether the device may be enrolled, enrols it and notifies the person. Locks the
    /// person, the binding and the device, in this order.
    async fn enrol_held(
        &self,
        tx: &Tx,
        applicant: &Applicant<'_>,
        (new, lost): (&NewDevice, LossScope),
        now: Timestamp,
    ) -> Result<Enrolled, DeviceError> {
        let Applicant { student, proven } = *applicant;
        let person = passwords::hold_student(tx, student, proven).await?;
        let person = person.ok_or(DeviceError::NotBound)?;
        if person.lost_at.is_some() && lost == LossScope::CardAndCodes {
            return Err(DeviceError::Lost);
        }
        if new.kind == DeviceKind::Phone {
            let counted = self.passwords.count_enrolment(tx, student, proven.is_some(), now).await;
            counted.map_err(|fault| DeviceError::of_count(fault, new.trust))?;
        }
        let enrolled = passcode::enrol(tx, new, now).await?;
        let NewlyEnrolled { enrolled, replaced } = enrolled.ok_or(DeviceError::PasswordRequired)?;
        let is_news = enrolled.generation == 1 || replaced;
        if new.kind == DeviceKind::Phone && is_news {
            sessions::device_enrolled(tx, student, replaced, now).await?;
        }
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

fn digest(device_id: &SecretString) -> [u8; 32] {
    Sha256::digest(device_id.expose_secret()).into()
}

fn keys(key: &DeviceKey, prefixes: Prefixes, purpose: CodePurpose) -> PurposeKeys {
    PurposeKeys {
        prefix: prefixes.of(purpose),
        otp: key.otp_key(purpose),
        handle: key.handle_key(purpose),
    }
}
