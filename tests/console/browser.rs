//! A browser without scripts: cookies, redirects, and the forms of pages.

use crate::staff::support::{FIRST_PASSWORD, PASSWORD, add, code, secret_of};
use onecard::base::crypto::totp::TotpSecret;
use std::{collections::BTreeMap, sync::Mutex};
use testkit::{Api, Program, World, http_client};

/// A browser at a server.
#[derive(Debug)]
pub struct Browser {
    base_url: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page, or where the browser was sent.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub location: String,
    pub html: String,
    pub headers: BTreeMap<String, String>,
}

impl Browser {
    pub fn at(world: &World) -> Self {
        Self::at_api(&world.api())
    }

    /// The same at a server that is a program of its own.
    pub fn at_program(program: &Program) -> Self {
        Self::at_api(&program.api())
    }

    fn at_api(api: &Api) -> Self {
        let base_url = format!("http://{}", api.address());
        Self { base_url, cookies: Mutex::default() }
    }

    /// A browser in which somebody with these roles is signed in, and their second factor.
    pub async fn of(
        world: &World,
        login: &str,
        staff_no: &str,
        roles: &[&str],
    ) -> (Self, TotpSecret) {
        Self::at(world).enrolled(world, (login, staff_no), roles).await
    }

    /// This browser, in which somebody new with these roles is signed in, and their second factor.
    pub async fn enrolled(
        self,
        world: &World,
        (login, staff_no): (&str, &str),
        roles: &[&str],
    ) -> (Self, TotpSecret) {
        let school = world.rows.school("xnec").await;
        let printed = add(&world.db, school, (login, staff_no, roles)).await;
        let browser = self;
        let offered = browser.sign_in(login, FIRST_PASSWORD, &code(&printed, 0)).await;
        let own = offered.between("<code>", "</code>");
        let own = secret_of(&own);
        let form = [
            ("sealed", offered.field("sealed")),
            ("totp", code(&own, 0)),
            ("new_password", PASSWORD.to_owned()),
            ("repeated", PASSWORD.to_owned()),
        ];
        let entered = browser.send("/staff/sign-in/first", &form).await;
        assert!(entered.with(200).says("我已保存"));
        let unused = "UPDATE staff_member SET factor_step = 0 WHERE login = $1";
        world.rows.change(unused, [login.into()]).await;
        (browser, own)
    }

    pub async fn sign_in(&self, login: &str, password: &str, totp: &str) -> Page {
        let form = [("school", "xnec"), ("login", login), ("password", password), ("totp", totp)]
            .map(|(name, value)| (name, value.to_owned()));
        self.send("/staff/sign-in", &form).await
    }

    pub async fn get(&self, path: &str) -> Page {
        self.ask(http_client().get(self.url(path))).await
    }

    /// Sends a form as it is, from a page of the server.
    pub async fn send(&self, path: &str, form: &[(&str, String)]) -> Page {
        self.send_from(&self.base_url, path, form).await
    }

    /// Sends a form from a page of this origin.
    pub async fn send_from(&self, origin: &str, path: &str, form: &[(&str, String)]) -> Page {
        let request = http_client().post(self.url(path)).form(form).header("Origin", origin);
        self.ask(request.header("Referer", format!("{}/staff/doors", self.base_url))).await
    }

    /// Sends a form with the token of `page`.
    pub async fn submit(&self, page: &Page, path: &str, form: &[(&str, &str)]) -> Page {
        let mut fields = vec![("csrf", page.field("csrf"))];
        fields.extend(form.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.send(path, &fields).await
    }

    /// Sends a form with a file, with the token of `page` before it.
    pub async fn send_file(&self, page: &Page, path: &str, (name, file): (&str, &[u8])) -> Page {
        let csrf = page.field("csrf");
        let head = format!(
            "--boundary\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
             --boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/csv\r\n\r\n"
        );
        let body = [head.as_bytes(), file, b"\r\n--boundary--\r\n"].concat();
        let request = http_client().post(self.url(path)).body(body);
        let request = request.header("Content-Type", "multipart/form-data; boundary=boundary");
        let request = request.header("Origin", &self.base_url);
        self.ask(request.header("Referer", self.url("/staff/roster-imports"))).await
    }

    /// Follows where it was sent.
    pub async fn follow(&self, page: &Page) -> Page {
        assert_eq!(page.status, 303, "{}", page.html);
        self.get(&page.location).await
    }

    /// Takes over the cookies of another browser.
    pub fn steal(&self, from: &Self) {
        *self.cookies.lock().unwrap() = from.cookies.lock().unwrap().clone();
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = request.header("Cookie", cookies.join("; ")).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for set in headers.get_all("set-cookie") {
            self.keep(set.to_str().unwrap());
        }
        let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        let named = [
            "content-security-policy",
            "cache-control",
            "content-type",
            "referrer-policy",
            "content-disposition",
            "refresh",
        ];
        Page {
            status,
            location: text("location").unwrap_or_default(),
            headers: named
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), text(name)?)))
                .collect(),
            html: answer.text().await.unwrap(),
        }
    }

    /// A browser keeps `__Host-` cookies only where they are as the name promises.
    fn keep(&self, set: &str) {
        let (pair, attributes) = set.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let attributes: Vec<&str> = attributes.split(';').map(str::trim).collect();
        for needed in ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(attributes.contains(&needed), "{set}");
        }
        assert!(name.starts_with("__Host-"), "{set}");
        let mut cookies = self.cookies.lock().unwrap();
        if attributes.contains(&"Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Page {
    /// The page, which must have this status.
    pub fn with(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.html);
        self
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        self.between(&format!("name=\"{name}\" value=\""), "\"")
    }

    pub fn between(&self, before: &str, after: &str) -> String {
        let (_, rest) =
            self.html.split_once(before).unwrap_or_else(|| panic!("{before}: {}", self.html));
        rest.split_once(after).unwrap().0.to_owned()
    }

    pub fn says(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// Whether what is wrong leads to fields, each of which is on the page.
    pub fn leads_to_its_fields(&self) -> bool {
        let wrong = self.between("<div class=\"wrong\"", "</div>");
        let fields = wrong.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
        let fields: Vec<&str> = fields.collect();
        !fields.is_empty() && fields.iter().all(|field| self.says(&format!(" id=\"{field}\"")))
    }
}

/// An address as one reads it: `%E4%BA%BA` and `+` as what they stand for.
pub fn plain(address: &str) -> String {
    let spaced = address.replace('+', " ");
    let mut parts = spaced.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}
