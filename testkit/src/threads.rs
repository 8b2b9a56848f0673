//! Servers on separate threads, so that a test that blocks or ends does not stop them half-way.

use actix_web::rt::System;
use std::{sync::mpsc, thread::JoinHandle};
use tokio::sync::oneshot;

/// A task on its own thread. Dropping this stops it and waits for its end.
pub struct Thread {
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Thread {
    /// Runs `begin` on a new thread, returns its value, and runs the returned `End` when stopped.
    pub fn start<T, End>(begin: impl AsyncFnOnce() -> (T, End) + Send + 'static) -> (T, Self)
    where
        T: Send + 'static,
        End: Future<Output = ()>,
    {
        let (told, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let running = std::thread::spawn(move || {
            System::new().block_on(async move {
                let (made, end) = begin().await;
                told.send(made).unwrap();
                // Also ends when the sender is dropped.
                let _ = stopped.await;
                end.await;
            });
        });
        let made = started.recv().expect("the thread panicked while it began");
        (made, Self { stop: Some(stop), running: Some(running) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(running) = self.running.take() {
            // A panic has already been printed.
            let _ = running.join();
        }
    }
}
