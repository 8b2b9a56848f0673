//! What becomes of each job, whatever the platform answers.

use super::topped_up;
use async_trait::async_trait;
use onecard::{
    base::{
        clock::{Clock, ManualClock, SystemClock, Timestamp},
        ids::SchoolId,
        outbox::{Delivered, Delivers, Job},
    },
    messages::{
        MessageDelivery, MessageOutcome, MessageTemplate, Messenger, Messengers, Shipped,
        ShippingDelivery, StudentMessage, Telling, Told,
    },
    orders::{fact::Provider, order::PaymentId},
    schools::Schools,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(each_message_has_its_end, each_delivered_order_has_its_end);

/// A platform that answers what it is told to.
#[derive(Debug)]
struct Platform {
    app_id: String,
    template: Option<MessageTemplate>,
    answers: Mutex<MessageOutcome>,
    asked: Mutex<usize>,
}

impl Platform {
    fn of(app_id: &str, template: bool, answer: MessageOutcome) -> Arc<Self> {
        let fields = ["thing1=what".to_owned()];
        let made = || MessageTemplate::new("t".into(), &fields, |_, _| true).unwrap();
        Arc::new(Self {
            app_id: app_id.to_owned(),
            template: template.then(made),
            answers: Mutex::new(answer),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    fn answer(&self) -> MessageOutcome {
        *self.asked.lock().unwrap() += 1;
        self.answers.lock().unwrap().clone()
    }
}

#[async_trait]
impl Messenger for Platform {
    fn provider(&self) -> Provider {
        Provider::WechatPay
    }

    fn app_id(&self) -> &str {
        &self.app_id
    }

    fn template(&self, _: Told) -> Option<&MessageTemplate> {
        self.template.as_ref()
    }

    fn tells_shipping(&self) -> bool {
        self.template.is_some()
    }

    async fn send(&self, _: &StudentMessage, _: Timestamp) -> MessageOutcome {
        self.answer()
    }

    async fn tell_shipping(&self, _: &Shipped, _: Timestamp) -> MessageOutcome {
        self.answer()
    }
}

fn telling(world: &World, platform: &Arc<Platform>) -> Telling {
    let mut messengers = Messengers::default();
    messengers.add_general(Arc::<Platform>::clone(platform));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let schools = Arc::new(Schools::new(world.db.clone(), clock));
    Telling { schools, messengers: Arc::new(messengers) }
}

fn job(kind: &'static str, school: i64, subject: &str) -> Job {
    Job {
        id: uuid::Uuid::nil(),
        school: SchoolId::from_number(school),
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        tries: 1,
        leased_until: now(),
    }
}

fn later(by: Duration) -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(now().plus(by)))
}

const HOUR: Duration = Duration::from_hours(1);

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn each_message_has_its_end(db: &TestDb) {
    let world = World::start(db).await;
    let (.., payment) = topped_up(&world).await;
    let (school, number) = (world.rows.school("xnec").await, payment.out_trade_no());
    let app = world.wechat().user(0).unwrap().app_id;
    let unpaid = world.student(1).await.order(1000, "unpaid").await.body(201);
    let unpaid = world.out_trade_no(&unpaid).await;
    let stranger = PaymentId::new(now()).out_trade_no();
    let (taken, refused) =
        (MessageOutcome::Taken, MessageOutcome::Refused { code: "43101".into() });
    let unknown = |wait| MessageOutcome::Unknown { wait };
    let (day, almost) = (24 * HOUR, 23 * HOUR);
    let cases = [
        ("taken", (&app, true), &number, Duration::ZERO, taken.clone(), Delivered::Done, 1),
        ("refused", (&app, true), &number, HOUR, refused, Delivered::Refused, 1),
        (
            "no answer",
            (&app, true),
            &number,
            HOUR,
            unknown(None),
            Delivered::Unknown { wait: None },
            1,
        ),
        (
            "too many",
            (&app, true),
            &number,
            HOUR,
            unknown(Some(HOUR)),
            Delivered::Unknown { wait: Some(HOUR) },
            1,
        ),
        ("a day old", (&app, true), &number, almost, taken.clone(), Delivered::Done, 1),
        ("too old", (&app, true), &number, day + HOUR, taken.clone(), Delivered::Refused, 0),
        ("turned off", (&app, false), &number, HOUR, taken.clone(), Delivered::Refused, 0),
        ("not paid", (&app, true), &unpaid, HOUR, taken.clone(), Delivered::Refused, 0),
        ("unknown", (&app, true), &stranger, HOUR, taken.clone(), Delivered::Refused, 0),
    ];
    for (name, (app, template), subject, age, answer, expected, asked) in cases {
        let platform = Platform::of(app, template, answer);
        let delivery = MessageDelivery {
            told: Told::Credited,
            telling: telling(&world, &platform),
            db: world.db.clone(),
            clock: later(age),
        };
        let delivered = delivery.deliver(&job("message_credited", school, subject)).await;
        assert_eq!((delivered, platform.asked()), (expected, asked), "{name}");
    }
    let other = Platform::of("wx-another-app", true, taken);
    let delivery = MessageDelivery {
        told: Told::Refunded,
        telling: telling(&world, &other),
        db: world.db.clone(),
        clock: later(HOUR),
    };
    for subject in [number.as_str(), "", "not-a-number"] {
        let delivered = delivery.deliver(&job("message_refunded", school, subject)).await;
        assert_eq!((delivered, other.asked()), (Delivered::Refused, 0), "{subject}");
    }
    let credited = MessageDelivery { told: Told::Credited, ..delivery };
    let delivered = credited.deliver(&job("message_credited", school, &number)).await;
    assert_eq!((delivered, other.asked()), (Delivered::Refused, 0), "paid in another app");
}

async fn each_delivered_order_has_its_end(db: &TestDb) {
    let world = World::start(db).await;
    let (.., payment) = topped_up(&world).await;
    let (school, number) = (world.rows.school("xnec").await, payment.out_trade_no());
    let app = world.wechat().user(0).unwrap().app_id;
    let delivery = |platform: &Arc<Platform>| ShippingDelivery {
        telling: telling(&world, platform),
        db: world.db.clone(),
        clock: later(Duration::from_hours(48)),
    };
    let cases = "SELECT detail FROM review_case WHERE kind = 'shipping' AND closed_at IS NULL";

    let lost = Platform::of(&app, true, MessageOutcome::Unknown { wait: None });
    let mut job = job("shipping", school, &number);
    let told = delivery(&lost);
    assert_eq!(told.deliver(&job).await, Delivered::Unknown { wait: None });
    assert_eq!(world.rows.texts(cases).await, [""; 0]);
    // Its tries are used up: staff hear of it, once.
    job.tries = 14;
    for _ in 0..2 {
        world.db.in_tx(async |tx| told.report(tx, &job, now()).await).await.unwrap();
    }
    assert_eq!(world.rows.texts(cases).await, ["no answer after 14 tries"]);
    *lost.answers.lock().unwrap() = MessageOutcome::Taken;
    assert_eq!(told.deliver(&job).await, Delivered::Done);
    assert_eq!(world.rows.texts(cases).await, [""; 0]);

    let refusing = Platform::of(&app, true, MessageOutcome::Refused { code: "1".into() });
    assert_eq!(delivery(&refusing).deliver(&job).await, Delivered::Refused);
    // Not configured any more: the platform keeps the money until somebody tells it.
    let off = Platform::of(&app, false, MessageOutcome::Taken);
    let elsewhere = Platform::of("wx-another-app", true, MessageOutcome::Taken);
    for platform in [off, elsewhere] {
        let untold = delivery(&platform).deliver(&job).await;
        assert_eq!((untold, platform.asked()), (Delivered::Unknown { wait: None }, 0));
    }
}
