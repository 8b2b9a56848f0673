//! The time of the retry schedules, which can be made to pass faster or at once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The highest speed of the schedules.
pub const MAX_SPEED: u32 = 1_000_000;

/// The time that the schedules of retries count. Signatures and deadlines follow the clock instead.
#[derive(Debug)]
pub(super) struct Pace(watch::Sender<Course>);

/// How time passes since the speed was last changed or time was advanced.
#[derive(Debug, Clone, Copy)]
struct Course {
    since: Instant,
    passed: Duration,
    speed: u32,
}

impl Course {
    fn now(self) -> Duration {
        self.passed.saturating_add(self.since.elapsed().saturating_mul(self.speed))
    }
}

impl Pace {
    /// `speed` 1 is the providers' own pace; 60 makes a minute pass in a second; at 0 time stands
    /// still, and only [`Pace::advance`] moves it.
    pub(super) fn new(speed: u32) -> Self {
        let speed = speed.min(MAX_SPEED);
        Self(watch::Sender::new(Course { since: Instant::now(), passed: Duration::ZERO, speed }))
    }

    pub(super) fn speed(&self) -> u32 {
        self.0.borrow().speed
    }

    /// Applies to running waits too.
    pub(super) fn set_speed(&self, speed: u32) {
        self.change(|course| course.speed = speed.min(MAX_SPEED));
    }

    /// Lets this much time pass at once.
    pub(super) fn advance(&self, step: Duration) {
        self.change(|course| course.passed = course.passed.saturating_add(step));
    }

    /// The present time, from an arbitrary beginning.
    pub(super) fn now(&self) -> Duration {
        self.0.borrow().now()
    }

    /// Waits until it is `due`, however time passes meanwhile.
    pub(super) async fn wait_until(&self, due: Duration) {
        let mut courses = self.0.subscribe();
        loop {
            let course = *courses.borrow_and_update();
            let left = due.saturating_sub(course.now());
            if left.is_zero() {
                return;
            }
            let comes = async {
                match left.checked_div(course.speed) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = comes => return,
                // The sender lives in `self`, so that this is a change.
                _ = courses.changed() => {}
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Course)) {
        self.0.send_modify(|course| {
            let passed = course.now();
            *course = Course { since: Instant::now(), passed, ..*course };
            change(course);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SIX_HOURS: Duration = Duration::from_hours(6);

    async fn ends_after(speed: u32, change: impl FnOnce(&Pace)) {
        let pace = Arc::new(Pace::new(speed));
        let (waiting, due) = (pace.clone(), pace.now() + SIX_HOURS);
        let wait = tokio::spawn(async move { waiting.wait_until(due).await });
        tokio::task::yield_now().await;
        change(&pace);
        tokio::time::timeout(Duration::from_secs(5), wait).await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_new_speed_or_an_advance_shortens_running_waits() {
        ends_after(1, |pace| pace.set_speed(MAX_SPEED)).await;
        ends_after(1, |pace| pace.advance(SIX_HOURS)).await;
        ends_after(0, |pace| pace.set_speed(MAX_SPEED)).await;
        ends_after(0, |pace| {
            pace.advance(SIX_HOURS / 2);
            pace.advance(SIX_HOURS / 2);
        })
        .await;
    }

    #[test]
    fn the_speed_is_bounded() {
        let pace = Pace::new(0);
        assert_eq!((pace.speed(), pace.now()), (0, Duration::ZERO));
        pace.set_speed(u32::MAX);
        assert_eq!(pace.speed(), MAX_SPEED);
    }
}
