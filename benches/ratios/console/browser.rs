//! A browser of a member of staff, as far as measuring needs one.

use crate::{
    charges::campus::{Campus, SCHOOL},
    postings::Failure,
    program::KEY,
};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            totp::TotpSecret,
        },
    },
    passwords::TryCounts,
    schools::PersonKeys,
    staff_accounts::{NewStaff, StaffRegistry, StaffRole, StaffRoles},
};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use testkit::{http_client, secret_of};

const PRINTED: &str = "printed horse 0";
const CHOSEN: &str = "correct horse 1";
const PATIENCE: Duration = Duration::from_mins(5);
const POLL: Duration = Duration::from_millis(250);

#[derive(Clone)]
pub struct Browser {
    client: Client,
    base_url: String,
    cookies: Arc<Mutex<String>>,
    /// For what is asked as JSON.
    token: String,
}

impl Browser {
    /// Adds a login with all roles and signs it in.
    pub async fn sign_in(campus: &Campus, port: u16) -> Result<Self, Failure> {
        let printed = secret_of(&add(campus).await?);
        let client = http_client().clone();
        let base_url = format!("http://127.0.0.1:{port}");
        let token = String::new();
        let mut browser = Self { client, base_url, cookies: Arc::default(), token };
        let form = [
            ("school", SCHOOL.to_owned()),
            ("login", "li".to_owned()),
            ("password", PRINTED.to_owned()),
            ("totp", code(&printed)),
        ];
        let offered = browser.send("/staff/sign-in", &form).await?.text().await?;
        let own = secret_of(between(&offered, "<code>", "</code>")?);
        let form = [
            ("sealed", between(&offered, "name=\"sealed\" value=\"", "\"")?.to_owned()),
            ("totp", code(&own)),
            ("new_password", CHOSEN.to_owned()),
            ("repeated", CHOSEN.to_owned()),
        ];
        browser.send("/staff/sign-in/first", &form).await?;
        // Each code is good once; that of the next step is good as well.
        let next = own.code(SystemClock.now().plus(Duration::from_secs(30))).to_string();
        let body = json!({ "school": SCHOOL, "login": "li", "password": CHOSEN, "totp": next });
        let asked = format!("{}/api/v1/staff/auth/login", browser.base_url);
        let granted = browser.client.post(asked).json(&body).send().await?.error_for_status()?;
        let granted: Value = granted.json().await?;
        granted
            .pointer("/access_token")
            .and_then(Value::as_str)
            .ok_or("no token")?
            .clone_into(&mut browser.token);
        Ok(browser)
    }

    pub async fn get(&self, path: &str) -> Result<Response, Failure> {
        self.ask(self.client.get(format!("{}{path}", self.base_url))).await
    }

    /// A page.
    pub async fn page(&self, path: &str) -> Result<String, Failure> {
        let answer = self.get(path).await?;
        if answer.status() != 200 {
            return Err(format!("{path}: {}", answer.status()).into());
        }
        Ok(answer.text().await?)
    }

    /// Sends a form of this page; answers where it led.
    pub async fn submit(
        &self,
        of: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let page = self.page(of).await?;
        let mut form = vec![("csrf", between(&page, "name=\"csrf\" value=\"", "\"")?.to_owned())];
        form.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        led_to(self.send(path, &form).await?).await
    }

    /// Sends a file from this page; answers where it led.
    pub async fn upload(&self, of: &str, file: &str) -> Result<String, Failure> {
        let page = self.page(of).await?;
        let csrf = between(&page, "name=\"csrf\" value=\"", "\"")?;
        let body = format!(
            "--boundary\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
             --boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\
             Content-Type: text/csv\r\n\r\n{file}\r\n--boundary--\r\n"
        );
        let request = self.client.post(format!("{}{of}", self.base_url)).body(body);
        let request = request.header("Content-Type", "multipart/form-data; boundary=boundary");
        led_to(self.ask(request.header("Origin", &self.base_url)).await?).await
    }

    /// What a form of this page is answered with.
    pub async fn answered(&self, page: &str, path: &str) -> Result<String, Failure> {
        let csrf = between(page, "name=\"csrf\" value=\"", "\"")?.to_owned();
        let form = [("csrf", csrf), ("reason", "失物".to_owned())];
        let answer = self.send(path, &form).await?;
        if answer.status() != 200 {
            return Err(format!("{path}: {}", answer.status()).into());
        }
        Ok(answer.text().await?)
    }

    /// What the preview of these limits says of whom they hit.
    pub async fn previewed(&self, (meal, day): (u32, u32)) -> Result<String, Failure> {
        let policy = format!("{}/api/v1/staff/policy", self.base_url);
        let now = self.client.get(&policy).bearer_auth(&self.token);
        let now: Value = now.send().await?.error_for_status()?.json().await?;
        let base = now.pointer("/newest_seq").ok_or("no version")?;
        let changes = json!({ "limits.meal_fen": meal, "limits.day_fen": day,
            "limits.over_limit": "refuse" });
        let asked = self.client.post(format!("{policy}/preview"));
        let asked =
            asked.bearer_auth(&self.token).json(&json!({ "base": base, "changes": changes }));
        let said: Value = asked.send().await?.error_for_status()?.json().await?;
        Ok(said.pointer("/impacts").ok_or("no impacts")?.to_string())
    }

    /// Asks for a page until it no longer says this.
    pub async fn until_gone(&self, path: &str, word: &str) -> Result<String, Failure> {
        let until = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < until {
            let page = self.page(path).await?;
            if !page.contains(word) {
                return Ok(page);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(format!("{path} goes on").into())
    }

    async fn send(&self, path: &str, form: &[(&str, String)]) -> Result<Response, Failure> {
        let request = self.client.post(format!("{}{path}", self.base_url)).form(form);
        self.ask(request.header("Origin", &self.base_url)).await
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let cookies = || self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = cookies().clone();
        let answer = request.header("Cookie", sent).send().await?;
        for set in answer.headers().get_all("set-cookie") {
            let (pair, _) = set.to_str()?.split_once(';').ok_or("no cookie")?;
            if pair.starts_with("__Host-onecard-staff=") && !pair.ends_with('=') {
                pair.clone_into(&mut cookies());
            }
        }
        Ok(answer)
    }
}

async fn led_to(answer: Response) -> Result<String, Failure> {
    let location = answer.headers().get("location").map(|to| to.to_str().map(str::to_owned));
    match location {
        Some(to) => Ok(to?),
        None => Err(format!("{}: {:.500}", answer.status(), answer.text().await?).into()),
    }
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Result<&'a str, Failure> {
    let rest = text.split_once(before).ok_or_else(|| format!("no {before} in {text}"))?.1;
    Ok(rest.split_once(after).ok_or("no end")?.0)
}

fn code(secret: &TotpSecret) -> String {
    secret.code(SystemClock.now()).to_string()
}

async fn add(campus: &Campus) -> Result<String, Failure> {
    let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
    let keys = PersonKeys::new(ring(), ring());
    let db = campus.db().clone();
    let counts = TryCounts::new(db.clone(), keys.index);
    let registry = StaffRegistry { db, sealer: keys.sealer, counts };
    let new = NewStaff {
        school: campus.school,
        login: "li".parse()?,
        staff_no: "1001".parse()?,
        roles: StaffRoles::new(StaffRole::ALL),
        password: PRINTED.into(),
    };
    let slip = registry.add(new, SystemClock.now()).await?;
    Ok(slip.secret().to_string())
}
