//! Write points: the moments between two of which a death of the process could lose or double
//! something. A debug build can be told to die at any of them, so that tests hold that it does not.
//! A release has none of this.
//!
//! A point is named by what is being done (a route, a job, the lanes' work) and by what stands
//! next: `tx:begun`, `tx:statement` (before each), `tx:commit`, `tx:committed`, `provider:call`,
//! `provider:answered`, `redis:call`, `redis:answered`. The ground reaches them by itself, so no
//! journey can forget one.

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

    /// Where to die: `what|point|n`, at the n-th time.
    const DIE_AT: &str = "ONECARD_DIE_AT";
    /// A file that gets a line `what|point` for each point that is reached.
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

    /// Names the points that `work` reaches after `what`.
    pub async fn within<F: Future>(what: impl Display, work: F) -> F::Output {
        WHAT.scope(what.to_string(), work).await
    }

    /// Stands at `point`. Outside of [`within`] it is nothing.
    pub fn reached(point: &'static str) {
        if ARMED.is_none() && RECORDED.is_none() {
            return;
        }
        let Ok(name) = WHAT.try_with(|what| format!("{what}|{point}")) else { return };
        if let Some(mut file) = RECORDED.as_ref() {
            // One write, so that lines of several threads do not mix. A test would miss a lost one.
            let _ = file.write_all(format!("{name}\n").as_bytes());
        }
        let armed = ARMED.as_ref().filter(|(wanted, _)| *wanted == name);
        if armed.is_some_and(|(_, nth)| TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *nth) {
            die();
        }
    }

    /// SIGKILL, as from outside: nothing is flushed, closed or told.
    fn die() -> ! {
        let id = std::process::id().to_string();
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        // Not reached where there is a `kill`.
        std::process::abort()
    }
}

#[cfg(not(debug_assertions))]
mod unarmed {
    use std::fmt::Display;

    /// Does `work`.
    pub async fn within<F: Future>(_: impl Display, work: F) -> F::Output {
        work.await
    }

    /// Nothing.
    pub const fn reached(_: &'static str) {}
}
