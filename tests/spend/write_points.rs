//! SIGKILL between any two writes of a charge, its password and its reversal: a till that asks
//! again under the same number finds each done once.
//!
//! A recorded act tells every point that there is; [`POINTS`] must name each. `ONECARD_LONG=1` dies
//! at all of them, otherwise at every fifth; `ONECARD_SEED` says beginning with which.

use crate::spend::{
    phone::Phone,
    shop::{CHARGES, MONEY, Shop, is_sound, signed, total},
};
use crate::terminals::signer::Signer;
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fs,
};
use testkit::{
    Answer, Api, PATIENCE, PEOPLE, Program, TestDb, eventually, eventually_within,
    on_each_database, sample, within,
};

on_each_database!(a_server_that_is_killed_between_any_two_writes_charges_once);

const DIE_AT: &str = "ONECARD_DIE_AT";
const RECORD: &str = "ONECARD_WRITE_POINTS";
const SIGKILL: i32 = 9;
const SAMPLE: usize = 5;
const EACH_SCAN: &str = "[spend]\npassword_each_scan = true\n";

const CHARGE: &str = "POST /terminal/v1/charges";
const REVERSAL: &str = "POST /terminal/v1/charges/{seq}/reversal";
const TX: &[&str] = &["tx:begun", "tx:statement", "tx:commit", "tx:committed"];
/// Only where there is a Redis.
const REDIS: &[&str] = &["redis:call", "redis:answered"];

/// Every write point of the acts: while what is done, and what is next. The password's tries are
/// counted in the request's own transactions.
const POINTS: &[(&str, &[&[&str]])] =
    &[(CHARGE, &[TX, REDIS]), ("charge", &[TX]), (REVERSAL, &[TX])];

async fn a_server_that_is_killed_between_any_two_writes_charges_once(db: &TestDb) {
    let mut shop = Shop::closed(db, EACH_SCAN).await;
    shop.world.use_redis(6);
    let mut program = Program::of(&shop.world, crate::ONECARD);
    let deaths = sample(record(&shop, &mut program).await, SAMPLE);
    let mut rounds = 1;
    for (name, nth) in deaths {
        let point = format!("{name}|{nth}");
        println!("{point}");
        program.start_told(DIE_AT, &point).await;
        let died = Cell::new(0);
        // The next round gets there where this one did not.
        for _ in 0..4 {
            let acts = Acts { shop: &shop, api: program.api(), round: rounds };
            rounds += 1;
            tokio::select! {
                () = within(2 * PATIENCE, acts.run()) => {}
                () = revive(&mut program, &died) => {}
            }
            if died.get() > 0 {
                break;
            }
        }
        assert_eq!(died.get(), 1, "{point}");
        is_sound(&shop.world).await;
        program.kill();
    }
    let (code, said, _) = program.run(&["verify"]).await;
    assert_eq!(code, 1, "the money that the test gave is of a kind that no room posts: {said}");
    let broken: Vec<_> = said.lines().filter(|line| line.starts_with("BROKEN")).collect();
    assert!(broken.len() == 1 && broken[0].contains("kinds of transfer"), "{said}");
    assert!(said.contains("ok      charges and postings"), "{said}");
}

/// Acts undisturbed; answers each point that it reached, and the how-manieth times of each
/// transaction's statements are worth dying at.
async fn record(shop: &Shop, program: &mut Program) -> Vec<(String, usize)> {
    let file = shop.world.path("points");
    program.start_told(RECORD, &file).await;
    Acts { shop, api: program.api(), round: 0 }.run().await;
    let with_redis = fs::read_to_string(&file).unwrap().contains("|redis:");
    let wanted = move |name: &str| with_redis || !name.contains("|redis:");
    let points_of = |(what, groups): &(&str, &[&[&str]])| {
        let points = groups.iter().flat_map(|group| group.iter());
        points.map(|point| format!("{what}|{point}")).collect::<Vec<_>>()
    };
    let expected: BTreeSet<String> =
        POINTS.iter().flat_map(points_of).filter(|name| wanted(name)).collect();
    // What nobody waits for may still be under way.
    let ours = || {
        let text = fs::read_to_string(&file).unwrap();
        let is_ours = |name: &&str| {
            let what = name.split('|').next().unwrap();
            POINTS.iter().any(|(known, _)| *known == what)
        };
        text.lines().filter(is_ours).map(str::to_owned).collect::<Vec<_>>()
    };
    let reached = eventually("every point is reached", async || {
        let reached = ours();
        let names: BTreeSet<String> = reached.iter().cloned().collect();
        names.is_superset(&expected).then_some(reached)
    })
    .await;
    let names: BTreeSet<String> = reached.iter().cloned().collect();
    assert_eq!(names, expected, "the points of the acts and those of the table");
    program.kill();
    let times = |name: &String| {
        let times = reached.iter().filter(|reached| *reached == name).count();
        let most = if name.ends_with("tx:statement") { times } else { times.min(2) };
        (1..=most).map(|nth| (name.clone(), nth)).collect::<Vec<_>>()
    };
    names.iter().flat_map(times).collect()
}

/// Starts the server again when it has died, and counts how often it did.
async fn revive(program: &mut Program, died: &Cell<usize>) {
    loop {
        let running = RefCell::new(&mut *program);
        let death = async || running.borrow_mut().death();
        // Longer than a journey may take: it may never die.
        let signal = eventually_within(5 * PATIENCE, "the server dies", death).await;
        assert_eq!(signal, SIGKILL, "{}", program.log());
        died.set(died.get() + 1);
        program.start().await;
    }
}

/// A scan, its password, a charge that is taken back; each repeated until it is answered.
struct Acts<'s> {
    shop: &'s Shop,
    api: Api,
    round: usize,
}

impl Acts<'_> {
    async fn run(&self) {
        let person = self.round % PEOPLE.len();
        let phone = &self.shop.phones[person];
        let before = total(&self.shop.world, (self.shop.school, phone.person)).await;
        let kept = self.charge(phone, person, (0, 100)).await;
        assert_eq!(kept["amount_fen"], 100);
        let back = self.charge(phone, person, (1, 250)).await;
        let seq = self.seq(1);
        let told = self.persist(&format!("{CHARGES}/{seq}/reversal"), &json!({})).await.body(200);
        assert_eq!((&told["charge_id"], &told["amount_fen"]), (&back["charge_id"], &json!(250)));
        let after = total(&self.shop.world, (self.shop.school, phone.person)).await;
        assert_eq!(after, before - 100, "charged once, and taken back once");
        assert!(after > MONEY / 2);
    }

    fn seq(&self, nth: usize) -> usize {
        2 * self.round + nth + 1
    }

    async fn charge(&self, phone: &Phone, person: usize, (nth, fen): (usize, i64)) -> Value {
        let seq = self.seq(nth);
        let code = eventually("a code that was not shown", async || phone.next_code()).await;
        let scan = json!({ "seq": seq, "code": code, "amount_fen": fen });
        let asked = self.persist(CHARGES, &scan).await.body(409);
        let password = json!({
            "seq": seq, "challenge": asked["challenge"], "amount_fen": fen,
            "password": PEOPLE[person].1,
        });
        self.persist(CHARGES, &password).await.body(200)
    }

    /// As a till does: the same body, signed anew each time, until there is an answer.
    async fn persist(&self, path: &str, body: &Value) -> Answer {
        let till: &Signer = &self.shop.tills[0];
        eventually(path, async || {
            let (headers, bytes) = signed(&self.api, till, path, body);
            let answer = self.api.deliver(path, &headers, &bytes).await.ok();
            answer.filter(|answer| answer.status < 500)
        })
        .await
    }
}
