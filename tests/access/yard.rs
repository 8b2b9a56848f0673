//! A school with doors and desks beside its tills.

use crate::{
    spend::{
        phone::Phone,
        shop::{Shop, signed},
    },
    terminals::signer::{Signer, authority},
};
use onecard::{
    access::allocation::{AllocationError, AllocationImport, AllocationReport},
    base::{
        clock::{Clock, SystemClock, Timestamp},
        crypto::ed25519::Ed25519Key,
    },
    passcode::CodePurpose,
    schools::policy::Policy,
    terminals::{DoorGroup, NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal},
};
use serde_json::{Value, json};
use std::{collections::HashMap, io::Cursor, sync::Mutex};
use testkit::{Answer, Api, TestDb, World};

pub const ACCESS: &str = "/terminal/v1/access";

/// Identity codes of people with a right; a gate for everybody; a house that payment codes open too.
pub const DOORS: &str = "[doors]\n\
    groups = [\n\
    { name = \"校门\", right_needed = false },\n\
    { name = \"三号楼\", accepts = [\"identity\", \"payment\"] },\n\
    ]\n";

/// Code, kind, group, merchant, seed of the key.
type Terminal = (&'static str, TerminalKind, Option<&'static str>, Option<&'static str>, u8);
const TERMINALS: [Terminal; 9] = [
    ("D1", TerminalKind::Gate, Some("一号楼"), None, 21),
    ("D1b", TerminalKind::Gate, Some("一号楼"), None, 22),
    ("D2", TerminalKind::Gate, Some("二号楼"), None, 23),
    ("D3", TerminalKind::Gate, Some("三号楼"), None, 24),
    ("MAIN", TerminalKind::Gate, Some("校门"), None, 25),
    ("ALONE", TerminalKind::Gate, None, None, 26),
    ("DESK", TerminalKind::Library, Some("图书馆"), Some("lib"), 27),
    ("DESK0", TerminalKind::Library, None, None, 28),
    ("WATER", TerminalKind::Water, None, None, 29),
];

/// The shop with its tills `T1` to `T3` and the gate `G1`, and these.
pub struct Yard {
    pub shop: Shop,
    signers: HashMap<&'static str, Signer>,
    shown: Mutex<HashMap<usize, usize>>,
}

impl Yard {
    /// With this table of doors in the school's policy.
    pub async fn open(db: &TestDb, doors: &str) -> Self {
        let mut yard = Box::pin(Self::closed(db, doors)).await;
        yard.shop.world.serve_first();
        yard
    }

    /// The same, without a server.
    pub async fn closed(db: &TestDb, doors: &str) -> Self {
        let shop = Shop::closed(db, "").await;
        set_doors(&shop.world, doors).await;
        let now = SystemClock.now();
        let merchant = NewMerchant {
            school: shop.school,
            code: "lib".parse().unwrap(),
            name: "图书馆".parse().unwrap(),
        };
        add_merchant(&shop.world.db, &merchant, now).await.unwrap();
        let mut signers = HashMap::new();
        for (code, kind, group, merchant, seed) in TERMINALS {
            let signer = Signer::new(&format!("xnec/{code}"), seed);
            let new = NewTerminal {
                school: shop.school,
                code: code.parse().unwrap(),
                kind,
                key: Ed25519Key::from_spki_pem(signer.public_pem().as_bytes()).unwrap(),
                merchant: merchant.map(|code| code.parse().unwrap()),
                door_group: group.map(|group| group.parse().unwrap()),
            };
            add_terminal(&shop.world.db, &new, false, now).await.unwrap();
            signers.insert(code, signer);
        }
        Self { shop, signers, shown: Mutex::default() }
    }

    pub fn signer(&self, code: &str) -> &Signer {
        match code {
            "T1" => &self.shop.tills[0],
            "G1" => &self.shop.gate,
            _ => &self.signers[code],
        }
    }

    /// Posts to a path as one of the terminals.
    pub async fn send(&self, terminal: &str, path: &str, body: &Value) -> Answer {
        crate::spend::shop::send(&self.shop.world, self.signer(terminal), path, body).await
    }

    /// Shows a code to a door, under a number of its own.
    pub async fn show(&self, door: &str, code: &str) -> Answer {
        self.send(door, ACCESS, &json!({ "seq": self.shop.seq(), "code": code })).await
    }

    /// What a door says of a code: `open`, or why not.
    pub async fn ask(&self, door: &str, code: &str) -> String {
        said(&self.show(door, code).await)
    }

    /// The same at another server, which goes by the name of the first.
    pub async fn ask_at(&self, api: &Api, door: &str, code: &str) -> String {
        let body = json!({ "seq": self.shop.seq(), "code": code });
        let first = self.shop.world.api();
        let (mut headers, bytes) = signed(&first, self.signer(door), ACCESS, &body);
        headers.push(("Host".to_owned(), authority(&first)));
        said(&api.deliver(ACCESS, &headers, &bytes).await.unwrap())
    }

    /// An identity code of a person that was not shown before, good now: of twelve.
    pub fn identity(&self, nth: usize) -> String {
        let n = {
            let mut shown = self.shown.lock().unwrap();
            let n = shown.entry(nth).or_default();
            *n += 1;
            *n - 1
        };
        assert!(n < 12, "more codes than a phone shows");
        identity(&self.shop.phones[nth], n)
    }

    /// Replaces the allocation of the groups in these lines: `student_no,door_group,from,until,hours`.
    pub async fn allocate(&self, lines: &[&str]) -> Result<AllocationReport, AllocationError> {
        let head = "student_no,door_group,from,until,hours".to_owned();
        let file = std::iter::once(head).chain(lines.iter().map(|line| (*line).to_owned()));
        let file = file.collect::<Vec<_>>().join("\n");
        self.import(file, &[]).await
    }

    pub async fn import(
        &self,
        file: String,
        groups: &[DoorGroup],
    ) -> Result<AllocationReport, AllocationError> {
        let (db, school) = (&self.shop.world.db, self.shop.school);
        let import = AllocationImport { db, school, groups, clock: &SystemClock };
        import.run(Cursor::new(file)).await
    }

    pub async fn set_person(&self, nth: usize, set: &str) {
        let sql = format!("UPDATE person SET {set} WHERE id = $1");
        let person = self.shop.phones[nth].person.uuid();
        self.shop.world.change(&sql, [person.into()]).await;
    }
}

/// The nth identity code of a phone that is good now: of the present step, the next and the last.
pub fn identity(phone: &Phone, nth: usize) -> String {
    let (now, step) = (SystemClock.now(), std::time::Duration::from_secs(15));
    let at: Timestamp = [now, now.plus(step), now.minus(step)][nth / 4];
    phone.digits(CodePurpose::Id, at, nth % 4)
}

/// `open`, the reason of a refusal, or the code of a problem.
pub fn said(answer: &Answer) -> String {
    let body = answer.json();
    if answer.status != 200 {
        return format!("{} {}", answer.status, body["code"].as_str().unwrap_or_default());
    }
    match (body["decision"].as_str(), body["reason"].as_str()) {
        (Some("open"), None) => "open".to_owned(),
        (Some("refuse"), Some(reason)) => reason.to_owned(),
        _ => panic!("{body}"),
    }
}

/// The school's policy with this table in the place of its own `[doors]`.
pub fn policy(doors: &str) -> Policy {
    let text = include_str!("../../schools/xnec.toml");
    let start = text.find("[doors]").unwrap();
    let end = start + text[start..].find("\n\n").unwrap();
    Policy::parse(&[&text[..start], doors, &text[end..]].concat()).unwrap()
}

pub async fn set_doors(world: &World, doors: &str) {
    let json = serde_json::to_string(&policy(doors)).unwrap();
    let sql = "UPDATE school SET policy = $1 WHERE code = 'xnec'";
    assert_eq!(world.rows.change(sql, [json.into()]).await, 1);
}
