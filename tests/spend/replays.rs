//! Used codes shown again, at eight tills and two servers, one of which remembers nothing, while
//! Redis is emptied, killed and started again: not one is paid. Each code's first use is a race of
//! all eight.
//!
//! `ONECARD_LONG=1` shows 100,000 again, otherwise 1,000; `ONECARD_SEED` repeats the choice of which
//! and where.

use crate::spend::shop::{CHARGES, MONEY, Shop, register, signed};
use crate::terminals::signer::{Signer, authority};
use futures_util::{StreamExt, future::join_all, stream};
use onecard::{
    base::clock::{Clock, SystemClock, Timestamp},
    passcode::{CodePurpose, Step},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use testkit::{Answer, Api, Redis, Server, TestDb};

const TILLS: u8 = 8;
const AT_ONCE: usize = 64;
/// A server closes connections that idle; a request may have been on its way there.
const TRIES: usize = 5;
/// Afterwards a code is too old to be known for what it is, and showing it counts as a guess.
const RECENT: Duration = Duration::from_mins(3);

struct Stage {
    shop: Shop,
    api: Api,
    tills: Vec<Signer>,
    used: HashSet<String>,
    recent: Vec<(Timestamp, String)>,
}

impl Stage {
    async fn open(db: &TestDb, redis: &Redis) -> Self {
        let mut shop = Shop::closed(db, "").await;
        shop.world.set("REDIS__URL", &redis.url());
        shop.world.serve_first();
        let tills = (1..=TILLS).map(|n| Signer::new(&format!("xnec/B{n}"), 10 + n));
        let tills: Vec<_> = tills.collect();
        for till in &tills {
            register(&shop.world, shop.school, till).await;
        }
        let api = shop.world.api();
        Self { shop, api, tills, used: HashSet::new(), recent: Vec::new() }
    }

    /// Shows a code at a till that asks that server, and asks again under the same number where no
    /// answer came. It signs for the first one, which is the name that both go by.
    async fn show(&self, (till, api): (usize, &Api), code: &str) -> Answer {
        let body = json!({ "seq": self.shop.seq(), "code": code, "amount_fen": 1 });
        for _ in 0..TRIES {
            let (mut headers, bytes) = signed(&self.api, &self.tills[till], CHARGES, &body);
            headers.push(("Host".to_owned(), authority(&self.api)));
            if let Ok(answer) = api.deliver(CHARGES, &headers, &bytes).await {
                return answer;
            }
        }
        panic!("no answer came");
    }

    /// Codes of this step and the next that nobody has shown.
    fn fresh(&self) -> Vec<String> {
        let now = SystemClock.now();
        let moments = [now, now.plus(Duration::from_secs(Step::DEFAULT.seconds().into()))];
        let each = self.shop.phones.iter().flat_map(|phone| {
            moments
                .into_iter()
                .flat_map(move |at| (0..4).map(move |sub| phone.digits(CodePurpose::Pay, at, sub)))
        });
        each.filter(|code| !self.used.contains(code)).collect()
    }

    /// Each fresh code at all tills at the same instant: one is paid.
    async fn race(&mut self, apis: &[Api; 2]) {
        for code in self.fresh() {
            let tills = (0..self.tills.len()).map(|till| (till, &apis[till % 2]));
            let told = join_all(tills.map(|at| self.show(at, &code))).await;
            let (paid, refused): (Vec<_>, Vec<_>) =
                told.iter().partition(|answer| answer.status == 200);
            assert_eq!(paid.len(), 1, "{:?}", told.iter().map(Answer::text).collect::<Vec<_>>());
            for answer in refused {
                answer.problem("raced", 409, "code_used");
            }
            self.recent.push((SystemClock.now(), code.clone()));
            self.used.insert(code);
        }
        let old = SystemClock.now().minus(RECENT);
        self.recent.retain(|(at, _)| *at > old);
    }

    /// Shows used codes again; answers how often each refusal was told.
    async fn replay(
        &self,
        apis: &[Api; 2],
        (rng, round): (&mut StdRng, usize),
        halfway: impl FnOnce(),
    ) -> BTreeMap<String, usize> {
        let mut halfway = Some(halfway);
        let shows: Vec<_> = (0..round)
            .map(|_| {
                let (_, code) = self.recent.choose(rng).unwrap();
                let till = rng.random_range(0..self.tills.len());
                self.show((till, &apis[rng.random_range(0..2)]), code)
            })
            .collect();
        let mut told = BTreeMap::new();
        let mut answers = stream::iter(shows).buffer_unordered(AT_ONCE).enumerate();
        while let Some((n, answer)) = answers.next().await {
            if n == round / 2
                && let Some(halfway) = halfway.take()
            {
                halfway();
            }
            let code = answer.json()["code"].as_str().unwrap_or("paid").to_owned();
            *told.entry(format!("{} {code}", answer.status)).or_default() += 1;
        }
        told
    }
}

#[tokio::test]
async fn used_codes_are_refused_whatever_redis_forgets() {
    testkit::on_postgres(used_codes_are_refused).await;
}

async fn used_codes_are_refused(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let seed = std::env::var("ONECARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("used codes: ONECARD_SEED={seed}");
    let (rounds, of_round) = if long { (40, 2500) } else { (4, 250) };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut redis = Redis::unstarted();
    redis.start().await;
    let mut stage = Stage::open(db, &redis).await;
    let (mut told, mut emptied) = (BTreeMap::new(), 0);
    for round in 0..rounds {
        emptied += usize::from(redis.empty().await);
        // It has not seen a single code yet.
        let forgetful: Server = stage.shop.world.serve();
        let apis = [stage.api.clone(), forgetful.api()];
        stage.race(&apis).await;
        let kills = round == rounds / 2;
        let halfway = || {
            if kills {
                redis.stop();
            }
        };
        for (refusal, count) in stage.replay(&apis, (&mut rng, of_round), halfway).await {
            *told.entry(refusal).or_insert(0) += count;
        }
        if round == rounds * 3 / 4 {
            redis.start().await;
        }
    }
    println!(
        "{} codes, each raced by {TILLS} tills; {} replays at {TILLS} tills and 2 servers, Redis \
         emptied {emptied} times and killed once: {told:?}",
        stage.used.len(),
        rounds * of_round,
    );
    let refusals: Vec<_> = told.keys().map(String::as_str).collect();
    assert!(
        refusals.iter().all(|told| ["409 code_used", "422 code_clock_skew"].contains(told)),
        "{told:?}"
    );
    let paid = i64::try_from(stage.used.len()).unwrap();
    assert_eq!(stage.shop.world.rows.count("charge").await, paid);
    let mut left = 0;
    for phone in &stage.shop.phones {
        left += stage.shop.total(phone.person).await;
    }
    assert_eq!(left, MONEY * i64::try_from(stage.shop.phones.len()).unwrap() - paid);
    stage.shop.is_sound().await;
}
