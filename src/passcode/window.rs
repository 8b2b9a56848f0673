//! Whether a one-time part fits now, and whether it would fit a wrong clock.

use super::{Epoch, Moment, Otp, OtpKey, SubCounter, Tick};
use std::ops::RangeInclusive;
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Steps before and after the present one whose codes are good.
const GOOD: i64 = 1;
/// Steps before and after the present one whose codes are put down to a wrong clock.
const NEAR: i64 = 20;

/// What became of a one-time part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtpMatch {
    /// It fits. Whether it was used before, only the database can say.
    Good(Moment),
    /// It is the device's own, but of another time. It is used up all the same: a code that was
    /// shown early must not become good later.
    NearMiss(Moment, Skew),
    /// It is not this device's, or far from its time.
    Wrong,
}

/// How far, in steps, a code is from the server's time: 2 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// The phone's clock is slow, or the code was kept.
    Behind(u64),
    /// The phone's clock is fast.
    Ahead(u64),
}

/// Judges the one-time part of a code at the step `now`. Only steps of `epoch` count, the one that
/// the code's handle belongs to: an honest code has both from one time.
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

/// The moment that the one-time part is of. Looks at all of them, whichever fits.
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

    /// 2026-01-01T08:00:00+08:00, the beginning of a step and of an epoch.
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

    /// Every second of a step against every clock from a minute slow to a minute fast.
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
        // Three steps of 15 s are good in each phase.
        assert_eq!((good, near), (15 * 45, 15 * (121 - 45)));
    }

    #[test]
    fn the_window_ends_where_it_should() {
        let (step, sub) = (Step::DEFAULT, SubCounter::ALL[3]);
        let at = |ticks: i64| Timestamp::from_seconds(START + 3600 / 2 + ticks * 15);
        for offset in -25..=25 {
            let found = verdict(step, at(offset), at(0), sub);
            assert_eq!(found, expected(step, at(offset), at(0), sub), "{offset}");
        }
    }

    /// Shown first at the beginning of its step: dead after 30 s; after 45 s where the phone is a
    /// whole step fast.
    #[test]
    fn a_photograph_dies() {
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
    fn other_keys_purposes_and_epochs_do_not_fit() {
        let now = Step::DEFAULT.tick(Timestamp::from_seconds(START + 5));
        let (before, epoch) = (now.offset(-1), now.epoch());
        assert_ne!(before.epoch(), epoch, "the test stands at the beginning of an epoch");
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
        fn good_in_its_window_and_nowhere_else(
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
