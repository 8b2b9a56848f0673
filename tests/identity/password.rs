//! Changing the query password, by each school's rule.

use crate::identity::support::{self, OWN, XIAOMEI, change, notices, portal, visitor};
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    new_passwords_are_what_the_school_asks_for,
    some_schools_change_passwords_at_the_counter_only,
    a_change_ends_what_the_old_password_opened,
);

async fn new_passwords_are_what_the_school_asks_for(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "ynart").await;
    let (strong, plain) = (world.login(9).await, world.student(0).await);
    strong.bind("ynart", (XIAOMEI.0, XIAOMEI.2)).await.body(201);
    let cases = [
        ("123456", 422, 204),
        ("654321", 422, 204),
        ("111111", 422, 204),
        ("83619", 422, 422),
        ("8361940", 422, 422),
        ("83619x", 422, 422),
        ("８３６１９４", 422, 422),
    ];
    let (mut now_strong, mut now_plain) = (XIAOMEI.2, "170026");
    for (new, by_strong, by_plain) in cases {
        for (who, old, status) in
            [(&strong, &mut now_strong, by_strong), (&plain, &mut now_plain, by_plain)]
        {
            let answer = change(who, old, new).await;
            assert_eq!(answer.status, status, "{new}: {}", answer.text());
            if status == 204 {
                *old = new;
            } else {
                let problem = answer.problem(new, 422, "pin_weak");
                assert_eq!(problem["errors"][0]["pointer"], "/new_password");
            }
        }
    }
    change(&plain, "170026", OWN).await.problem("the first", 422, "password_wrong");
    // A wrong old password does not tell whether the new one is the default.
    change(&plain, "000000", "170026").await.problem("a guess", 422, "password_wrong");
    change(&strong, "000000", XIAOMEI.2).await.problem("a guess", 422, "password_wrong");
    assert_eq!(change(&strong, XIAOMEI.2, OWN).await.status, 204);
    for _ in 0..5 {
        change(&strong, XIAOMEI.2, OWN).await.problem("spent", 422, "password_wrong");
    }
    let slowed = change(&strong, OWN, "836195").await;
    slowed.problem("the sixth", 429, "too_many_tries");
    assert!(slowed.header("retry-after").is_some());
}

async fn some_schools_change_passwords_at_the_counter_only(db: &TestDb) {
    let world = World::start(db).await;
    support::import(&world.db, "csmzxy").await;
    let student = world.login(0).await;
    let mut claim = testkit::claim("csmzxy", "2024101001", "120212");
    claim["name"] = "彭雅婷".into();
    student.bind_with(&claim).await.body(201);
    for old in ["120212", "000000"] {
        let refused = change(&student, old, OWN).await;
        refused.problem(old, 403, "password_change_offline_only");
    }
    assert_eq!(
        world.rows.number("SELECT COUNT(*) FROM person WHERE password_hash IS NOT NULL").await,
        0
    );
}

async fn a_change_ends_what_the_old_password_opened(db: &TestDb) {
    let world = World::start(db).await;
    let old = ("2301001", "170026");
    let (student, visitor) = (world.student(0).await, visitor(&world, "xnec", old).await);
    assert_eq!(visitor.me().await.status, 200);
    assert_eq!(change(&student, old.1, OWN).await.status, 204);
    super::sessions::ends(&visitor).await;
    portal(&world, "xnec", old).await.problem("the old one", 401, "sign_in_refused");
    let back = support::visitor(&world, "xnec", (old.0, OWN)).await;
    assert_eq!(notices(&back).await, ["password_changed"]);
    assert_eq!(notices(&student).await, Vec::<String>::new(), "who did it knows");
}
