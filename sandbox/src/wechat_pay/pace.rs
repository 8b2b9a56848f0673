//! The time between callbacks, which can be made to pass faster.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The fastest that waiting can be made.
pub const MAX_SPEED: u32 = 1_000_000;

/// A factor on waiting. It touches nothing else: signatures carry the clock's time.
#[derive(Debug)]
pub struct Pace(watch::Sender<u32>);

impl Pace {
    /// `speed` 1 is WeChat's own pace; 60 makes a minute pass in a second.
    pub fn new(speed: u32) -> Self {
        Self(watch::Sender::new(speed.clamp(1, MAX_SPEED)))
    }

    pub fn speed(&self) -> u32 {
        *self.0.borrow()
    }

    /// Also hurries those who wait already.
    pub fn set_speed(&self, speed: u32) {
        self.0.send_replace(speed.clamp(1, MAX_SPEED));
    }

    /// Waits for `time` at whatever speed is set meanwhile.
    pub(super) async fn wait(&self, time: Duration) {
        let mut speeds = self.0.subscribe();
        let mut left = time;
        while !left.is_zero() {
            let speed = *speeds.borrow_and_update();
            let since = Instant::now();
            tokio::select! {
                () = tokio::time::sleep(left / speed) => return,
                _ = speeds.changed() => left = left.saturating_sub(since.elapsed() * speed),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_new_speed_hurries_those_who_wait() {
        let pace = Arc::new(Pace::new(1));
        let waiting = pace.clone();
        let wait = tokio::spawn(async move { waiting.wait(Duration::from_hours(6)).await });
        tokio::task::yield_now().await;
        pace.set_speed(MAX_SPEED);
        tokio::time::timeout(Duration::from_secs(5), wait).await.unwrap().unwrap();
    }

    #[test]
    fn the_speed_is_bounded() {
        let pace = Pace::new(0);
        assert_eq!(pace.speed(), 1);
        pace.set_speed(u32::MAX);
        assert_eq!(pace.speed(), MAX_SPEED);
    }
}
