//! Loss reports race scans on two servers: each scan is before the report or refused, and none is
//! accepted once the report was answered.

use crate::spend::{
    phone::Phone,
    shop::{CHARGES, Shop, signed},
};
use crate::terminals::signer::authority;
use futures_util::future::{join, join_all, join3};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            seal::Sealer,
        },
    },
    cardlife::counter,
    schools::{People, Person, PersonKeys, School, Schools},
};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use testkit::{Answer, Api, KEY, PEOPLE, TestDb, on_each_database};

on_each_database!(no_scan_is_accepted_after_the_report);

/// The two servers, and what the counter needs.
struct Field {
    shop: Shop,
    apis: [Api; 2],
    school: Arc<School>,
    people: People,
    sealer: Sealer,
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Field {
    /// A charge at one of the servers; both go by the name of the first.
    async fn scan(&self, server: usize, code: &str) -> Answer {
        let body = json!({ "seq": self.shop.seq(), "code": code, "amount_fen": 1 });
        let till = &self.shop.tills[server];
        let (mut headers, bytes) = signed(&self.apis[0], till, CHARGES, &body);
        headers.push(("Host".to_owned(), authority(&self.apis[0])));
        self.apis[server].deliver(CHARGES, &headers, &bytes).await.unwrap()
    }

    /// One race of a report against two scans, and two scans after its answer.
    async fn race(&self, person: &Person) {
        let db = &self.shop.world.db;
        let phone = Phone::of(db, (self.shop.school, "xnec"), person.id).await;
        let codes: Vec<_> = (0..6).map(|_| phone.code()).collect();
        // Both servers know the phone.
        for server in [0, 1] {
            assert_eq!(self.scan(server, &codes[4 + server]).await.status, 200);
        }
        let report = async {
            let now = SystemClock.now();
            let new = counter::lost(db, &self.school, person, &self.sealer, now).await.unwrap();
            assert!(new);
            join(self.scan(0, &codes[2]), self.scan(1, &codes[3])).await
        };
        let (one, two, (three, four)) =
            join3(self.scan(0, &codes[0]), self.scan(1, &codes[1]), report).await;
        for after in [&three, &four] {
            refused(after);
        }
        for racing in [&one, &two] {
            if racing.status == 200 {
                self.accepted.fetch_add(1, Ordering::SeqCst);
            } else {
                refused(racing);
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
        let found = counter::found(db, &self.school, person, SystemClock.now()).await.unwrap();
        assert!(found);
    }
}

/// As lost, whether or not the server has heard that the phone's keys have ended.
pub fn refused(answer: &Answer) {
    answer.problem("after the report", 422, "account_lost");
}

async fn no_scan_is_accepted_after_the_report(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let rounds = if long { 10_000 / PEOPLE.len() + 1 } else { 10 };
    let shop = Shop::open(db, "").await;
    // SQLite has one server.
    let second = (!db.url.starts_with("sqlite")).then(|| shop.world.serve());
    let first = shop.world.api();
    let apis = [first.clone(), second.as_ref().map_or(first, testkit::Server::api)];
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let world_db = shop.world.db.clone();
    let schools = Schools::new(world_db.clone(), Arc::new(SystemClock));
    let field = Field {
        school: schools.by_code("xnec").await.unwrap().unwrap(),
        people: People::new(world_db, keys.index.clone()),
        sealer: keys.sealer.clone(),
        shop,
        apis,
        accepted: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
    };
    for _ in 0..rounds {
        let races = PEOPLE.iter().map(async |(number, _)| {
            let found = field.people.find_by_student_no(field.shop.school, number).await;
            field.race(&found.unwrap().unwrap()).await;
        });
        join_all(races).await;
    }
    let (accepted, refused) =
        (field.accepted.load(Ordering::SeqCst), field.refused.load(Ordering::SeqCst));
    println!("{} races: {accepted} scans before the report, {refused} after it", rounds * 6);
    let charged = field.shop.world.rows.count("charge").await;
    assert_eq!(charged, i64::try_from(accepted + 2 * PEOPLE.len() * rounds).unwrap());
    field.shop.is_sound().await;
}
