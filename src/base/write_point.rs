//! Write points: the moments at which a crash of the process could lose or duplicate something. A
//! debug build can be told to kill itself at any of them, so that tests can check that nothing is
//! lost or duplicated. Release builds contain none of this.
//!
//! A point is named after the work (a route, a job, the lanes) and the next step: `tx:begun`,
//! `tx:statement` (before each), `tx:commit`, `tx:committed`, `provider:call`, `provider:answered`,
//! `redis:call`, `redis:answered`. The code in `base` marks these points itself, so journeys need
//! not.

#[cfg(debug_assertions)]
pub use armed::{reached, within};
#[cfg(not(debug_assertions))]
pub use unarmed::{reached, within};

#[cfg(debug_assertions)]
mod armed {
    use std::{
        fmt::Display,
        fs::File,
        io::Write,
        process::Command,
        sync::{
            LazyLock,
            atomic::{AtomicUsize, Ordering},
        },
    };

    /// Where to kill the process: `what|point|n`, at the n-th time.
    const DIE_AT: &str = "ONECARD_DIE_AT";
    /// A file to which a line `what|point` is appended for each point that is reached.
    const RECORD: &str = "ONECARD_WRITE_POINTS";

    tokio::task_local! {
        static WHAT: String;
    }

    static ARMED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let wanted = std::env::var(DIE_AT).ok()?;
        let (name, nth) = wanted.rsplit_once('|')?;
        Some((name.to_owned(), nth.parse().ok()?))
    });
    static RECORDED: LazyLock<Option<File>> = LazyLock::new(|| {
        let path = std::env::var_os(RECORD)?;
        File::options().create(true).append(true).open(path).ok()
    });
    static TIMES: AtomicUsize = AtomicUsize::new(0);

    /// Runs `work`; the points it reaches are named after `what`.
    pub async fn within<F: Future>(what: impl Display, work: F) -> F::Output {
        WHAT.scope(what.to_string(), work).await
    }

    /// Marks a write point. Does nothing outside of [`within`].
    pub fn reached(point: &'static str) {
        if ARMED.is_none() && RECORDED.is_none() {
            return;
        }
        let Ok(name) = WHAT.try_with(|what| format!("{what}|{point}")) else { return };
        if let Some(mut file) = RECORDED.as_ref() {
            // One write, so that lines of several threads do not mix. A test would notice a missing
            // line.
            let _ = file.write_all(format!("{name}\n").as_bytes());
        }
        let armed = ARMED.as_ref().filter(|(wanted, _)| *wanted == name);
        if armed.is_some_and(|(_, nth)| TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *nth) {
            die();
        }
    }

    /// SIGKILL, as from outside: nothing is flushed or closed.
    fn die() -> ! {
        let id = std::process::id().to_string();
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        // Only reached where there is no `kill` command.
        std::process::abort()
    }
}

#[cfg(not(debug_assertions))]
mod unarmed {
    use std::fmt::Display;

    /// Runs `work`.
    pub async fn within<F: Future>(_: impl Display, work: F) -> F::Output {
        work.await
    }

    /// Does nothing.
    pub const fn reached(_: &'static str) {}
}
