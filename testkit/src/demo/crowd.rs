//! People of the school who use the app.

use super::{Demo, SCHOOL, place::Place};
use crate::{PATIENCE, Rows, Student, claim, eventually, within};
use serde_json::{Value, json};
use std::fs;
use uuid::Uuid;

/// What everybody chose in place of the first password.
const PASSWORD: &str = "836194";
/// The number of the first of these users in the sandbox: those before are for whoever tries the demo.
const FIRST_USER: u32 = 100;
/// People of the roster who are left alone, for whoever tries the demo.
const UNTOUCHED: usize = 2;

/// Somebody with a phone and some money.
pub(super) struct Somebody {
    /// The student number.
    pub(super) number: String,
    /// About what there is to spend.
    pub(super) fen: i64,
    /// In Alipay rather than in WeChat.
    pub(super) by_alipay: bool,
    /// The first top-up: the number of its payment, and what it was.
    first: Option<(String, i64)>,
    student: Student,
}

/// A top-up that was paid.
pub(super) struct ToppedUp {
    pub(super) order: Uuid,
    /// The number of its payment at the provider.
    pub(super) number: String,
}

/// The numbers and ID numbers of the roster, in its order.
pub(super) fn on_roster(demo: &Demo) -> Vec<(String, String)> {
    let roster = fs::read_to_string(&demo.roster).unwrap();
    let rows = roster.lines().skip(1).map(|line| {
        let mut fields = line.split(',');
        let (number, _, id) = (fields.next(), fields.next(), fields.next());
        (number.unwrap().to_owned(), id.unwrap().to_owned())
    });
    rows.collect()
}

/// The first so many who can bind.
pub(super) fn with_phones(demo: &Demo) -> Vec<(String, String)> {
    let able = on_roster(demo).into_iter().skip(UNTOUCHED).filter(|(_, id)| !id.is_empty());
    able.take(demo.people).collect()
}

impl Somebody {
    /// Signs in, every third by Alipay, binds, and replaces the first password, which the school's rule takes
    /// from the ID number.
    pub(super) async fn join(place: &Place, nth: usize, (number, id): (String, String)) -> Self {
        let user = FIRST_USER + u32::try_from(nth).unwrap();
        let by_alipay = nth % 3 == 2;
        let student = sign_in(place, user, by_alipay).await;
        let digits = id.trim_end_matches('X');
        let first = &digits[digits.len() - 6..];
        student.bind_with(&claim(SCHOOL, &number, first)).await.body(201);
        let change = json!({ "old_password": first, "new_password": PASSWORD });
        let changed = student.post("/api/v1/me/query-password", &change).await;
        assert_eq!(changed.status, 204, "{}", changed.text());
        Self { number, fen: 0, by_alipay, first: None, student }
    }

    /// A new access token: the last one is an evening old.
    async fn wake(&mut self, place: &Place) {
        let granted = self.student.refresh(&self.student.refresh_token).await.body(200);
        self.student = Student::of(&place.api, &granted);
    }

    /// A code of the phone, to pay or to pass.
    async fn code(&mut self, place: &Place, purpose: &str) -> String {
        self.wake(place).await;
        let code = self.student.get(&format!("/api/v1/passcode/{purpose}")).await.body(200);
        code["code"].as_str().unwrap().to_owned()
    }

    /// Pays at a till.
    pub(super) async fn pay(&mut self, place: &Place, till: &str, fen: i64) -> bool {
        let code = self.code(place, "pay").await;
        let paid = place.charge(till, &code, (fen, PASSWORD)).await;
        self.fen -= if paid { fen } else { 0 };
        paid
    }

    /// Shows a code at a door.
    pub(super) async fn pass(&mut self, place: &Place, door: &str) {
        let code = self.code(place, "id").await;
        place.pass(door, &code).await;
    }

    /// Tops up, and is credited.
    pub(super) async fn top_up(&mut self, place: &Place, rows: &Rows, fen: i64) -> ToppedUp {
        let order = self.order(place, fen).await;
        let topped_up = self.pay_order(place, rows, &order).await;
        self.fen += fen;
        self.first.get_or_insert_with(|| (topped_up.number.clone(), fen));
        topped_up
    }

    /// Somebody gives the first top-up back in the merchant's console, past the program, though most of it
    /// was spent.
    pub(super) async fn is_given_back(&self, place: &Place) {
        let (number, fen) = self.first.as_ref().unwrap();
        let pay = &place.sandbox().wechat_pay;
        pay.refund_in_console(number, *fen).unwrap();
        let told = async || pay.refunds_of(number).iter().any(|it| it.accepted > 0).then_some(());
        eventually("the server is told", told).await;
    }

    /// Orders a top-up and never pays.
    pub(super) async fn order(&mut self, place: &Place, fen: i64) -> Value {
        self.wake(place).await;
        let funding = if self.by_alipay { "alipay" } else { "wechat_pay" };
        let wish = json!({ "purpose": "card_top_up", "funding": funding, "amount_fen": fen,
            "query_password": PASSWORD });
        let key = Uuid::new_v4().simple().to_string();
        self.student.order_with(&wish, &key).await.unwrap().body(201)
    }

    async fn pay_order(&self, place: &Place, rows: &Rows, order: &Value) -> ToppedUp {
        let id: Uuid = order["id"].as_str().unwrap().parse().unwrap();
        let number = rows.payment_of(id).await.simple().to_string();
        if self.by_alipay {
            pay_by_alipay(place, &number).await;
        } else {
            pay(place, &number).await;
        }
        ToppedUp { order: id, number }
    }

    /// Pays one order twice, as on two phones; returns the number of the second payment.
    pub(super) async fn pay_twice(&mut self, place: &Place, rows: &Rows, fen: i64) -> String {
        let order = self.order(place, fen).await;
        let id: Uuid = order["id"].as_str().unwrap().parse().unwrap();
        let first = rows.payment_of(id).await;
        self.student.try_again(&order, &Uuid::new_v4().simple().to_string()).await.body(201);
        let both = rows.payments_of(id).await;
        let second = both.into_iter().find(|payment| *payment != first).unwrap();
        pay(place, &first.simple().to_string()).await;
        let second = second.simple().to_string();
        pay(place, &second).await;
        self.fen += fen;
        second
    }

    /// Reports the card as lost, or takes the report back.
    pub(super) async fn report_loss(&mut self, place: &Place, is_found: bool) {
        self.wake(place).await;
        let path = if is_found { "/cancel" } else { "" };
        let path = format!("/api/v1/card/loss-reports{path}");
        let answer = self.student.post(&path, &json!({ "query_password": PASSWORD })).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    }
}

async fn sign_in(place: &Place, user: u32, by_alipay: bool) -> Student {
    let sandbox = place.sandbox();
    let now = sandbox.clock.now();
    if by_alipay {
        let code = sandbox.alipay.issue_code(&sandbox.alipay.user(user).unwrap(), now);
        return place.api.login_by("alipay", &code).await;
    }
    let code = sandbox.wechat.issue_code(&sandbox.wechat.user(user).unwrap(), now);
    place.api.login(&code).await
}

async fn pay_by_alipay(place: &Place, number: &str) {
    let alipay = &place.sandbox().alipay;
    alipay.pay(number).unwrap();
    within(PATIENCE, alipay.until(number, |trade| trade.accepted == 1)).await;
}

async fn pay(place: &Place, number: &str) {
    let pay = &place.sandbox().wechat_pay;
    pay.pay(number).unwrap();
    within(PATIENCE, pay.until(number, |payment| payment.accepted == 1)).await;
}
