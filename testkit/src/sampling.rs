//! A part of many cases, another one in each run.

/// One of `of` of these, another part in each run; all of them under `ONECARD_LONG=1`. `ONECARD_SEED`
/// repeats a run.
pub fn sample<T>(all: Vec<T>, of: usize) -> Vec<T> {
    if std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1") {
        println!("all {} points", all.len());
        return all;
    }
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: usize = seed.unwrap_or_else(rand::random::<u16>).into();
    let most = all.len();
    let some: Vec<_> = all.into_iter().skip(seed % of).step_by(of).collect();
    println!("ONECARD_SEED={seed} repeats these {} of {most} points", some.len());
    some
}
