//! The console of a large school: its lists by server time, statements and weight; exports of 100,000 rows
//! by the memory that they take; tills while somebody works at it; a roster, and the preview of a policy.
//!
//! 100,000 people, a million orders, a million entries of doors, 100,000 cases, requests, rights and
//! refused jobs; with `ONECARD_BENCH_PART=16` a sixteenth of them, which is still more than is exported without
//! a job. Server time and statements are the server's own figures of a route.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

mod browser;
mod rows;

use crate::{
    charges::{campus::Campus, pace::PAUSE, settings, tills::Till},
    load::{Idle, paced},
    postings::Failure,
    program::{Program, free_port},
};
use browser::{Browser, between};
use onecard::base::clock::{Clock, Day, SystemClock};
use rows::{Rows, Size};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const TILLS: usize = 200;
const ROUNDS: usize = 3;
/// How often a list is asked for.
const ASKED: usize = 20;
const MOST_MILLIS: f64 = 20.0;
const MOST_STATEMENTS: f64 = 3.0;

/// What is asked for, and its route.
const LISTS: &[(&str, &str)] = &[
    ("/staff", "/staff"),
    ("/staff/people", "/staff/people"),
    ("/staff/people?state=normal", "/staff/people"),
    ("/staff/people?debt=1", "/staff/people"),
    ("/staff/orders", "/staff/orders"),
    ("/staff/orders?day={yesterday}", "/staff/orders"),
    ("/staff/orders?day={yesterday}&state=closed", "/staff/orders"),
    ("/staff/orders?day={yesterday}&provider=alipay", "/staff/orders"),
    ("/staff/orders?day={yesterday}&provider=alipay&state=closed", "/staff/orders"),
    ("/staff/approvals", "/staff/approvals"),
    ("/staff/adjustments", "/staff/adjustments"),
    ("/staff/cases", "/staff/cases"),
    ("/staff/cases?state=closed", "/staff/cases"),
    ("/staff/merchants", "/staff/merchants"),
    ("/staff/terminals", "/staff/terminals"),
    ("/staff/doors", "/staff/doors"),
    ("/staff/messages", "/staff/messages"),
    ("/staff/messages/failed?kind=message_credited&reason=no%20template", "/staff/messages/failed"),
    ("/staff/staff", "/staff/staff"),
    ("/staff/staff?role=auditor", "/staff/staff"),
    ("/staff/audit", "/staff/audit"),
    ("/staff/reconciliation", "/staff/reconciliation"),
    ("/staff/roster-imports", "/staff/roster-imports"),
    ("/staff/exports", "/staff/exports"),
    ("/staff/policy", "/staff/policy"),
    ("/staff/policy/versions", "/staff/policy/versions"),
    ("/staff/health", "/staff/health"),
];
/// The log of doors, which asks why.
const LOG: &str = "/staff/doors/log";

struct Office {
    campus: Campus,
    tills: Vec<Till>,
    program: Program,
    metrics: String,
    browser: Browser,
    yesterday: Day,
    size: Size,
}

/// All figures.
pub async fn table(postgres: &str) -> Result<(), Failure> {
    let (folder, size) = (tempfile::tempdir()?, Size::asked()?);
    let campus = Campus::of(postgres, "console", (folder.path(), size.phones())).await?;
    campus.import(size.phones()..size.people()).await?;
    let tills = campus.add_tills("canteen", 1, TILLS).await?;
    let today = SystemClock.now().day();
    let rows =
        Rows::at(&campus.url, (campus.school.number(), today.start().micros()), size).await?;
    rows.fill(&campus.url).await?;
    let port = free_port()?;
    let settings = settings(&campus, folder.path(), port)?;
    let metrics = settings.iter().find(|(name, _)| name.ends_with("METRICS_LISTEN"));
    let metrics = metrics.ok_or("no metrics")?.1.clone();
    let program = Program::onecard(settings, port).await?;
    let browser = Browser::sign_in(&campus, port).await?;
    let yesterday = Day::from_number(today.number() - 1);
    let mut office = Office { campus, tills, program, metrics, browser, yesterday, size };
    office.lists().await?;
    office.exports().await?;
    office.beside().await?;
    office.campus.check_that_all_are_posted().await?;
    office.roster().await?;
    rows.charges().await?;
    office.preview().await?;
    office.program.stop()
}

impl Office {
    /// Server time, statements and bytes of each list.
    async fn lists(&self) -> Result<(), Failure> {
        println!(
            "lists (reach {MOST_MILLIS} ms, {MOST_STATEMENTS} statements beside the session's)"
        );
        for (path, route) in LISTS {
            let path = path.replace("{yesterday}", &self.yesterday.to_string());
            self.list(&path, ("GET", route), async || self.browser.page(&path).await).await?;
        }
        let form = self.browser.page(LOG).await?;
        self.list(LOG, ("POST", LOG), async || self.browser.answered(&form, LOG).await).await
    }

    async fn list(
        &self,
        path: &str,
        route: (&str, &str),
        look: impl AsyncFn() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let mut bytes = 0;
        for _ in 0..3 {
            bytes = look().await?.len();
        }
        let before = self.figures(route).await?;
        let mut slowest = Duration::ZERO;
        for _ in 0..ASKED {
            let began = Instant::now();
            look().await?;
            slowest = slowest.max(began.elapsed());
        }
        let after = self.figures(route).await?;
        let [count, seconds, statements] =
            std::array::from_fn(|n| after.get(n).unwrap_or(&0.0) - before.get(n).unwrap_or(&0.0));
        println!(
            "  {path:<70} {:>7.2} ms, slowest with the client {:>7.2} ms, {:>4.1} statements, \
             {:>5.1} kB",
            seconds / count * 1e3,
            slowest.as_secs_f64() * 1e3,
            statements / count,
            f64::from(u32::try_from(bytes)?) / 1e3,
        );
        Ok(())
    }

    /// Answers of a route, their seconds, and their statements.
    async fn figures(&self, (method, route): (&str, &str)) -> Result<[f64; 3], Failure> {
        let address = format!("http://{}/metrics", self.metrics);
        let text = testkit::http_client().get(address).send().await?.text().await?;
        let labels = [format!("route=\"{route}\""), format!("method=\"{method}\"")];
        let of = |name: &str| -> Result<f64, Failure> {
            let mut sum = 0.0;
            let named = text.lines().filter(|line| line.starts_with(name));
            for line in named.filter(|line| labels.iter().all(|label| line.contains(label))) {
                sum += line.rsplit_once(' ').ok_or("no figure")?.1.parse::<f64>()?;
            }
            Ok(sum)
        };
        Ok([
            of("onecard_http_requests_total{")?,
            of("onecard_http_request_duration_seconds_sum{")?,
            of("onecard_http_request_statements_sum{")?,
        ])
    }

    /// Has a list exported; answers the rows.
    async fn export(
        browser: &Browser,
        (of, path, format): (&str, &str, &str),
    ) -> Result<(u64, u64), Failure> {
        let job = browser.submit(of, path, &[("format", format)]).await?;
        let page = browser.until_gone(&job, "正在导出").await?;
        let mut file = browser.get(&format!("{job}/file")).await?;
        if file.status() != 200 {
            return Err(format!("{}: {page}", file.status()).into());
        }
        let (mut bytes, mut lines) = (0, 0);
        while let Some(chunk) = file.chunk().await? {
            bytes += u64::try_from(chunk.len())?;
            lines += u64::try_from(chunk.split(|byte| *byte == b'\n').count() - 1)?;
        }
        Ok((bytes, lines))
    }

    fn files(&self) -> [(String, &'static str); 4] {
        let orders = format!("/staff/orders/export?day={}", self.yesterday);
        [
            (orders.clone(), "csv"),
            (orders, "xlsx"),
            ("/staff/people/export".to_owned(), "csv"),
            ("/staff/people/export".to_owned(), "xlsx"),
        ]
    }

    /// Resident memory above that of before, at its highest while a list is exported.
    async fn exports(&self) -> Result<(), Failure> {
        println!("exports of {} rows (reach 64 MiB above idle)", self.size.people());
        for (path, format) in self.files() {
            let idle = self.program.resident_kib()?;
            self.program.forget_peak()?;
            let began = Instant::now();
            let of = if path.contains("orders") { "/staff/orders" } else { "/staff/people" };
            let (bytes, lines) = Self::export(&self.browser, (of, &path, format)).await?;
            let took = began.elapsed().as_secs_f64();
            let peak = self.program.peak_kib()?;
            println!(
                "  {path:<40} {format:<4} {took:>6.1} s, {:>6.1} MiB above {:>5.1} MiB; {bytes} bytes, \
                 {lines} lines",
                mib(peak.saturating_sub(idle)),
                mib(idle),
            );
        }
        Ok(())
    }

    /// Charges, a hundred a second, while nobody and while somebody works at the console.
    async fn beside(&mut self) -> Result<(), Failure> {
        println!("charges at 100/s: longest and 99.9th percentile (reach 50 ms)");
        for round in 0..=ROUNDS {
            let began = Instant::now();
            let quiet = self.charges_until(|| began.elapsed() > Duration::from_secs(20)).await?;
            let done = Arc::new(AtomicBool::new(false));
            let over = Arc::clone(&done);
            let work = work(self.browser.clone(), self.files(), self.yesterday, done);
            let busy = self.charges_until(|| over.load(Ordering::SeqCst));
            let (busy, worked) = tokio::join!(busy, work);
            let (busy, (pages, files)) = (busy?, worked?);
            if round > 0 {
                println!(
                    "  quiet {:>7.2} · {:>7.2} ms of {}; beside {pages} pages and {files} exports \
                     {:>7.2} · {:>7.2} ms of {}",
                    at(&quiet, 1.0),
                    at(&quiet, 0.999),
                    quiet.len(),
                    at(&busy, 1.0),
                    at(&busy, 0.999),
                    busy.len(),
                );
            }
        }
        Ok(())
    }

    /// How long charges took, a hundred a second until this is true.
    async fn charges_until(&mut self, over: impl Fn() -> bool) -> Result<Vec<Duration>, Failure> {
        let (idle, port) = (Idle::new(self.program.port), self.program.port);
        let mut failed = None;
        let mut turn = 0;
        let charges = std::iter::from_fn(|| {
            if over() {
                return None;
            }
            turn = (turn + 1) % TILLS;
            let till = self.tills.get_mut(turn..=turn)?;
            match self.campus.charges(till, port, 1).map(|mut one| one.pop()) {
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

    /// A roster of new people, checked and imported.
    async fn roster(&self) -> Result<(), Failure> {
        let mut file =
            "student_no,name,id_number,phone,kind,department,class_name,valid_until\n".to_owned();
        let rows = self.size.roster();
        for n in 0..rows {
            writeln!(
                file,
                "N{n:06},新生{n},,1{:010},student,学院,{}班,2030-07-31",
                3_000_000_000_u64 + u64::try_from(n)?,
                n % 500
            )?;
        }
        let idle = self.program.resident_kib()?;
        self.program.forget_peak()?;
        let began = Instant::now();
        let job = self.browser.upload("/staff/roster-imports", &file).await?;
        let uploaded = began.elapsed().as_secs_f64();
        let checked = self.browser.until_gone(&job, "<progress").await?;
        let check = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let start = format!("{job}/start");
        self.browser.submit(&start, &start, &[]).await?;
        let done = self.browser.until_gone(&job, "<progress").await?;
        let import = began.elapsed().as_secs_f64();
        let counted = between(&done, "新增", "拒绝")?;
        if !checked.replace(',', "").contains(&format!("新增 {rows}")) {
            return Err(format!("not all are new: {counted}").into());
        }
        println!(
            "roster of {rows} rows: uploaded {uploaded:.1} s, checked {check:.1} s, imported {import:.1} s more; {:.1} MiB above idle; 新增{counted}",
            mib(self.program.peak_kib()?.saturating_sub(idle))
        );
        Ok(())
    }

    /// The preview of a limit, on 1.86 million charges of 31 days.
    async fn preview(&self) -> Result<(), Failure> {
        println!("preview of limits on {} charges (reach 3 s)", 31 * self.size.charges_a_day());
        for (meal, day) in [(6_000, 8_000), (3_000, 7_000), (2_500, 4_000)] {
            let began = Instant::now();
            let said = self.browser.previewed((meal, day)).await?;
            let took = began.elapsed().as_secs_f64();
            println!("  {meal} fen a meal, {day} fen a day: {took:.2} s: {said}");
        }
        Ok(())
    }
}

/// Pages in turn, one each tenth of a second, while four lists are exported.
async fn work(
    browser: Browser,
    files: [(String, &'static str); 4],
    yesterday: Day,
    done: Arc<AtomicBool>,
) -> Result<(usize, usize), Failure> {
    let exports = async {
        let mut exported = Ok(files.len());
        for (path, format) in &files {
            let of = if path.contains("orders") { "/staff/orders" } else { "/staff/people" };
            if let Err(error) = Office::export(&browser, (of, path, format)).await {
                exported = Err(error);
                break;
            }
        }
        done.store(true, Ordering::SeqCst);
        exported
    };
    let looks = async {
        let mut pages = 0;
        for (path, _) in LISTS.iter().cycle() {
            if done.load(Ordering::SeqCst) {
                break;
            }
            let path = path.replace("{yesterday}", &yesterday.to_string());
            browser.page(&path).await?;
            pages += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, Failure>(pages)
    };
    let (files, pages) = tokio::join!(exports, looks);
    Ok((pages?, files?))
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

/// The longest of this part of all, in milliseconds.
fn at(took: &[Duration], part: f64) -> f64 {
    let mut took = took.to_vec();
    took.sort_unstable();
    let all = f64::from(u32::try_from(took.len()).unwrap_or(u32::MAX));
    let mut shorter = took.iter().zip(1_u32..).filter(|(_, nth)| f64::from(*nth) >= all * part);
    shorter.next().map_or(0.0, |(took, _)| took.as_secs_f64() * 1e3)
}
