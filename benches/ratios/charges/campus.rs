//! A school whose people have money and phones, in its own database.

use super::{
    phones::{Phone, Phones},
    tills::{Till, TillKey},
};
use crate::{
    database::{CHUNK, fresh_database, rows, school_of, settings, sign_rows},
    postings::Failure,
    program::KEY,
};
use onecard::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        crypto::{
            ed25519::Ed25519Key,
            keyring::{Key32, KeyRing, NamedKey},
        },
        db::Db,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    ledger::{
        account::{Account, PersonAccount, SchoolAccount},
        post_all,
        transfer::{Kind, Leg, Nature, Transfer},
        verify::{Checks, Law, verify},
    },
    passcode::DeviceId,
    schools::{PersonKeys, roster::RosterImport},
    spend::audit::ChargesExplain,
    terminals::{NewMerchant, NewTerminal, TerminalKind, add_merchant, add_terminal},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use std::{fmt::Write as _, fs, io::Cursor, ops::Range, path::Path, time::Duration};
use uuid::Uuid;

pub const SCHOOL: &str = "xnec";
/// Enough people that nobody runs out of codes: each has eight in two steps.
const PEOPLE: usize = 20_000;
/// Limits that are checked and never reached.
const LIMITS: &str = "[limits]\nmeal_fen = 50_000_000\nday_fen = 50_000_000\n\
    over_limit = \"refuse\"\n\n[consent]";
const GRANT: Kind = Kind::new("opening");
const DAY: Duration = Duration::from_hours(24);

/// The number of somebody on the roster.
pub fn student_no(n: usize) -> String {
    format!("{n:07}")
}

pub struct Campus {
    pub url: String,
    pub school: SchoolId,
    pub phones: Phones,
    key: TillKey,
    db: Db,
    raw: DatabaseConnection,
    charged: usize,
}

impl Campus {
    /// Creates people, each with money and one phone; writes the policy into `folder`.
    pub async fn make(server: &str, name: &str, folder: &Path) -> Result<Self, Failure> {
        Self::of(server, name, (folder, PEOPLE)).await
    }

    /// The same, with so many people.
    pub async fn of(
        server: &str,
        name: &str,
        (folder, people): (&Path, usize),
    ) -> Result<Self, Failure> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schools/{SCHOOL}.toml"));
        let policy = folder.join(format!("{SCHOOL}.toml"));
        fs::write(&policy, fs::read_to_string(own)?.replace("[consent]", LIMITS))?;
        let url = fresh_database(server, name, &policy).await?;
        let raw = Database::connect(&url).await?;
        let school = SchoolId::from_number(school_of(&raw, SCHOOL).await?);
        let db = Db::connect(settings(url.clone(), 4)).await?;
        let (phones, key) = (Phones::new(Vec::new()), TillKey::new()?);
        let mut campus = Self { url, school, phones, key, db, raw, charged: 0 };
        campus.add_people(people).await?;
        campus.raw.execute_unprepared("ANALYZE").await?;
        Ok(campus)
    }

    /// The database.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Puts these on the roster.
    pub async fn import(&self, people: Range<usize>) -> Result<(), Failure> {
        let mut roster = String::from(
            "student_no,name,id_number,phone,kind,department,class_name,valid_until\n",
        );
        for n in people {
            let number = student_no(n);
            writeln!(roster, "{number},林晓雨,,,student,信息工程学院,计算机2301,2030-07-31")?;
        }
        let ring = || KeyRing::single(NamedKey::unnamed(Key32::from_bytes(KEY)));
        let (keys, now) = (PersonKeys::new(ring(), ring()), SystemClock.now());
        let import = RosterImport { db: &self.db, keys: &keys, school: self.school, now };
        import.run(Cursor::new(roster), |_, _| ()).await?;
        Ok(())
    }

    async fn add_people(&mut self, count: usize) -> Result<(), Failure> {
        self.import(0..count).await?;
        let now = SystemClock.now();
        let sql = "SELECT id FROM person ORDER BY student_no";
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let people = self.raw.query_all_raw(statement).await?;
        let people: Vec<Uuid> =
            people.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?;
        let mut phones = Vec::with_capacity(people.len());
        for chunk in people.chunks(CHUNK) {
            self.grant(chunk, now).await?;
            phones.extend(self.enrol(chunk, now).await?);
        }
        self.phones = Phones::new(phones);
        Ok(())
    }

    async fn grant(&self, people: &[Uuid], now: Timestamp) -> Result<(), Failure> {
        let grant = |person: &Uuid| {
            Ok::<_, Failure>(Transfer {
                school: self.school,
                person: Some(PersonId::from_uuid(*person)),
                kind: GRANT,
                reference: person.to_string(),
                nature: Nature::Fact,
                value_day: now.day(),
                legs: vec![Leg {
                    from: Account::School(SchoolAccount::Opening),
                    to: Account::Person(PersonAccount::EAccount),
                    amount: Fen::new(50_000_000)?,
                }],
            })
        };
        let grants = people.iter().map(grant).collect::<Result<Vec<_>, _>>()?;
        let posted = self.db.in_tx(async |tx| post_all(tx, now, &grants).await).await?;
        posted.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(())
    }

    async fn enrol(&self, people: &[Uuid], now: Timestamp) -> Result<Vec<Phone>, Failure> {
        // Enrolled yesterday: a server keeps rereading changes of the last minutes.
        let (school, at) = (self.school.number(), now.minus(DAY).micros());
        let (expires, stale) = (now.plus(30 * DAY).micros(), now.plus(7 * DAY).micros());
        let salts: Vec<(Uuid, [u8; 16])> =
            people.iter().map(|person| (*person, Uuid::new_v4().into_bytes())).collect();
        let devices = rows(&salts, |(person, salt)| {
            format!(
                "'{}', {school}, '{person}', 'wechat', 'phone', '\\x{}', '\\x{}', 1, 15, 'k1', \
                 {at}, {expires}, {at}, {stale}, {at}",
                DeviceId::new(now),
                person.simple(),
                hex::encode(salt),
            )
        });
        let columns = "id, school_id, person_id, channel, kind, client_digest, salt, generation, \
            step_seconds, master_key_id, enrolled_at, expires_at, last_seen_at, stale_at, \
            changed_at";
        let sql = format!("INSERT INTO device ({columns}) VALUES {devices}");
        self.raw.execute_unprepared(&sql).await?;
        sign_rows(&self.url).await?;
        Ok(salts.into_iter().map(|(_, salt)| Phone::new(SCHOOL, salt)).collect())
    }

    /// Adds tills for these merchants in turn, with names derived from `name`.
    pub async fn add_tills(
        &self,
        name: &str,
        merchants: usize,
        tills: usize,
    ) -> Result<Vec<Till>, Failure> {
        let (school, now) = (self.school, SystemClock.now());
        for n in 0..merchants {
            let code = format!("{name}-{n}").parse()?;
            let new = NewMerchant { school, code, name: "第一食堂".parse()? };
            add_merchant(&self.db, &new, now).await?;
        }
        let mut added = Vec::with_capacity(tills);
        for n in 0..tills {
            let code = format!("{name}-{n}");
            let new = NewTerminal {
                school,
                code: code.parse()?,
                kind: TerminalKind::Pos,
                key: Ed25519Key::from_bytes(self.key.public())?,
                merchant: Some(format!("{name}-{}", n % merchants).parse()?),
                door_group: None,
            };
            add_terminal(&self.db, &new, false, now).await?;
            added.push(Till::new(SCHOOL, &code));
        }
        Ok(added)
    }

    /// Adds doors of a group, with names derived from `name`.
    pub async fn add_doors(
        &self,
        name: &str,
        group: &str,
        doors: usize,
    ) -> Result<Vec<Till>, Failure> {
        let mut added = Vec::with_capacity(doors);
        for n in 0..doors {
            let code = format!("{name}-{n}");
            let new = NewTerminal {
                school: self.school,
                code: code.parse()?,
                kind: TerminalKind::Gate,
                key: Ed25519Key::from_bytes(self.key.public())?,
                merchant: None,
                door_group: Some(group.parse()?),
            };
            add_terminal(&self.db, &new, false, SystemClock.now()).await?;
            added.push(Till::new(SCHOOL, &code));
        }
        Ok(added)
    }

    /// Complete requests that show fresh identity codes, in turn at these doors.
    pub fn readings(
        &mut self,
        doors: &mut [Till],
        port: u16,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let mut requests = Vec::with_capacity(count);
        while requests.len() < count {
            for door in doors.iter_mut().take(count - requests.len()) {
                requests.push(self.key.ask(door, &self.phones.identity_code()?, port));
            }
        }
        Ok(requests)
    }

    /// How many times doors opened, by their log.
    pub async fn opened(&self) -> Result<i64, Failure> {
        let sql = "SELECT COUNT(*) AS opened FROM access_log WHERE decision = 'open'";
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        Ok(self.raw.query_one_raw(statement).await?.ok_or("no count")?.try_get("", "opened")?)
    }

    /// Complete requests that charge fresh codes, in turn at these tills.
    pub fn charges(
        &mut self,
        tills: &mut [Till],
        port: u16,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let mut requests = Vec::with_capacity(count);
        while requests.len() < count {
            for till in tills.iter_mut().take(count - requests.len()) {
                requests.push(self.key.charge(till, &self.phones.code()?, port));
            }
        }
        self.charged += count;
        Ok(requests)
    }

    /// Checks that there are as many charges as answers, and that each is posted.
    pub async fn check_that_all_are_posted(&self) -> Result<(), Failure> {
        let sql = "SELECT COUNT(*) AS charged, (SELECT COUNT(*) FROM transfer \
            WHERE kind = 'spent') AS posted FROM charge";
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let row = self.raw.query_one_raw(statement).await?.ok_or("no counts")?;
        let count = |column| row.try_get::<i64>("", column);
        let done = [count("charged")?, count("posted")?];
        let checks = Checks { rooms: &[&ChargesExplain], ..Checks::default() };
        let report = verify(&self.db, checks, &mut |_| ()).await?;
        // What people were given at first is of a kind that no room posts.
        let is_clean =
            report.findings.iter().all(|found| found.total == 0 || found.law == Law::Kinds);
        if done == [i64::try_from(self.charged)?; 2] && is_clean {
            return Ok(());
        }
        Err(format!("of {}: {done:?}; {report}", self.charged).into())
    }
}
