//! Callbacks of WeChat Pay and of Alipay, compared with a reference on Node 20 with Express, an SDK of the
//! provider and `pg` (`benches/callback-node`): both do the same checks, write the same rows to the same PostgreSQL,
//! and answer after their own commit. Each has its own database with the same orders; the messages
//! are signed before the measurement, and both get the same bytes.
//!
//! Without storage both answer after the checks, also over HTTP. The server has no such mode, so
//! `bare` serves its HTTP stack and its checks. This table measures the CPU time of the processes,
//! user and kernel.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

pub mod bare;
mod letters;
mod notices;
mod orders;
mod programs;

use crate::{
    load::{self, Load, Wanted},
    postings::{Failure, median},
    program::Program,
};
use bare::Way;
use letters::Mint;
use orders::{Made, Orders};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const ROUNDS: usize = 5;
/// The number of callbacks in a round.
const CALLBACKS: usize = 4000;
/// Without storage messages can be repeated; this many times, for a round of useful length.
const REPEATS: usize = 3;
/// Everybody pays once before the measurement: it opens accounts and warms up code and plans.
const PERSONS: usize = 2000;
const CONNECTIONS: usize = 64;
/// The time after which start-up work has finished.
const SETTLED: Duration = Duration::from_secs(2);

/// The provider whose callbacks are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    WechatPay,
    Alipay,
}

impl By {
    const fn code(self) -> &'static str {
        match self {
            Self::WechatPay => "wechat_pay",
            Self::Alipay => "alipay",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::WechatPay => "WeChat Pay",
            Self::Alipay => "Alipay",
        }
    }

    /// The answer to a callback that was accepted.
    const fn accepts(self) -> Wanted {
        match self {
            Self::WechatPay => Wanted::status(204),
            Self::Alipay => Wanted { status: 200, end: "success" },
        }
    }
}

/// Both programs on their databases, after the measurement.
struct Measured {
    mint: Mint,
    orders: Orders,
    ours: Program,
}

/// Callbacks per second of each, and their ratio; by WeChat Pay also what the server needs by itself.
pub async fn table(server: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    let Measured { mint, orders, ours } = speed(server, By::WechatPay, path).await?;
    starting(ours, &mint, &orders, path).await?;
    without_storage(&mint, &orders, path).await?;
    drop(speed(server, By::Alipay, path).await?);
    Ok(())
}

async fn speed(server: &str, by: By, folder: &Path) -> Result<Measured, Failure> {
    let mint = Mint::new(&folder.join("sandbox"), by)?;
    let orders = Orders::make(server, &mint, PERSONS, PERSONS + ROUNDS * CALLBACKS).await?;
    let ours = programs::onecard(&mint, &orders, folder).await?;
    let theirs = programs::node(&mint, &orders, true)?;
    let warm_up = orders.of(0, PERSONS)?;
    for program in [&ours, &theirs] {
        programs::check_that_it_refuses(program, &mint, warm_up).await?;
        send((program, by), mint.letters(warm_up)?).await?;
    }
    let (mut onecard, mut node) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let orders = orders.of(PERSONS + round * CALLBACKS, CALLBACKS)?;
        let letters = mint.letters(orders)?;
        node.push(send((&theirs, by), letters.clone()).await?.per_second());
        onecard.push(send((&ours, by), letters).await?.per_second());
    }
    orders.check_that_all_are_paid().await?;
    let (onecard, node, name) = (median(onecard), median(node), by.name());
    println!(
        "callbacks of {name}/s, {CONNECTIONS} connections, against Node with Express and an SDK"
    );
    println!("  node             {node:>8.0}/s");
    println!("  onecard          {onecard:>8.0}/s   {:.2} x   (reach 3 x)", onecard / node);
    Ok(Measured { mint, orders, ours })
}

/// Memory after the load; then, on the same database, the time from the program's start to its
/// first ready answer, and its idle memory.
async fn starting(
    busy: Program,
    mint: &Mint,
    orders: &Orders,
    folder: &Path,
) -> Result<(), Failure> {
    let under_load = busy.resident_kib()?;
    busy.stop()?;
    let (mut ready, mut idle) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let program = programs::onecard(mint, orders, folder).await?;
        ready.push(started.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(SETTLED).await;
        idle.push(f64::from(u32::try_from(program.resident_kib()?)?) / 1024.0);
        program.stop()?;
    }
    let under_load = f64::from(u32::try_from(under_load)?) / 1024.0;
    println!("the server by itself");
    println!("  ready after      {:>8.0} ms    (reach 100 ms)", median(ready));
    println!("  memory idle      {:>8.1} MiB   (reach 24 MiB)", median(idle));
    println!("  memory, loaded   {under_load:>8.1} MiB   (reach 120 MiB)");
    Ok(())
}

/// CPU time per callback of each, and their ratio.
async fn without_storage(mint: &Mint, orders: &Orders, folder: &Path) -> Result<(), Failure> {
    let made = orders.of(PERSONS, CALLBACKS)?;
    let (mut onecard, mut handed_over, mut node) = (vec![], vec![], vec![]);
    // A new process for each round: memory layout, for example, differs between starts.
    for _ in 0..ROUNDS {
        let letters = vec![mint.letters(made)?; REPEATS].concat();
        let told = (mint, made, letters.as_slice());
        node.push(cpu_of_a_callback(programs::node(mint, orders, false)?, told).await?);
        let checks = programs::bare(mint, folder, Way::Checks).await?;
        onecard.push(cpu_of_a_callback(checks, told).await?);
        let lanes = programs::bare(mint, folder, Way::Lanes).await?;
        handed_over.push(cpu_of_a_callback(lanes, told).await?);
    }
    let (onecard, handed_over, node) = (median(onecard), median(handed_over), median(node));
    println!("CPU of a callback without storage, against the same");
    println!("  node             {node:>8.0} µs");
    println!("  onecard          {onecard:>8.0} µs   1/{:.1}   (reach 1/5)", node / onecard);
    println!("  … with its lanes {handed_over:>8.0} µs   1/{:.1}", node / handed_over);
    Ok(())
}

async fn send((program, by): (&Program, By), letters: Vec<Vec<u8>>) -> Result<load::Done, Failure> {
    let load = Load { requests: letters, wanted: by.accepts() };
    load::send(program.port, load, CONNECTIONS).await
}

/// CPU time in microseconds, user and kernel, after a warm-up.
async fn cpu_of_a_callback(
    program: Program,
    (mint, made, letters): (&Mint, Told<'_>, &[Vec<u8>]),
) -> Result<f64, Failure> {
    programs::check_that_it_refuses(&program, mint, made).await?;
    send((&program, mint.by), letters.to_vec()).await?;
    let before = program.cpu_time()?;
    let done = send((&program, mint.by), letters.to_vec()).await?;
    let used = program.cpu_time()?.saturating_sub(before);
    program.stop()?;
    Ok(used.as_secs_f64() * 1e6 / done.answers)
}

/// The orders that a program gets callbacks for.
type Told<'a> = &'a [Made];
