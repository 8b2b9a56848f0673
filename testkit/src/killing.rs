//! Acts in whose middle the program is killed. Each death leaves a state behind that the act may leave,
//! and a repeat ends the act.

use crate::{Answer, Api, PATIENCE, Program, World, eventually_within, sample};
use std::{cell::RefCell, collections::BTreeMap, fmt::Debug, fs};

/// Where to kill the process.
const DIE_AT: &str = "ONECARD_DIE_AT";
/// The file in which it records its write points.
const RECORD: &str = "ONECARD_WRITE_POINTS";
const SIGKILL: i32 = 9;
/// In place of a point, of the act that is recorded.
const UNDISTURBED: &str = "undisturbed";
/// What every act that writes reaches.
const LEAST: [&str; 4] = ["tx:begun", "tx:statement", "tx:commit", "tx:committed"];

/// What is killed.
pub struct Killing<'a> {
    /// The deployment.
    pub world: &'a World,
    /// The act, as its write points name it.
    pub what: &'a str,
    /// A normal run dies at one of so many points.
    pub one_of: usize,
}

/// An act that is about to be made, and the states that it may leave: first what there is, last what there
/// is when it has ended.
pub struct Made<T, S> {
    /// What is asked for.
    pub wish: T,
    /// The states.
    pub states: Vec<S>,
}

impl Killing<'_> {
    /// Kills the server at points of a request, which is `None` where it was not answered.
    pub async fn server<T, S: PartialEq + Debug>(
        &self,
        program: &mut Program,
        prepare: impl AsyncFn(usize) -> Made<T, S>,
        ask: impl AsyncFn(&Api, &T) -> Option<Answer>,
        look: impl AsyncFn() -> S,
    ) {
        let done = async |program: &Program, made: &Made<T, S>, point: &str| {
            let answer = ask(&program.api(), &made.wish).await.expect("an answer");
            // A repeat may be told that there is nothing left to do.
            let is_told = answer.status == 409 && point != UNDISTURBED;
            assert!((200..300).contains(&answer.status) || is_told, "{point}: {}", answer.text());
            assert_eq!(look().await, *made.states.last().unwrap(), "{point}");
        };
        let (made, file) = (prepare(0).await, self.record_file());
        program.start_told(RECORD, &file).await;
        done(program, &made, UNDISTURBED).await;
        program.kill();
        for (n, point) in self.points(&file).into_iter().enumerate() {
            println!("{point}");
            let made = prepare(n + 1).await;
            assert_eq!(look().await, made.states[0], "{point}: before");
            program.start_told(DIE_AT, &point).await;
            let answer = ask(&program.api(), &made.wish).await;
            assert!(answer.is_none(), "{point}: it died before it answered");
            let death = {
                let running = RefCell::new(&mut *program);
                let death = async || running.borrow_mut().death();
                eventually_within(PATIENCE, "the server dies", death).await
            };
            assert_eq!(death, SIGKILL, "{point}: {}", program.log());
            let left = look().await;
            assert!(made.states.contains(&left), "{point} left {left:?}");
            program.start().await;
            done(program, &made, &point).await;
            program.kill();
            self.proven(program, &point).await;
        }
    }

    /// Kills a command at its points.
    pub async fn command<S: PartialEq + Debug>(
        &self,
        program: &Program,
        prepare: impl AsyncFn(usize) -> Made<Vec<String>, S>,
        look: impl AsyncFn() -> S,
    ) {
        let (made, file) = (prepare(0).await, self.record_file());
        let (signal, said) = program.run_told(&made.wish, (RECORD, &file)).await;
        assert_eq!(
            (signal, look().await),
            (None, made.states.into_iter().last().unwrap()),
            "{said}"
        );
        for (n, point) in self.points(&file).into_iter().enumerate() {
            println!("{point}");
            let made = prepare(n + 1).await;
            assert_eq!(look().await, made.states[0], "{point}: before");
            let (signal, said) = program.run_told(&made.wish, (DIE_AT, &point)).await;
            assert_eq!(signal, Some(SIGKILL), "{point}: {said}");
            let left = look().await;
            assert!(made.states.contains(&left), "{point} left {left:?}");
            let arguments: Vec<&str> = made.wish.iter().map(String::as_str).collect();
            let (code, out, err) = program.run(&arguments).await;
            assert_eq!(code, 0, "{point}: {out}{err}");
            assert_eq!(look().await, *made.states.last().unwrap(), "{point}");
            self.proven(program, &point).await;
        }
    }

    /// The file in which points are recorded; there is none yet.
    fn record_file(&self) -> String {
        let file = self.world.path("points");
        // There may be one of another act.
        let _ = fs::remove_file(&file);
        file
    }

    /// Each time that the recorded act reached each of its points, or a part of these.
    fn points(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let mut times = BTreeMap::<&str, usize>::new();
        for name in text.lines().filter(|name| name.split('|').next() == Some(self.what)) {
            *times.entry(name).or_default() += 1;
        }
        for point in LEAST {
            let name = format!("{}|{point}", self.what);
            assert!(times.contains_key(name.as_str()), "{name} was not reached:\n{text}");
        }
        let nth = |(name, times): (&str, usize)| {
            (1..=times).map(|nth| format!("{name}|{nth}")).collect::<Vec<_>>()
        };
        sample(times.into_iter().flat_map(nth).collect(), self.one_of)
    }

    async fn proven(&self, program: &Program, point: &str) {
        let (code, said, err) = program.run(&["verify"]).await;
        assert_eq!(code, 0, "{point}: {said}{err}");
    }
}
