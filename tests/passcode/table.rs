//! The handle table of a large school: what it costs.

use crate::passcode::school::{START, School, enrolment};
use onecard::passcode::{Moment, Step, SubCounter};
use std::{fs, process::Command, time::Duration};

const DEVICES: u32 = 100_000;
const MEBIBYTE: u64 = 1024 * 1024;

/// True in a process that runs this test alone: it is started here, and must succeed. The memory of tests
/// beside it would count.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "ONECARD_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", test]).env(ALONE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    false
}

/// Both purposes and three hours of 100,000 devices, turned an hour on in parts.
#[test]
fn a_hundred_thousand_devices_fit_into_40_mebibytes() {
    if !is_alone("passcode::table::a_hundred_thousand_devices_fit_into_40_mebibytes") {
        return;
    }
    let before = anonymous_bytes();
    let mut school = School::empty();
    let began = processor_time();
    (0..DEVICES).for_each(|number| school.enrol(number));
    let filled = processor_time().saturating_sub(began);
    let after = START.plus(Duration::from_hours(1));
    let (mut parts, mut longest) = (0, Duration::ZERO);
    let began = processor_time();
    loop {
        let part = processor_time();
        let done = school.tables.turn(after, 1_000);
        parts += 1;
        longest = longest.max(processor_time().saturating_sub(part));
        if done {
            break;
        }
    }
    let turned = processor_time().saturating_sub(began);
    let grown = anonymous_bytes().saturating_sub(before);
    println!(
        "{DEVICES} devices: {} KiB; CPU to fill with derivation {filled:.0?}, for an hour \
         {turned:.0?} in {parts} parts, the longest {longest:.1?}",
        grown / 1024,
    );
    assert_eq!(parts, 100);
    assert!(grown <= 40 * MEBIBYTE, "{grown} bytes");
    let tick = Step::DEFAULT.tick(after.plus(Duration::from_hours(1)));
    for number in (0..DEVICES).step_by(997) {
        let moment = Moment { tick, sub: SubCounter::ALL[0] };
        let shown = school.shown(number, moment);
        let found = school.holder(&shown, Step::DEFAULT.start_of(tick));
        assert_eq!(found, Some((enrolment(number).device, moment)));
    }
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(schedule.split(' ').next().unwrap().parse().unwrap())
}

/// What this process has allocated and touched. Pages of the program file count as resident too, in steps that
/// depend on the file system.
fn anonymous_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
