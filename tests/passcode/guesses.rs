//! What guessing comes to.

use crate::passcode::school::{START, School};
use onecard::passcode::{Code, CodePurpose, Moment, Prefixes, Step, SubCounter, parse};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;

const DEVICES: u32 = 2_000;

fn chance(test: &str) -> StdRng {
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("{test}: ONECARD_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

fn rounds() -> u32 {
    if std::env::var_os("ONECARD_LONG").is_some() { 10_000_000 } else { 100_000 }
}

fn school() -> School {
    let mut school = School::empty();
    (0..DEVICES).for_each(|number| school.enrol(number));
    school
}

fn read(digits: &str) -> Code {
    parse(digits, &Prefixes::default(), &[CodePurpose::Pay]).unwrap()
}

/// 100,000 devices, 12 good one-time parts each, among 10^18 codes: 1.2 in 10^12 a guess.
#[test]
fn a_random_guess_hits_nobody() {
    let (school, mut rng) = (school(), chance("a_random_guess_hits_nobody"));
    let guesses = rounds();
    for _ in 0..guesses {
        let code = read(&format!("80{:018}", rng.random_range(0..10_u64.pow(18))));
        assert!(school.holder(&code, START).is_none(), "{}", code.digits());
    }
    println!("{guesses} guesses among {DEVICES} devices: 0 hits");
}

/// The handle is known, from a photograph, the one-time part is guessed: 1.2 in 10^9 a guess.
#[test]
fn a_guess_at_a_handle_just_seen_hits_nobody() {
    let school = school();
    let mut rng = chance("a_guess_at_a_handle_just_seen_hits_nobody");
    let tick = Step::DEFAULT.tick(START);
    let seen = school.shown(7, Moment { tick, sub: SubCounter::ALL[0] });
    // Each guess costs some 160 HMACs: a tenth of the guesses.
    let guesses = rounds() / 10;
    for _ in 0..guesses {
        let otp = rng.random_range(0..10_u64.pow(10));
        let code = read(&format!("{}{otp:010}", &seen.digits()[..10]));
        if code.digits() != seen.digits() {
            assert!(school.holder(&code, START).is_none(), "{}", code.digits());
        }
    }
    println!("{guesses} guesses at one handle: 0 hits");
}

/// Every device, every sub-counter, every step in the window, over the turn of the hour.
#[test]
fn every_code_that_is_shown_finds_its_device() {
    let school = school();
    let now = START.plus(Duration::from_hours(1)).minus(Duration::from_secs(5));
    for number in (0..DEVICES).step_by(20) {
        for steps in -1..=1 {
            for sub in SubCounter::ALL {
                let moment = Moment { tick: Step::DEFAULT.tick(now).offset(steps), sub };
                let shown = read(&school.shown(number, moment).digits());
                let device = crate::passcode::school::enrolment(number).device;
                assert_eq!(school.holder(&shown, now), Some((device, moment)));
            }
        }
    }
}

/// Numbers are spread evenly: chi-squared over a hundred classes, 99 degrees of freedom, 1 in 10^5.
#[test]
fn handles_and_one_time_parts_are_spread_evenly() {
    let school = School::empty();
    let tick = Step::DEFAULT.tick(START);
    let (mut handles, mut otps) = ([0_i64; 100], [0_i64; 100]);
    for number in 0..10_000 {
        let code = school.shown(number, Moment { tick, sub: SubCounter::ALL[0] }).digits();
        handles[code[2..4].parse::<usize>().unwrap()] += 1;
        otps[code[10..12].parse::<usize>().unwrap()] += 1;
    }
    for counts in [handles, otps] {
        let squares: i64 = counts.iter().map(|count| (count - 100).pow(2)).sum();
        assert!(squares / 100 < 170, "chi-squared {}", squares / 100);
    }
}
