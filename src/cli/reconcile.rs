//! `reconcile`: fetches a provider's bill of a day and compares it with the books.

use super::{CommandError, args};
use crate::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        table_file::yuan,
    },
    reconciliation::{
        DayKey, FoundDifference, FoundState, Reconciliation, RowsDone, Sheet, Totals, export::Table,
    },
    wiring::Settings,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{fs::File, io::BufWriter, path::Path, process::ExitCode, sync::Arc};

const BAR: &str = "{wide_bar} {pos} of {len} rows, {eta} left";

pub(super) async fn run(
    settings: Settings,
    arguments: &args::Reconcile,
) -> Result<ExitCode, CommandError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app = App::build(settings, Arc::clone(&clock)).await?;
    match app.db.pending_migrations().await? {
        0 => {}
        pending => return Err(CommandError::NotMigrated(pending)),
    }
    app.journeys.ready_keys(&app.db, clock.now()).await?;
    let room = &app.journeys.reconciliation;
    let found = app.journeys.schools.by_code(&arguments.school).await?;
    let school = found.ok_or_else(|| CommandError::NoSchool(arguments.school.clone()))?;
    let (provider, day) = (arguments.provider, arguments.date);
    let bar = bar();
    let totals = room.reconcile(&school, provider, day, &|progress| show(&bar, progress)).await?;
    bar.finish_and_clear();
    let key = room.key_of(&school, provider, day)?;
    let report = Report { room, key, totals };
    report.print().await?;
    if let Some(path) = &arguments.csv {
        report.write_csv(path).await?;
    }
    if let Some(path) = &arguments.xlsx {
        report.write_workbook(path).await?;
    }
    print_summary(&report.key, &report.totals);
    Ok(if report.totals.open_differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A day, and the pages of what differs on it.
struct Report<'a> {
    room: &'a Reconciliation,
    key: DayKey,
    totals: Totals,
}

impl Report<'_> {
    /// Prints what is open or waits.
    async fn print(&self) -> Result<(), CommandError> {
        let print = |found: &FoundDifference| {
            print_difference(found);
            Ok(())
        };
        self.each(false, print).await
    }

    /// Takes each difference in turn, with those that have ended or without.
    async fn each(
        &self,
        with_ended: bool,
        mut take: impl FnMut(&FoundDifference) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        let mut after = None;
        loop {
            let page = self.room.differences(&self.key, after, with_ended).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            for (_, found) in &page {
                take(found)?;
            }
        }
    }

    async fn write_csv(&self, path: &Path) -> Result<(), CommandError> {
        let file = File::create(path);
        let file = file.map_err(|cause| CommandError::File { path: path.to_owned(), cause })?;
        let mut table = Table::begin(BufWriter::new(file))?;
        self.each(true, |found| Ok(table.add(found)?)).await?;
        Ok(table.end(&self.key, &self.totals)?)
    }

    async fn write_workbook(&self, path: &Path) -> Result<(), CommandError> {
        let mut sheet = Sheet::begin()?;
        self.each(true, |found| Ok(sheet.add(found)?)).await?;
        Ok(sheet.end(&self.key, &self.totals, path)?)
    }
}

fn print_difference(found: &FoundDifference) {
    let d = &found.difference;
    let waits = match found.state {
        FoundState::Waiting => "  (waits for the next day's bill)",
        FoundState::Open | FoundState::Repaired | FoundState::Accepted | FoundState::Gone => "",
    };
    println!(
        "{:<11}  {} {}  order number {}  ours: {}  theirs: {}  proposed: {}{waits}",
        d.differs.code(),
        d.entry,
        d.number,
        d.out_trade_no,
        shown(&d.ours),
        shown(&d.theirs),
        d.repair.code(),
    );
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

fn print_summary(key: &DayKey, totals: &Totals) {
    let Totals { bill_rows, our_rows, of_other_programs, of_other_schools, .. } = totals;
    println!(
        "{bill_rows} rows in the bill: {of_other_programs} of other programs, \
         {of_other_schools} of other schools; {our_rows} are ours"
    );
    println!(
        "{} payments here, ¥{}, and {} refunds, ¥{}; ¥{} in the bill, refunds ¥{}, fees ¥{}, coupons ¥{}",
        totals.paid_count,
        yuan(totals.paid_fen),
        totals.back_count,
        yuan(totals.back_fen),
        yuan(totals.billed_fen),
        yuan(totals.refunded_fen),
        yuan(totals.fee_fen),
        yuan(totals.coupon_fen)
    );
    if totals.repaired > 0 {
        println!("{} missing credits repaired from the provider's answers", totals.repaired);
    }
    if totals.unasked > 0 {
        println!(
            "{} differences were not asked about: the provider limits our rate or gives no answers; run this \
             again later",
            totals.unasked
        );
    }
    if totals.is_reopened {
        println!("the day was closed; {} rows came late", totals.late_rows);
    }
    let (state, open) = (totals.state().code(), totals.open_differences);
    println!("{} {} is {state}: {open} differences", key.provider.code(), key.day);
}

/// A progress bar, which is drawn at a terminal only.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, progress: RowsDone) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}
