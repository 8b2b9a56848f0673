//! What happens on which day.

use super::{
    Demo, SCHOOL,
    crowd::{Somebody, ToppedUp, on_roster, with_phones},
    office::Colleague,
    place::Place,
    requests::{self, Colleagues},
};
use crate::{Rows, eventually, serving::at_rest};
use futures_util::future::join_all;
use onecard::{
    base::clock::{Day, Timestamp},
    orders::fact::Provider,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sandbox::wechat_pay::{RefundEnd, RefundMode};
use std::time::Duration;

/// Between two groups of people at the tills.
const GROUPS: Duration = Duration::from_secs(45);
/// Who has less tops up in the evening.
const LITTLE: i64 = 2_500;

/// The weeks, as far as they were lived.
pub(super) struct Weeks<'a> {
    pub(super) place: Place,
    rows: &'a Rows,
    people: Vec<Somebody>,
    colleagues: Colleagues,
    chance: StdRng,
    first: Day,
    last: u16,
    until: Timestamp,
    /// The top-ups of the evening before.
    topped_up: Vec<ToppedUp>,
}

impl<'a> Weeks<'a> {
    /// Everybody joins, and tops up.
    pub(super) async fn begin(place: Place, rows: &'a Rows, demo: &Demo) -> Self {
        let first = place.now().day();
        // Every tenth lives elsewhere.
        let residents = on_roster(demo).into_iter().enumerate().filter(|(nth, _)| nth % 10 != 9);
        let residents: Vec<_> = residents.map(|(_, (number, _))| number).collect();
        place.let_in(residents.iter().map(String::as_str)).await;
        let mut people = Vec::new();
        for (nth, of) in with_phones(demo).into_iter().enumerate() {
            let mut somebody = Somebody::join(&place, nth, of).await;
            somebody.top_up(&place, rows, 5_000 + 2_500 * i64::try_from(nth % 4).unwrap()).await;
            people.push(somebody);
        }
        let colleagues = Colleagues {
            office: Colleague::hire(&place, ("colleague", "9101", "card_office")).await,
            finance: Colleague::hire(&place, ("accountant", "9102", "finance")).await,
            admin: Colleague::hire(&place, ("secretary", "9103", "admin")).await,
        };
        let chance = StdRng::seed_from_u64(u64::try_from(first.number()).unwrap());
        let (last, until, topped_up) = (demo.days, demo.until, Vec::new());
        Self { place, rows, people, colleagues, chance, first, last, until, topped_up }
    }

    /// One day, the first is 0.
    pub(super) async fn live(&mut self, nth: u16) {
        let day = Day::from_number(self.first.number() + i32::from(nth));
        if self.comes(day, 7, 10).await {
            self.meal(6, 300..900).await;
        }
        if self.comes(day, 10, 30).await && nth > 0 {
            self.compare(day).await;
        }
        if self.comes(day, 10, 45).await {
            self.happens(nth).await;
        }
        if self.comes(day, 11, 50).await {
            self.meal(12, 800..1_900).await;
        }
        if self.comes(day, 14, 30).await {
            self.pass("L1", 4).await;
        }
        if self.comes(day, 17, 40).await {
            self.meal(8, 700..1_600).await;
        }
        if self.comes(day, 20, 0).await {
            self.top_up(nth).await;
        }
        if self.comes(day, 21, 50).await {
            self.pass("G1", 8).await;
        }
        at_rest(self.rows).await;
        let app = &self.place.app;
        app.journeys.terminals.write_contacts(&app.db).await.unwrap();
    }

    /// The last minutes: what waits for whoever tries the demo.
    pub(super) async fn end(&mut self) {
        self.place.turn_to(self.until).await;
        let numbers: Vec<_> = self.people.iter().map(|somebody| &*somebody.number).collect();
        requests::ask(&self.place, self.rows, &self.colleagues, &numbers).await;
        at_rest(self.rows).await;
    }

    /// Waits for a moment of a day; false if it is after the last.
    async fn comes(&self, day: Day, hours: u64, minutes: u64) -> bool {
        let moment = day.start().plus(Duration::from_mins(hours * 60 + minutes));
        if moment >= self.until {
            return false;
        }
        self.place.turn_to(moment).await;
        true
    }

    /// The tills that are used on a day: one falls silent, and one is switched off.
    fn tills(&self) -> &'static [&'static str] {
        let left = self.until.day().number() - self.place.now().day().number();
        match left {
            14.. => &["T1", "T2", "T3", "T4"],
            9..14 => &["T1", "T2", "T3"],
            _ => &["T1", "T2"],
        }
    }

    async fn meal(&mut self, most: usize, prices: std::ops::Range<i64>) {
        let tills = self.tills();
        self.people.shuffle(&mut self.chance);
        let most = most.min(self.people.len());
        for group in self.people[..most].chunks_mut(tills.len()) {
            let place = &self.place;
            let prices: Vec<_> =
                group.iter().map(|_| self.chance.random_range(prices.clone())).collect();
            let paying = group.iter_mut().zip(tills).zip(prices);
            join_all(paying.map(|((somebody, till), fen)| somebody.pay(place, till, fen))).await;
            if self.chance.random_range(0..40) == 0 {
                place.reverse("T2").await;
            }
            place.turn_to(place.now().plus(GROUPS)).await;
        }
    }

    async fn pass(&mut self, door: &str, most: usize) {
        self.people.shuffle(&mut self.chance);
        for somebody in self.people.iter_mut().take(most) {
            somebody.pass(&self.place, door).await;
            self.place.turn_to(self.place.now().plus(Duration::from_secs(20))).await;
        }
    }

    /// Whoever has little tops up; on each evening somebody does.
    async fn top_up(&mut self, nth: u16) {
        self.topped_up.clear();
        // Of yesterday's and of three days ago: WeChat Pay lost one.
        let left = self.last - nth.min(self.last);
        let loses = left == 1 || left == 3;
        self.people.sort_by_key(|somebody| (loses && somebody.by_alipay, somebody.fen));
        for (place_in_line, somebody) in self.people.iter_mut().enumerate() {
            if place_in_line >= 2 && somebody.fen >= LITTLE {
                continue;
            }
            let fen = [5_000, 10_000, 20_000][self.chance.random_range(0..3)];
            self.topped_up.push(somebody.top_up(&self.place, self.rows, fen).await);
        }
        if loses {
            let lost = &self.topped_up[0];
            assert!(self.place.sandbox().wechat_pay.forget(&lost.number));
        }
        if left == 1 {
            self.people[0].order(&self.place, 5_000).await;
        }
    }

    /// Compares the bills of the day before.
    async fn compare(&self, today: Day) {
        let journeys = &self.place.app.journeys;
        let school = journeys.schools.by_code(SCHOOL).await.unwrap().unwrap();
        let yesterday = Day::from_number(today.number() - 1);
        for provider in [Provider::WechatPay, Provider::Alipay] {
            let room = &journeys.reconciliation;
            room.reconcile(&school, provider, yesterday, &|_| {}).await.unwrap();
        }
    }

    /// What is out of the ordinary, counted from the last day.
    async fn happens(&mut self, nth: u16) {
        let (place, rows) = (&self.place, self.rows);
        let left = self.last - nth;
        // What happens here happens at WeChat Pay.
        self.people.sort_by_key(|somebody| somebody.by_alipay);
        match left {
            12 => place.switch_off("T4").await,
            8 => {
                self.people[0].report_loss(place, false).await;
                self.people[0].report_loss(place, true).await;
            }
            // Who lost a card for good neither eats nor tops up any more.
            9 => self.people.remove(3).report_loss(place, false).await,
            5 => self.give_back().await,
            // What was paid twice goes back by itself; of the second one the way back is closed.
            2 => {
                self.people[1].pay_twice(place, rows, 5_000).await;
                at_rest(rows).await;
                let wechat_pay = &place.sandbox().wechat_pay;
                wechat_pay.set_refund_mode(RefundMode::ByHand);
                let second = self.people[2].pay_twice(place, rows, 10_000).await;
                let refund =
                    eventually("it is given back", async || wechat_pay.refunds_of(&second).pop())
                        .await;
                wechat_pay.end_refund(&refund.out_refund_no, RefundEnd::Abnormal).unwrap();
                wechat_pay.set_refund_mode(RefundMode::Succeed);
                self.until_counted("review_case WHERE closed_at IS NULL AND refund_id IS NOT NULL")
                    .await;
            }
            1 => {
                self.people.remove(2).report_loss(place, false).await;
                // Nor does who owes.
                self.people.sort_by_key(|somebody| (somebody.by_alipay, somebody.fen));
                self.people.remove(0).is_given_back(place).await;
                self.ask_for_more().await;
            }
            _ => {}
        }
    }

    /// A refund that two persons agree on, and one that they do not.
    async fn give_back(&self) {
        let [first, second, ..] = &self.topped_up[..] else { return };
        let refused =
            self.colleagues.office.ask(&self.place, (second.order, 1_000), "充错了").await;
        self.place.turn_to(self.place.now().plus(Duration::from_mins(1))).await;
        let asked =
            self.colleagues.office.ask(&self.place, (first.order, 1_500), "充错了，本人申请").await;
        self.colleagues.finance.decide(&self.place, &asked, "approve").await;
        self.place.turn_to(self.place.now().plus(Duration::from_mins(1))).await;
        self.colleagues.finance.decide(&self.place, &refused, "reject").await;
        self.until_counted("refund WHERE state = 'done'").await;
    }

    /// Waits until there is such a row.
    async fn until_counted(&self, what: &str) {
        eventually(what, async || (self.rows.count(what).await > 0).then_some(())).await;
    }

    /// Refunds that wait for a second person.
    async fn ask_for_more(&self) {
        for (topped_up, reason) in self.topped_up.iter().zip(["充错了卡", "即将毕业离校"])
        {
            self.colleagues.office.ask(&self.place, (topped_up.order, 2_000), reason).await;
            self.place.turn_to(self.place.now().plus(Duration::from_mins(1))).await;
        }
    }
}
