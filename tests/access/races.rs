//! Loss reports race readings at doors on two servers: each reading is before the report or refused, and
//! none opens once the report was answered. And one code at two doors at once.

use crate::{
    access::yard::{DOORS, Yard, identity},
    spend::phone::Phone,
};
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
    schools::{People, PersonKeys, School, Schools},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use testkit::{Api, KEY, PEOPLE, TestDb, on_each_database};

on_each_database!(no_door_opens_after_the_report, one_of_two_doors_of_a_group_opens);

struct Field {
    yard: Yard,
    apis: [Api; 2],
    school: Arc<School>,
    people: People,
    sealer: Sealer,
    opened: AtomicUsize,
    refused: AtomicUsize,
}

impl Field {
    /// One race of a report against two readings, and two readings after its answer.
    async fn race(&self, nth: usize) {
        let db = &self.yard.shop.world.db;
        let found = self.people.find_by_student_no(self.school.id, PEOPLE[nth].0).await;
        let person = &found.unwrap().unwrap();
        let phone = Phone::of(db, (self.school.id, "xnec"), person.id).await;
        let codes: Vec<String> = (0..6).map(|n| identity(&phone, n)).collect();
        let ask = async |server: usize, code: &str| {
            let door = ["MAIN", "D1"][server];
            self.yard.ask_at(&self.apis[server], door, code).await
        };
        // Both servers know the phone.
        for server in [0, 1] {
            assert_eq!(ask(server, &codes[4 + server]).await, "open");
        }
        let report = async {
            let now = SystemClock.now();
            let new = counter::lost(db, &self.school, person, &self.sealer, now).await.unwrap();
            assert!(new);
            join(ask(0, &codes[2]), ask(1, &codes[3])).await
        };
        let (one, two, (three, four)) = join3(ask(0, &codes[0]), ask(1, &codes[1]), report).await;
        for after in [&three, &four] {
            assert_eq!(after, "account_lost");
        }
        for racing in [&one, &two] {
            if racing == "open" {
                self.opened.fetch_add(1, Ordering::SeqCst);
            } else {
                assert_eq!(racing, "account_lost");
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
        // A second reading of what opened before is after the report, too.
        let again = ask(0, &codes[0]).await;
        // Later than a second reading may be, it is a used code.
        assert!(["account_lost", "code_used"].contains(&again.as_str()), "{again}");
        assert!(counter::found(db, &self.school, person, SystemClock.now()).await.unwrap());
    }
}

async fn no_door_opens_after_the_report(db: &TestDb) {
    let long = std::env::var("ONECARD_LONG").is_ok_and(|long| long == "1");
    let rounds = if long { 10_000 / PEOPLE.len() + 1 } else { 10 };
    let yard = Yard::open(db, DOORS).await;
    let lines: Vec<String> =
        PEOPLE.iter().map(|(number, _)| format!("{number},一号楼,,,")).collect();
    yard.allocate(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    // SQLite has one server.
    let second = (!db.url.starts_with("sqlite")).then(|| yard.shop.world.serve());
    let first = yard.shop.world.api();
    let apis = [first.clone(), second.as_ref().map_or(first, testkit::Server::api)];
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let world_db = yard.shop.world.db.clone();
    let schools = Schools::new(world_db.clone(), Arc::new(SystemClock));
    let field = Field {
        school: schools.by_code("xnec").await.unwrap().unwrap(),
        people: People::new(world_db, keys.index.clone()),
        sealer: keys.sealer.clone(),
        yard,
        apis,
        opened: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
    };
    for _ in 0..rounds {
        join_all((0..PEOPLE.len()).map(|nth| field.race(nth))).await;
    }
    let (opened, refused) =
        (field.opened.load(Ordering::SeqCst), field.refused.load(Ordering::SeqCst));
    println!("{} races: {opened} readings before the report, {refused} after", rounds * 6);
    let entries = "SELECT COUNT(*) FROM access_log WHERE decision = 'open'";
    let entries = field.yard.shop.world.rows.number(entries).await;
    assert_eq!(entries, i64::try_from(opened + 2 * PEOPLE.len() * rounds).unwrap());
}

async fn one_of_two_doors_of_a_group_opens(db: &TestDb) {
    let yard = Yard::open(db, DOORS).await;
    yard.allocate(&["2301001,一号楼,,,"]).await.unwrap();
    for _ in 0..6 {
        let code = yard.identity(0);
        let (one, two) = join(yard.ask("D1", &code), yard.ask("D1b", &code)).await;
        let mut said = [one, two];
        said.sort();
        assert_eq!(said, ["code_used", "open"]);
    }
}
