//! Matches one-time parts against the current window, and against wrong clocks.

use super::{Epoch, Moment, Otp, OtpKey, SubCounter, Tick};
use std::ops::RangeInclusive;
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Codes of this many steps before and after the current one are valid.
const GOOD: i64 = 1;
/// Codes of this many steps before and after the current one are attributed to a wrong clock.
const NEAR: i64 = 20;

/// The result of matching a one-time part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtpMatch {
    /// It matches. Only the database knows whether it was used before.
    Good(Moment),
    /// It belongs to the device, but to another time. It must be used up all the same: a code that
    /// was shown early must not become valid later.
    NearMiss(Moment, Skew),
    /// It does not belong to this device, or to a time too far away.
    Wrong,
}

/// The distance of a code from the server's time, in steps: 2 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// The phone's clock is slow, or the code is old.
    Behind(u64),
    /// The phone's clock is fast.
    Ahead(u64),
}

/// Matches the one-time part of a code at the step `now`. Only steps of `epoch`, the epoch of the
/// code's handle, are considered: in a genuine code both belong to one time.
pub fn match_otp(key: &OtpKey, epoch: Epoch, otp: Otp, now: Tick) -> OtpMatch {
    let moments = |offsets: RangeInclusive<i64>| {
        let ticks = offsets.map(move |offset| now.offset(offset));
        ticks.filter(move |tick| tick.epoch() == epoch)
    };
    if let Some(moment) = find(key, otp, moments(-GOOD..=GOOD)) {
        return OtpMatch::Good(moment);
    }
    let near = moments(-NEAR..=-GOOD - 1).chain(moments(GOOD + 1..=NEAR));
    match find(key, otp, near) {
        Some(moment) => OtpMatch::NearMiss(moment, skew(moment.tick, now)),
        None => OtpMatch::Wrong,
    }
}

/// The moment of the one-time part. Always compares all moments, so that the time taken is
/// constant.
fn find(key: &OtpKey, otp: Otp, ticks: impl Iterator<Item = Tick>) -> Option<Moment> {
    let key = key.ready();
    let (mut fits, mut tick_found, mut sub_found) = (subtle::Choice::from(0), 0, 0);
    for tick in ticks {
        for sub in SubCounter::ALL {
            let equal = key.otp(Moment { tick, sub }).ct_eq(&otp);
            fits |= equal;
            tick_found.conditional_assign(&tick.number(), equal);
            sub_found.conditional_assign(&sub.number(), equal);
        }
    }
    let sub = SubCounter::from_number(sub_found)?;
    bool::from(fits).then_some(Moment { tick: Tick::from_number(tick_found), sub })
}

fn skew(tick: Tick, now: Tick) -> Skew {
    let steps = tick.number().abs_diff(now.number());
    if tick < now { Skew::Behind(steps) } else { Skew::Ahead(steps) }
}

#[cfg(test)]
mod tests {
    use super::super::{CodeMaster, CodePurpose, DeviceKey, Salt, Step};
    use super::*;
    use crate::base::{clock::Timestamp, crypto::keyring::Key32};
    use proptest::prelude::*;

    /// 2026-01-01T08:00:00+08:00, the start of a step and of an epoch.
    const START: i64 = 1_767_225_600;

    fn device(generation: u32) -> DeviceKey {
        let master = CodeMaster::new(&Key32::from_bytes([7; 32]));
        master.device_key("demo", &Salt::from_bytes([9; 16]), generation)
    }

    fn verdict(step: Step, phone: Timestamp, server: Timestamp, sub: SubCounter) -> OtpMatch {
        let key = device(1).otp_key(CodePurpose::Pay);
        let tick = step.tick(phone);
        match_otp(&key, tick.epoch(), key.otp(Moment { tick, sub }), step.tick(server))
    }

    fn expected(step: Step, phone: Timestamp, server: Timestamp, sub: SubCounter) -> OtpMatch {
        let (theirs, ours) = (step.tick(phone), step.tick(server));
        let steps = theirs.number().abs_diff(ours.number());
        let moment = Moment { tick: theirs, sub };
        match steps {
            0 | 1 => OtpMatch::Good(moment),
            2..=20 if theirs < ours => OtpMatch::NearMiss(moment, Skew::Behind(steps)),
            2..=20 => OtpMatch::NearMiss(moment, Skew::Ahead(steps)),
            _ => OtpMatch::Wrong,
        }
    }

    /// Every second of a step, with every clock offset from a minute slow to a minute fast.
    #[test]
    fn clocks_from_a_minute_slow_to_a_minute_fast() {
        let step = Step::DEFAULT;
        let (mut good, mut near) = (0, 0);
        for phase in 0..15 {
            let server = Timestamp::from_seconds(START + 600 + phase);
            for offset in -60..=60 {
                let phone = Timestamp::from_seconds(server.seconds() + offset);
                let sub = SubCounter::ALL[usize::try_from(phase % 4).unwrap()];
                let found = verdict(step, phone, server, sub);
                assert_eq!(found, expected(step, phone, server, sub), "{phase} {offset}");
                match found {
                    OtpMatch::Good(_) => good += 1,
                    OtpMatch::NearMiss(..) => near += 1,
                    OtpMatch::Wrong => panic!("{phase} {offset}: a minute is a near miss"),
                }
                assert!(offset.abs() > 15 || matches!(found, OtpMatch::Good(_)), "{offset}");
                assert!(offset.abs() < 30 || matches!(found, OtpMatch::NearMiss(..)), "{offset}");
            }
        }
        // In each phase, three steps of 15 s are valid.
        assert_eq!((good, near), (15 * 45, 15 * (121 - 45)));
    }

    #[test]
    fn the_window_ends_after_the_given_steps() {
        let (step, sub) = (Step::DEFAULT, SubCounter::ALL[3]);
        let at = |ticks: i64| Timestamp::from_seconds(START + 3600 / 2 + ticks * 15);
        for offset in -25..=25 {
            let found = verdict(step, at(offset), at(0), sub);
            assert_eq!(found, expected(step, at(offset), at(0), sub), "{offset}");
        }
    }

    /// A code shown at the start of its step expires after 30 s, or after 45 s if the phone is a
    /// step fast.
    #[test]
    fn a_photograph_expires() {
        let (step, sub) = (Step::DEFAULT, SubCounter::ALL[0]);
        for (fast_by, life) in [(0, 30), (15, 45)] {
            for age in 0..90 {
                let shown = Timestamp::from_seconds(START + 600 + fast_by);
                let read = Timestamp::from_seconds(START + 600 + age);
                let good = matches!(verdict(step, shown, read, sub), OtpMatch::Good(_));
                assert_eq!(good, age < life, "fast by {fast_by}, {age} s old");
            }
        }
    }

    #[test]
    fn other_keys_purposes_and_epochs_do_not_match() {
        let now = Step::DEFAULT.tick(Timestamp::from_seconds(START + 5));
        let (before, epoch) = (now.offset(-1), now.epoch());
        assert_ne!(before.epoch(), epoch, "the test needs the start of an epoch");
        let sub = SubCounter::ALL[1];
        let pay = device(1).otp_key(CodePurpose::Pay);
        let old = pay.otp(Moment { tick: before, sub });
        let good = OtpMatch::Good(Moment { tick: before, sub });
        assert_eq!(match_otp(&pay, before.epoch(), old, now), good);
        assert_eq!(match_otp(&pay, epoch, old, now), OtpMatch::Wrong);
        for key in [device(1).otp_key(CodePurpose::Id), device(2).otp_key(CodePurpose::Pay)] {
            assert_eq!(match_otp(&key, before.epoch(), old, now), OtpMatch::Wrong);
        }
    }

    proptest! {
        #[test]
        fn codes_match_in_their_window_only(
            seconds in START..START + 100_000_000, offset in -400_i64..=400, sub in 0..4_usize,
            step in prop::sample::select(vec![5, 10, 15, 20, 30, 60]),
        ) {
            let step = Step::from_seconds(step).unwrap();
            let sub = SubCounter::ALL[sub];
            let server = Timestamp::from_seconds(seconds);
            let phone = Timestamp::from_seconds(seconds + offset);
            prop_assert_eq!(
                verdict(step, phone, server, sub),
                expected(step, phone, server, sub)
            );
        }
    }
}
