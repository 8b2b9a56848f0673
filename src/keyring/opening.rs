//! An attempt to open a door, and how it may end.

use super::{DoorId, LockAnswer, LockRefusal};
use crate::{
    access::PassRefusal,
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    cards::CardStop,
};
use std::time::Duration;

crate::uuid_id! {
    /// An attempt to open a door.
    OpeningId
}

/// How long a lock may still open after it was asked for. Later nobody stands before the door.
pub(super) const OPEN_WITHIN: Duration = Duration::from_secs(15);
/// How much longer an order may be on its way, by the clocks of both sides.
const CLOCKS: Duration = Duration::from_secs(5);
/// When the adapter is first asked what became of an order: after the call has ended.
pub(super) const FIRST_ASK: Duration = Duration::from_secs(10);
/// The longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// How often the adapter is asked, at most.
const MOST_TRIES: u32 = 12;

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpeningState {
    /// Nobody knows whether the door opened.
    Unknown,
    /// It opened.
    Opened,
    /// It did not, and will not.
    Refused(OpeningRefusal),
}

/// Why a door did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpeningRefusal {
    /// The person may not pass. The lock is not asked.
    Person(PassRefusal),
    /// The lock, or its adapter, did not open it.
    Lock(LockRefusal),
}

impl OpeningRefusal {
    /// As stored, and as clients read it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Person(refusal) => refusal.code(),
            Self::Lock(refusal) => refusal.code(),
        }
    }

    /// As stored.
    pub(super) fn from_code(code: &str) -> Self {
        let of_person = PassRefusal::ALL.into_iter().find(|refusal| refusal.code() == code);
        of_person.map_or_else(|| Self::Lock(LockRefusal::from_code(code)), Self::Person)
    }

    /// For the person.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Person(PassRefusal::Account(stop)) => match stop {
                CardStop::Lost => "校园卡已挂失，不能开门",
                CardStop::Dormant => "校园卡已休眠，请到服务窗口激活",
                CardStop::Expired => "校园卡已过有效期",
                CardStop::Closed => "校园卡已注销",
            },
            Self::Person(PassRefusal::RightMissing) => "没有这扇门的权限，请联系辅导员",
            Self::Person(PassRefusal::RightNotNow) => "现在不在这扇门的开放时间",
            Self::Lock(refusal) => refusal.title(),
        }
    }
}

impl OpeningState {
    /// As stored, and as clients read it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Opened => "opened",
            Self::Refused(_) => "refused",
        }
    }

    /// As stored.
    pub(super) fn read(state: &str, reason: Option<&str>) -> Option<Self> {
        Some(match (state, reason) {
            ("unknown", None) => Self::Unknown,
            ("opened", None) => Self::Opened,
            ("refused", Some(reason)) => Self::Refused(OpeningRefusal::from_code(reason)),
            _ => return None,
        })
    }

    /// For the person at the door.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unknown => "门锁未答复，请看门是否已开",
            Self::Opened => "门已打开",
            Self::Refused(refusal) => refusal.title(),
        }
    }
}

/// An attempt to open a door.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The id, by which the adapter knows it too.
    pub id: OpeningId,
    /// The person's school.
    pub school: SchoolId,
    /// Who wants to pass.
    pub person: PersonId,
    /// The door.
    pub door: DoorId,
    /// How it stands.
    pub state: OpeningState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The last instant at which the lock may open.
    pub open_until: Timestamp,
    /// How often the adapter was asked about it.
    pub tries: u32,
}

impl Opening {
    /// What an answer makes of an attempt that is not known yet: `None` if it stays so.
    pub(super) fn after(&self, answer: LockAnswer, now: Timestamp) -> Option<OpeningState> {
        let refused = |refusal| Some(OpeningState::Refused(OpeningRefusal::Lock(refusal)));
        match answer {
            LockAnswer::Opened => Some(OpeningState::Opened),
            LockAnswer::Refused(refusal) => refused(refusal),
            LockAnswer::NotReceived if now > self.open_until.plus(CLOCKS) => {
                refused(LockRefusal::NotReceived)
            }
            LockAnswer::NotReceived | LockAnswer::Unknown => None,
        }
    }

    /// When the adapter is asked again after a question at `now` that told nothing; `None`: not any
    /// more.
    pub(super) fn next_ask(&self, now: Timestamp) -> Option<Timestamp> {
        if self.tries >= MOST_TRIES {
            return None;
        }
        let pause = FIRST_ASK.saturating_mul(2_u32.saturating_pow(self.tries));
        Some(now.plus(pause.min(LONGEST_PAUSE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(tries: u32) -> Opening {
        let at = Timestamp::from_seconds(1000);
        Opening {
            id: OpeningId::new(at),
            school: SchoolId::from_number(1),
            person: PersonId::new(at),
            door: DoorId::new(at),
            state: OpeningState::Unknown,
            created_at: at,
            open_until: at.plus(OPEN_WITHIN),
            tries,
        }
    }

    #[test]
    fn only_a_lock_that_cannot_open_any_more_is_said_not_to_have_opened() {
        let refused = |refusal| Some(OpeningState::Refused(OpeningRefusal::Lock(refusal)));
        let cases = [
            (LockAnswer::Opened, 1001, Some(OpeningState::Opened)),
            (LockAnswer::Opened, 9999, Some(OpeningState::Opened)),
            (LockAnswer::Refused(LockRefusal::Offline), 1001, refused(LockRefusal::Offline)),
            (LockAnswer::Unknown, 9999, None),
            (LockAnswer::NotReceived, 1001, None),
            (LockAnswer::NotReceived, 1015, None),
            (LockAnswer::NotReceived, 1020, None),
            (LockAnswer::NotReceived, 1021, refused(LockRefusal::NotReceived)),
        ];
        for (answer, seconds, expected) in cases {
            let state = opening(1).after(answer, Timestamp::from_seconds(seconds));
            assert_eq!(state, expected, "{answer:?} at {seconds}");
        }
    }

    #[test]
    fn questions_become_rarer_and_end() {
        let now = Timestamp::from_seconds(5000);
        let pauses = [(1, 20), (2, 40), (5, 320), (6, 600), (11, 600)];
        for (tries, seconds) in pauses {
            let next = opening(tries).next_ask(now);
            assert_eq!(next, Some(Timestamp::from_seconds(5000 + seconds)), "{tries}");
        }
        assert_eq!(opening(12).next_ask(now), None);
    }

    #[test]
    fn states_round_trip() {
        let refusals = PassRefusal::ALL.map(OpeningRefusal::Person);
        for refusal in refusals.into_iter().chain([OpeningRefusal::Lock(LockRefusal::Blocked)]) {
            let state = OpeningState::Refused(refusal);
            assert_eq!(OpeningState::read(state.code(), Some(refusal.code())), Some(state));
        }
        assert_eq!(OpeningState::read("opened", None), Some(OpeningState::Opened));
        assert_eq!(OpeningState::read("opened", Some("x")), None);
        assert_eq!(OpeningState::read("lost", None), None);
    }
}
