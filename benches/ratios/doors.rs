//! Decisions of doors: against charges at tills, on the same server and PostgreSQL in turns; the 99th
//! percentile at a hundred a second, in turns with that of charges and of a bare insert; and the import of a dormitory's allocation while tills charge.
//!
//! Everybody lives in one house and comes to one of its doors, so that all look at the same allocation.
//! Every decision has a fresh code and must be `open`; at the end the entries of the log are counted.
//! `ONECARD_BENCH_PEOPLE` is how many there are, 30,000 by default.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use crate::{
    charges::{
        CONNECTIONS, ROUNDS,
        campus::{Campus, SCHOOL, student_no},
        charge,
        pace::{PAUSE, bare, insert, p99},
        server, settings,
        tills::Till,
    },
    database::fresh_database,
    load::{self, Done, Idle, Load, Wanted, paced},
    postings::{Failure, median},
    program::{Program, Settings},
};
use sea_orm::DatabaseConnection;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const PEOPLE: usize = 30_000;
const HOUSE: &str = "一号楼";
/// As many tills of one canteen and doors of one house, all active.
const TERMINALS: usize = 32;
/// Charges or decisions of a paced round, which takes six seconds.
const PACED: usize = 600;
/// What the body of an answer begins with cannot be compared; this is what it ends with.
const OPENED: Wanted = Wanted { status: 200, end: "**雨\"}" };

struct Yard {
    campus: Campus,
    tills: Vec<Till>,
    doors: Vec<Till>,
    program: Program,
    decided: usize,
}

/// All figures.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let people = std::env::var("ONECARD_BENCH_PEOPLE");
    let people: usize = people.map_or(Ok(PEOPLE), |people| people.parse())?;
    let folder = tempfile::tempdir()?;
    let campus = Campus::of(postgres, "doors", (folder.path(), people)).await?;
    let tills = campus.add_tills("canteen", 1, TERMINALS).await?;
    let doors = campus.add_doors("door", HOUSE, TERMINALS).await?;
    let settings = settings(&campus, folder.path(), 0)?;
    let allocation = allocation(folder.path(), people)?;
    import(&settings, &allocation)?;
    let program = server(&campus, folder.path()).await?;
    let policy = folder.path().join(format!("{SCHOOL}.toml"));
    let bare = bare(&fresh_database(postgres, "doors_bare", &policy).await?).await?;
    let mut yard = Yard { campus, tills, doors, program, decided: 0 };
    let at_a_time = people / 2;
    yard.against_charges(at_a_time).await?;
    yard.paced(&bare).await?;
    yard.import(settings, allocation, people).await?;
    let Yard { campus, program, decided, .. } = yard;
    program.stop()?;
    campus.check_that_all_are_posted().await?;
    let opened = campus.opened().await?;
    if opened == i64::try_from(decided)? {
        return Ok(());
    }
    Err(format!("of {decided} decisions, {opened} are in the log").into())
}

impl Yard {
    /// Decisions and charges in turns; the first round warms up.
    async fn against_charges(&mut self, at_a_time: usize) -> Result<(), Failure> {
        let (mut charges, mut decisions, mut ratios) = (vec![], vec![], vec![]);
        for round in 0..=ROUNDS {
            let pair = (&mut self.campus, self.tills.as_mut_slice());
            let of_tills = charge(pair, &self.program, at_a_time).await?.per_second();
            let of_doors = self.decide(at_a_time).await?.per_second();
            if round > 0 {
                charges.push(of_tills);
                decisions.push(of_doors);
                ratios.push(of_doors / of_tills);
            }
        }
        let (least, most) = spread(&ratios);
        let (of_tills, of_doors) = (median(charges), median(decisions));
        println!("decisions/s of doors over HTTP, {CONNECTIONS} connections, against charges");
        println!("  charges          {of_tills:>8.0}/s");
        println!(
            "  decisions        {of_doors:>8.0}/s   {:.2} x, {least:.2} to {most:.2} in {ROUNDS} rounds   (reach 1 x)",
            median(ratios)
        );
        Ok(())
    }

    async fn decide(&mut self, count: usize) -> Result<Done, Failure> {
        let requests = self.campus.readings(&mut self.doors, self.program.port, count)?;
        self.decided += count;
        load::send(self.program.port, Load { requests, wanted: OPENED }, CONNECTIONS).await
    }

    /// Bare inserts, charges and decisions in turns, each a hundred a second; the first round warms up.
    async fn paced(&mut self, bare: &Arc<DatabaseConnection>) -> Result<(), Failure> {
        let (mut inserts, mut charges, mut decisions) = (vec![], vec![], vec![]);
        for _ in 0..=ROUNDS {
            let insert = (0..PACED).map(|_| insert(Arc::clone(bare)));
            inserts.push(p99(paced(PAUSE, insert).await?));
            let requests = self.campus.charges(&mut self.tills, self.program.port, PACED)?;
            let idle = Idle::new(self.program.port);
            let asked = requests.into_iter().map(|request| idle.clone().ask(request, 200));
            charges.push(p99(paced(PAUSE, asked).await?));
            let requests = self.campus.readings(&mut self.doors, self.program.port, PACED)?;
            self.decided += PACED;
            let idle = Idle::new(self.program.port);
            let asked = requests.into_iter().map(|request| idle.clone().expect(request, OPENED));
            decisions.push(p99(paced(PAUSE, asked).await?));
        }
        println!("99th percentile at 100/s, in turns with a bare insert of one row");
        for (what, p99s, reach) in [
            ("insert", inserts, ""),
            ("charge", charges, ""),
            ("decision", decisions, "   (reach 5 ms)"),
        ] {
            let p99s = p99s.get(1..).unwrap_or_default().to_vec();
            let (least, most) = spread(&p99s);
            let p99 = median(p99s);
            println!(
                "  {what:<16} {p99:>8.2} ms   {least:.2} to {most:.2} ms in {ROUNDS} rounds{reach}"
            );
        }
        Ok(())
    }

    /// Imports the allocation again while tills charge, a hundred times a second; and the same charges
    /// without an import.
    async fn import(
        &mut self,
        settings: Settings,
        file: PathBuf,
        rows: usize,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let quiet = self.charges_until(|| began.elapsed() > Duration::from_secs(6)).await?;
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let importing = tokio::task::spawn_blocking(move || {
            let imported = import(&settings, &file).map_err(|error| error.to_string());
            told.store(true, Ordering::SeqCst);
            imported
        });
        let busy = self.charges_until(|| done.load(Ordering::SeqCst)).await?;
        let took = importing.await??;
        println!("import of {rows} allocated rights while tills charge, 100/s");
        println!("  import           {:>8.2} s    (reach 10 s)", took.as_secs_f64());
        println!(
            "  longest charge   {:>8.2} ms   {:.2} ms without an import   (reach 50 ms)",
            longest(&busy),
            longest(&quiet)
        );
        Ok(())
    }

    /// How long charges took, a hundred a second until this is true.
    async fn charges_until(&mut self, over: impl Fn() -> bool) -> Result<Vec<Duration>, Failure> {
        let (idle, port) = (Idle::new(self.program.port), self.program.port);
        let mut failed = None;
        let charges = std::iter::from_fn(|| {
            if over() {
                return None;
            }
            // Signed as it is sent: nobody knows how long this goes on.
            let till = self.tills.get_mut(..1)?;
            let request = self.campus.charges(till, port, 1).map(|mut one| one.pop());
            match request {
                Ok(request) => Some(idle.clone().ask(request?, 200)),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            }
        });
        let took = paced(PAUSE, charges).await?;
        failed.map_or(Ok(took), Err)
    }
}

/// The least and the most.
fn spread(figures: &[f64]) -> (f64, f64) {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    (least, figures.iter().copied().fold(0.0, f64::max))
}

/// In milliseconds.
fn longest(took: &[Duration]) -> f64 {
    took.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// The file of an allocation in which everybody lives in the house.
fn allocation(folder: &Path, people: usize) -> Result<PathBuf, Failure> {
    let mut file = "student_no,door_group\n".to_owned();
    for n in 0..people {
        writeln!(file, "{},{HOUSE}", student_no(n))?;
    }
    let path = folder.join("allocation.csv");
    fs::write(&path, file)?;
    Ok(path)
}

/// Imports it as an operator does; answers how long that took.
fn import(settings: &Settings, file: &Path) -> Result<Duration, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onecard"));
    command.args(["door", "rights", "import", "--school", SCHOOL, "--reason", "a new term"]);
    command.arg(file).envs(settings.iter().cloned());
    let began = Instant::now();
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if done.success() { Ok(began.elapsed()) } else { Err("the import failed".into()) }
}
