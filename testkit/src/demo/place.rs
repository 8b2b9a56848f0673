//! A server and a sandbox of their own, on the database of `make run`, with one clock that is turned; and
//! the terminals of the school.

use super::{Demo, SCHOOL};
use crate::{
    Api,
    serving::{serve, serve_sandbox},
    threads::Thread,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::{
    access::allocation::AllocationImport,
    app::App,
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::ed25519::Ed25519Key,
        ids::SchoolId,
    },
    terminals::{
        NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal, switch_terminal,
    },
    wiring::Settings,
};
use sandbox::{
    Options, Running, Sandbox, keys,
    till::{TillAct, TillKey, TillRefusal},
};
use std::{fmt::Write as _, io::Cursor, net::TcpListener, sync::Arc, time::Duration};

/// Tills with the code and the name of their merchant. The key of the first is the sandbox's; nobody has
/// the others' afterwards.
const TILLS: [(&str, &str, &str); 4] = [
    ("T1", "canteen-1", "第一食堂"),
    ("T2", "canteen-2", "第二食堂"),
    ("T3", "shop", "校园超市"),
    ("T4", "snacks", "清真窗口"),
];
/// The group of the sandbox's gate.
const HOUSE: &str = "东三栋";
const LIBRARY: &str = "图书馆";

/// The server, the sandbox and their clock. Fields are dropped in order.
pub(super) struct Place {
    pub(super) app: Arc<App>,
    pub(super) api: Api,
    pub(super) school: SchoolId,
    clock: Arc<ManualClock>,
    until: Timestamp,
    _server: Thread,
    sandbox: Arc<Running>,
    _sandbox: Thread,
}

/// The sandbox's clock is the server's.
#[derive(Debug)]
struct SameClock(Arc<ManualClock>);

impl sandbox::clock::Clock for SameClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_micros(self.0.now().micros()).unwrap()
    }
}

impl Place {
    pub(super) async fn open(demo: &Demo) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let first = demo.until.day().start().minus(Duration::from_hours(24) * demo.days.into());
        let clock = Arc::new(ManualClock::new(first.plus(Duration::from_hours(6))));
        let mut options = Options::new(keys::generate(&demo.sandbox).unwrap());
        options.clock = Arc::new(SameClock(Arc::clone(&clock)));
        options.server.clone_from(&base_url);
        options.tills.extend(TILLS.iter().skip(1).map(|(id, ..)| fresh_key(id)));
        let (tills, gates) = (options.tills.clone(), options.gates.clone());
        let (sandbox, sandbox_thread) = Thread::start(async || serve_sandbox(options).await);
        let variables = variables(demo, sandbox.base_url(), &base_url);
        let settings = Settings::load(demo.config.as_deref(), variables.into_iter()).unwrap();
        let ticks: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let (app, server) = Thread::start(async || serve(settings, listener, ticks).await);
        let school = app.journeys.schools.by_code(SCHOOL).await.unwrap();
        let place = Self {
            api: Api::at(&base_url),
            school: school.expect("the school is imported").id,
            app,
            clock,
            until: demo.until,
            _server: server,
            sandbox,
            _sandbox: sandbox_thread,
        };
        place.register(&tills, &gates).await;
        place
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        self.sandbox.sandbox()
    }

    /// Turns the clock forward to this moment, or to the last one.
    pub(super) async fn turn_to(&self, moment: Timestamp) {
        let moment = moment.min(self.until);
        if moment > self.now() {
            self.clock.advance(moment.distance(self.now()));
        }
        self.app.journeys.codes.refresh().await.unwrap();
    }

    async fn register(&self, tills: &[TillKey], gates: &[TillKey]) {
        for (_, code, name) in TILLS {
            let (code, name) = (code.parse().unwrap(), name.parse().unwrap());
            let merchant = NewMerchant { school: self.school, code, name };
            add_merchant(&self.app.db, &merchant, self.now()).await.unwrap();
        }
        for key in tills.iter().chain(gates).filter(|key| key.school == SCHOOL) {
            let till = TILLS.iter().find(|(id, ..)| *id == key.id);
            let (kind, group) = match key.id.as_str() {
                "G1" => (TerminalKind::Gate, Some(HOUSE)),
                "L1" => (TerminalKind::Library, Some(LIBRARY)),
                _ => (TerminalKind::Pos, None),
            };
            let new = NewTerminal {
                school: self.school,
                code: key.id.parse().unwrap(),
                kind,
                key: Ed25519Key::from_spki_pem(key.public_pem().unwrap().as_bytes()).unwrap(),
                merchant: till.map(|(_, merchant, _)| merchant.parse().unwrap()),
                door_group: group.map(|group| group.parse().unwrap()),
            };
            add_terminal(&self.app.db, &new, true, self.now()).await.unwrap();
        }
    }

    /// Gives these people the right to enter the house.
    pub(super) async fn let_in(&self, numbers: impl Iterator<Item = &str>) {
        let mut file = "student_no,door_group\n".to_owned();
        for number in numbers {
            writeln!(file, "{number},{HOUSE}").unwrap();
        }
        let import = AllocationImport {
            db: &self.app.db,
            school: self.school,
            groups: &[],
            clock: &*self.clock,
        };
        import.run(Cursor::new(file)).await.unwrap();
    }

    /// Switches a terminal off.
    pub(super) async fn switch_off(&self, till: &str) {
        let terminal = (self.school, &till.parse().unwrap());
        switch_terminal(&self.app.db, terminal, false, self.now()).await.unwrap();
    }

    /// A charge of whoever shows the code, with the query password. True if it was paid.
    pub(super) async fn charge(
        &self,
        till: &str,
        code: &str,
        (fen, password): (i64, &str),
    ) -> bool {
        let charge = TillAct::Charge { code: code.to_owned(), amount_fen: fen };
        let (status, asked) = self.act(till, charge).await;
        if asked != "password_required" {
            return status == 200;
        }
        self.act(till, TillAct::Password(password.to_owned())).await.0 == 200
    }

    /// Takes the till's last charge back, where it was paid.
    pub(super) async fn reverse(&self, till: &str) {
        match self.sandbox().tills.act((SCHOOL, till), TillAct::Reverse, None).await {
            Ok(_) | Err(TillRefusal::NothingCharged) => {}
            Err(refusal) => panic!("{refusal}"),
        }
    }

    /// The status and the code of the answer.
    async fn act(&self, till: &str, act: TillAct) -> (u16, String) {
        let (tills, of) = (&self.sandbox().tills, (SCHOOL, till));
        let mut report = tills.act(of, act.clone(), None).await;
        if matches!(report, Err(TillRefusal::Away(_))) {
            report = tills.act(of, act, None).await;
        }
        let mut report = report.unwrap();
        // The clock was turned since the till last looked at it.
        if report.pending {
            report = tills.act(of, TillAct::Repeat, None).await.unwrap();
        }
        let answer = report.answer.expect("the server answers");
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Shows a code at a door.
    pub(super) async fn pass(&self, door: &str, code: &str) {
        let (gates, of) = (&self.sandbox().gates, (SCHOOL, door));
        let scanned = gates.scan(of, code, None).await;
        match scanned {
            Ok(report) if report.pending => drop(gates.repeat(SCHOOL, door).await),
            Ok(_) => {}
            Err(_) => drop(gates.scan(of, code, None).await),
        }
    }
}

/// The configuration, with the demo's own server and sandbox. Messages are turned on: nobody agreed to
/// them, so that they are refused.
fn variables(demo: &Demo, sandbox: &str, server: &str) -> Vec<(String, String)> {
    let host = sandbox.trim_start_matches("http://");
    let own = [
        ("SERVER__LISTEN", server.trim_start_matches("http://").to_owned()),
        ("SERVER__PUBLIC_URL", server.to_owned()),
        ("WECHAT__API_BASE_URL", sandbox.to_owned()),
        ("WECHAT__CREDITED_TEMPLATE_ID", "sandbox-credited-template".to_owned()),
        (
            "WECHAT__CREDITED_FIELDS",
            "amount1=amount,time2=time,thing3=what,character_string4=number".to_owned(),
        ),
        ("WECHAT_PAY__BASE_URL", sandbox.to_owned()),
        ("WECHAT_PAY__BILL_HOSTS", host.to_owned()),
        ("ALIPAY__GATEWAY_URL", format!("{sandbox}/gateway.do")),
        ("ALIPAY__BILL_HOSTS", host.to_owned()),
        ("LOCKS__BASE_URL", format!("{sandbox}/locks")),
    ];
    let own = own.map(|(name, value)| (format!("ONECARD__{name}"), value));
    let given = demo.variables.iter();
    let given = given.filter(|(name, _)| own.iter().all(|(own, _)| own != name)).cloned();
    given.chain(own.clone()).collect()
}

/// A till's key that exists in this process only.
fn fresh_key(id: &str) -> TillKey {
    // What stands before the 32 bytes of a key in PKCS#8 (RFC 8410).
    let head: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    let der = BASE64_STANDARD.encode([&head[..], &rand::random::<[u8; 32]>()].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    TillKey::from_pem(SCHOOL, id, &pem).unwrap()
}
