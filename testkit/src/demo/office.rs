//! Colleagues of whoever tries the demo: they ask for refunds and decide them.

use super::{SCHOOL, place::Place};
use crate::{Answer, http_client, secret_of};
use onecard::{
    base::crypto::totp::TotpSecret,
    passwords::TryCounts,
    schools::PersonKeys,
    staff_accounts::{NewStaff, StaffRegistry, StaffRoles},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

const FIRST_PASSWORD: &str = "printed for colleagues";
const PASSWORD: &str = "chosen by colleagues";

/// A member of staff.
pub(super) struct Colleague {
    login: &'static str,
    secret: TotpSecret,
}

/// A member of staff who is signed in.
pub(super) struct Seat<'a> {
    place: &'a Place,
    token: String,
}

impl Seat<'_> {
    pub(super) async fn get(&self, path: &str) -> Value {
        self.ask(&format!("GET {path}"), None).await.body(200)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask(&format!("POST {path}"), Some(body)).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        answer.json()
    }

    async fn ask(&self, line: &str, body: Option<&Value>) -> Answer {
        let key = Uuid::new_v4().simple().to_string();
        self.place.api.try_ask(&self.token, (line, &key), body).await.unwrap()
    }

    /// Sends a roster.
    pub(super) async fn send_roster(&self, name: &str, file: String) {
        let address = self.place.api.address();
        let path = format!("http://{address}/api/v1/staff/roster-imports?file_name={name}");
        let request = http_client().post(path).header("Content-Type", "text/csv").body(file);
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }
}

impl Colleague {
    /// Adds a login, and signs in the first time.
    pub(super) async fn hire(
        place: &Place,
        (login, number, role): (&'static str, &str, &str),
    ) -> Self {
        let keys = &place.app.config.keys;
        let keys = PersonKeys::new(keys.data.clone(), keys.index.clone());
        let db = place.app.db.clone();
        let counts = TryCounts::new(db.clone(), keys.index);
        let registry = StaffRegistry { db, sealer: keys.sealer, counts };
        let new = NewStaff {
            school: place.school,
            login: login.parse().unwrap(),
            staff_no: number.parse().unwrap(),
            roles: StaffRoles::new([role.parse().unwrap()]),
            password: SecretString::from(FIRST_PASSWORD),
        };
        let slip = registry.add(new, place.now()).await.unwrap();
        let printed = Self { login, secret: secret_of(&slip.secret()) };
        let offered = printed.sign_in(place, FIRST_PASSWORD).await;
        let own = Self { login, secret: secret_of(offered["secret"].as_str().unwrap()) };
        own.sign_in(place, FIRST_PASSWORD).await;
        own
    }

    async fn sign_in(&self, place: &Place, password: &str) -> Value {
        let mut body = json!({ "school": SCHOOL, "login": self.login, "password": password,
            "totp": self.secret.code(place.now()).to_string() });
        if password == FIRST_PASSWORD {
            body["new_password"] = PASSWORD.into();
        }
        place.api.post("/api/v1/staff/auth/login", &body).await.body(200)
    }

    /// Signs in.
    pub(super) async fn sit_down<'a>(&self, place: &'a Place) -> Seat<'a> {
        let granted = self.sign_in(place, PASSWORD).await;
        Seat { place, token: granted["access_token"].as_str().unwrap().to_owned() }
    }

    /// Signs in and posts.
    async fn post(&self, place: &Place, path: &str, body: &Value) -> Value {
        self.sit_down(place).await.post(path, body).await
    }

    /// Asks for a refund of an order; returns the request's id.
    pub(super) async fn ask(
        &self,
        place: &Place,
        (order, fen): (Uuid, i64),
        reason: &str,
    ) -> String {
        let body = json!({ "order_id": order, "amount_fen": fen, "reason": reason });
        let asked = self.post(place, "/api/v1/staff/refunds", &body).await;
        asked["id"].as_str().unwrap().to_owned()
    }

    /// Approves or rejects a request for a refund.
    pub(super) async fn decide(&self, place: &Place, request: &str, act: &str) {
        let path = format!("/api/v1/staff/refunds/{request}/{act}");
        self.post(place, &path, &json!({ "reason": "已与本人核对" })).await;
    }
}
