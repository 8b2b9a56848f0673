//! Servers on threads of their own: a test that blocks or ends does not take them with it half-way.

use actix_web::rt::System;
use std::{sync::mpsc, thread::JoinHandle};
use tokio::sync::oneshot;

/// Something that runs until this is dropped, which waits for its end.
pub struct Thread {
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Thread {
    /// Runs `begin` on a new thread, hands out what it made, and runs its second part at the end.
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
            // It has said why it panicked, if it did.
            let _ = running.join();
        }
    }
}
