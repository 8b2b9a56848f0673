//! Phones that show codes, computed from the keys of their enrolment.

use crate::{postings::Failure, program::KEY};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::keyring::Key32,
    },
    passcode::{
        Code, CodeMaster, CodePurpose, HandleKey, Moment, OtpKey, Prefixes, Salt, Step, SubCounter,
        Tick,
    },
};

/// The number of codes in a step.
const SUBS: u64 = 4;

/// A phone.
pub struct Phone {
    pay: Shower,
    id: Shower,
}

/// Shows codes of one purpose.
struct Shower {
    purpose: CodePurpose,
    otp: OtpKey,
    handle: HandleKey,
    /// The index of the next unused code: its step times four plus its index within the step.
    next: u64,
}

impl Phone {
    /// The first enrolment with this salt.
    pub fn new(school: &str, salt: [u8; 16]) -> Self {
        let master = CodeMaster::new(&Key32::from_bytes(KEY));
        let key = master.device_key(school, &Salt::from_bytes(salt), 1);
        let shower = |purpose| {
            let (otp, handle) = (key.otp_key(purpose), key.handle_key(purpose));
            Shower { purpose, otp, handle, next: 0 }
        };
        Self { pay: shower(CodePurpose::Pay), id: shower(CodePurpose::Id) }
    }
}

impl Shower {
    /// An unused code of this step or the next one, valid for at least one more step.
    fn code(&mut self) -> Result<String, Failure> {
        let step = Step::DEFAULT.tick(SystemClock.now()).number();
        let at = self.next.max(step * SUBS);
        if at >= (step + 2) * SUBS {
            return Err("a phone has shown all its codes".into());
        }
        self.next = at + 1;
        let tick = Tick::from_number(at / SUBS);
        let sub = SubCounter::from_number(u8::try_from(at % SUBS)?).ok_or("no such code")?;
        let otp = self.otp.otp(Moment { tick, sub });
        let handle = self.handle.handle_at(tick);
        Ok(Code::new(&Prefixes::default(), self.purpose, handle, otp).digits())
    }
}

/// The phones of all people, used round-robin.
pub struct Phones {
    all: Vec<Phone>,
    turn: usize,
}

impl Phones {
    pub const fn new(all: Vec<Phone>) -> Self {
        Self { all, turn: 0 }
    }

    /// A payment code of the next phone.
    pub fn code(&mut self) -> Result<String, Failure> {
        self.next()?.pay.code()
    }

    /// An identity code of the next phone.
    pub fn identity_code(&mut self) -> Result<String, Failure> {
        self.next()?.id.code()
    }

    fn next(&mut self) -> Result<&mut Phone, Failure> {
        self.turn = (self.turn + 1) % self.all.len();
        self.all.get_mut(self.turn).ok_or_else(|| "no phones".into())
    }
}
