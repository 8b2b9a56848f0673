//! Members of staff of a test, and their authenticator apps.

use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::{
            hasher::PasswordHasher,
            keyring::{Key32, KeyRing, NamedKey},
            totp::TotpSecret,
        },
        db::Db,
        ids::SchoolId,
    },
    passwords::TryCounts,
    schools::{PersonKeys, Schools},
    staff_accounts::{
        NewStaff, StaffAccounts, StaffAccountsSetup, StaffRegistry, StaffRole, StaffRoles,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
pub use testkit::secret_of;
use testkit::{Answer, Api, KEY, World, now};

/// What members of staff chose at their first sign-in.
pub const PASSWORD: &str = "correct horse 1";
/// What the operator gave.
pub const FIRST_PASSWORD: &str = "printed horse 0";

/// Logins as the commands change them, with the keys of the tests' deployments.
pub fn registry(db: &Db) -> StaffRegistry {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let counts = TryCounts::new(db.clone(), keys.index);
    StaffRegistry { db: db.clone(), sealer: keys.sealer, counts }
}

/// A server of its own, by this clock, that writes refusals when it is told to.
pub fn server(world: &World, clock: &Arc<ManualClock>) -> StaffAccounts {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    StaffAccounts::new(StaffAccountsSetup {
        db: world.db.clone(),
        schools: Arc::new(Schools::new(world.db.clone(), Arc::clone(&clock))),
        counts: TryCounts::new(world.db.clone(), keys.index),
        sealer: keys.sealer,
        jwt: ring(),
        for_strangers: PasswordHasher::new(1, Duration::from_mins(1)),
        for_clients: PasswordHasher::new(1, Duration::from_mins(1)),
        clock,
    })
}

pub fn role(name: &str) -> StaffRole {
    name.parse().unwrap()
}

/// Adds a login; returns the printed secret.
pub async fn add(
    db: &Db,
    school: i64,
    (login, staff_no, roles): (&str, &str, &[&str]),
) -> TotpSecret {
    let new = NewStaff {
        school: SchoolId::from_number(school),
        login: login.parse().unwrap(),
        staff_no: staff_no.parse().unwrap(),
        roles: StaffRoles::new(roles.iter().map(|name| role(name))),
        password: SecretString::from(FIRST_PASSWORD),
    };
    let slip = registry(db).add(new, now()).await.unwrap();
    secret_of(&slip.secret())
}

/// The code so many steps from now: those of the step before and after are good as well.
pub fn code(secret: &TotpSecret, steps: i64) -> String {
    let now: Timestamp = now();
    let by = Duration::from_secs(30 * steps.unsigned_abs());
    let at = if steps < 0 { now.minus(by) } else { now.plus(by) };
    secret.code(at).to_string()
}

/// The body of a sign-in at `xnec`.
pub fn login_body(login: &str, totp: &str) -> Value {
    json!({ "school": "xnec", "login": login, "password": PASSWORD, "totp": totp })
}

/// The same at the first sign-in.
pub fn first_body(login: &str, totp: &str) -> Value {
    let mut body = login_body(login, totp);
    body["password"] = FIRST_PASSWORD.into();
    body["new_password"] = PASSWORD.into();
    body
}

pub async fn sign_in(api: &Api, body: &Value) -> Answer {
    api.post("/api/v1/staff/auth/login", body).await
}

/// A member of staff who is signed in.
#[derive(Clone, Debug)]
pub struct Member {
    pub api: Api,
    pub secret: TotpSecret,
    pub access_token: String,
    pub refresh_token: String,
    pub client_token: String,
}

impl Member {
    pub fn of(api: &Api, secret: &TotpSecret, granted: &Value) -> Self {
        let text = |name: &str| granted[name].as_str().unwrap().to_owned();
        Self {
            api: api.clone(),
            secret: secret.clone(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            client_token: text("client_token"),
        }
    }

    /// Signs in the first time: with the printed secret, then with the login's own. Its codes of now are
    /// not used yet.
    pub async fn enrol(world: &World, login: &str, printed: &TotpSecret) -> Self {
        Self::enrol_as(world, login, printed, first_body).await
    }

    /// The same with these requests.
    pub async fn enrol_as(
        world: &World,
        login: &str,
        printed: &TotpSecret,
        body: fn(&str, &str) -> Value,
    ) -> Self {
        Self::enrol_there((&world.api(), world), (login, printed), body).await
    }

    /// The same at a server that is a program of its own.
    pub async fn enrol_at(of: (&Api, &World), login: &str, printed: &TotpSecret) -> Self {
        Self::enrol_there(of, (login, printed), first_body).await
    }

    async fn enrol_there(
        (api, world): (&Api, &World),
        (login, printed): (&str, &TotpSecret),
        body: fn(&str, &str) -> Value,
    ) -> Self {
        let offered = sign_in(api, &body(login, &code(printed, 0))).await.body(200);
        assert_eq!(offered["must_enrol_factor"], true, "{offered}");
        let own = secret_of(offered["secret"].as_str().unwrap());
        let granted = sign_in(api, &body(login, &code(&own, 0))).await.body(200);
        let unused = "UPDATE staff_member SET factor_step = 0 WHERE login = $1";
        world.rows.change(unused, [login.into()]).await;
        Self::of(api, &own, &granted)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(&format!("POST {path}"), "k", Some(body)).await
    }

    pub async fn ask(&self, line: &str, key: &str, body: Option<&Value>) -> Answer {
        self.api.try_ask(&self.access_token, (line, key), body).await.unwrap()
    }

    pub async fn refresh(&self) -> Answer {
        let body = json!({ "refresh_token": self.refresh_token });
        self.api.post("/api/v1/staff/auth/refresh", &body).await
    }
}
