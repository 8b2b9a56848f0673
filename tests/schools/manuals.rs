//! Five schools, each as its campus card guide tells its students.

use crate::schools::{NOW, repository, rosters::keys};
use onecard::{
    base::ids::SchoolId,
    policies::import_schools,
    schools::{
        DefaultRule, PasswordRule, People, PersonKeys, PersonKind, WeakPassword,
        policy::{ConsentItem, DoorCode, IdKind, OverLimit, Policy},
        roster::RosterImport,
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::fs::{self, File};
use testkit::TestDb;

/// A school with its policy and its demo roster, in a database.
struct Guide {
    policy: Policy,
    school: SchoolId,
    people: People,
    keys: PersonKeys,
    /// Ends with the guide.
    _db: TestDb,
}

impl Guide {
    async fn of(code: &str) -> Self {
        let db = TestDb::sqlite().await;
        let file = repository(&format!("schools/{code}.toml"));
        let policy = Policy::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        import_schools(&db.db, &[file], false, NOW).await.unwrap();
        let keys = keys();
        let school = SchoolId::from_number(1);
        let roster = File::open(repository(&format!("schools/demo/{code}-roster.csv"))).unwrap();
        let import = RosterImport { db: &db.db, keys: &keys, school, now: NOW };
        let report = import.run(std::io::BufReader::new(roster), |_, _| {}).await.unwrap();
        assert_eq!(report.refused, [], "everybody of the demo is accepted");
        let people = People::new(db.db.clone(), keys.index.clone());
        Self { policy, school, people, keys, _db: db }
    }

    /// What somebody who has chosen no password types, by student number.
    async fn default_of(&self, number: &str) -> Option<String> {
        let person = self.people.find_by_student_no(self.school, number).await.unwrap().unwrap();
        let rule = self.policy.password.default;
        let default = person.default_password(rule, &self.keys.sealer).unwrap();
        default.map(|default| default.expose_secret().to_owned())
    }

    /// What the school says to a new password of that person.
    async fn change(&self, number: &str, new: &str) -> Result<(), WeakPassword> {
        let default = self.default_of(number).await.map(SecretString::from);
        self.policy.password.rule.check(&SecretString::from(new), default.as_ref())
    }

    /// What every school has in common.
    fn is_whole(&self, name: &str) {
        assert_eq!(&*self.policy.name, name);
        assert_eq!(self.policy.consent.items, [ConsentItem::Terms, ConsentItem::IdNumber]);
        assert!(self.policy.help.len() >= 4, "help for students");
        self.helps_with_what_there_is();
    }

    /// Both apps pay, refunds go back to them, and a code that opens doors is said to.
    fn helps_with_what_there_is(&self) {
        let about = |word: &str| {
            let found = self.policy.help.iter().filter(|help| help.title.contains(word));
            found.map(|help| help.text.to_string()).collect::<String>()
        };
        for subject in ["怎样充值", "怎么退"] {
            for app in ["微信", "支付宝"] {
                assert!(about(subject).contains(app), "{subject} names {app}");
            }
        }
        let all: String = self.policy.help.iter().map(|help| help.text.to_string()).collect();
        assert!(!all.contains("不能再退"), "a top-up can be refunded");
        if self.policy.doors.rules(None).accepts.contains(&DoorCode::Payment) {
            let codes = about("付款码");
            assert!(codes.lines().any(|line| line.starts_with("付款码") && line.contains("门禁")));
        }
    }
}

/// 长沙民政职业技术学院: number, card password and name; the last six with 0 for X; the password
/// changes at the counter; 30 yuan a meal, 50 a day.
#[tokio::test]
async fn csmzxy() {
    let guide = Guide::of("csmzxy").await;
    guide.is_whole("长沙民政职业技术学院");
    let Policy { binding, password, top_up, limits, .. } = &guide.policy;
    assert_eq!(binding.id_kinds, [IdKind::StudentNo]);
    assert!(binding.name_required);

    assert_eq!(password.default, DefaultRule::LastSixXToZero);
    assert_eq!(guide.default_of("2024101001").await.as_deref(), Some("120212"));
    assert_eq!(guide.default_of("2024101002").await.as_deref(), Some("250340"), "…25034X");
    assert_eq!(guide.default_of("200915").await.as_deref(), Some("190200"), "staff, …19020X");
    assert_eq!(guide.default_of("L2026002").await, None, "no ID number: the counter");
    assert!(!password.must_change && !password.change_online);
    assert!(password.hint.contains("3/4 窗口"), "it says where to go");

    let limits = limits.as_ref().unwrap();
    assert_eq!((limits.meal.unwrap().get(), limits.day.unwrap().get()), (3_000, 5_000));
    assert_eq!(limits.over_limit, OverLimit::Refuse);
    assert!(!top_up.password_required && !guide.policy.portal);
}

/// 咸宁职业技术学院: a number of seven digits and the query password; without the X, the six before
/// it; no change is demanded; any amount; a web portal.
#[tokio::test]
async fn xnec() {
    let guide = Guide::of("xnec").await;
    guide.is_whole("咸宁职业技术学院");
    let Policy { binding, password, top_up, limits, .. } = &guide.policy;
    assert_eq!(binding.id_kinds, [IdKind::StudentNo]);
    assert_eq!(binding.id_pattern.as_deref(), Some("^[0-9]{7}$"));
    assert!(!binding.name_required);

    assert_eq!(password.default, DefaultRule::DropLetterShift);
    assert_eq!(guide.default_of("2301001").await.as_deref(), Some("170026"));
    assert_eq!(guide.default_of("2301002").await.as_deref(), Some("102008"), "…102008X");
    assert_eq!(guide.default_of("9900001").await, None, "no ID number: the counter");
    assert!(!password.must_change && password.change_online);

    assert_eq!(top_up.min.get(), 1, "any amount");
    assert!(!top_up.password_required && guide.policy.portal);
    assert_eq!(*limits, None);
}

/// 湖北工业职业技术学院: name, number and password; a capital letter moves the six forward by one;
/// amounts of 50, 100, 200 and 500 to choose from.
#[tokio::test]
async fn hbgyzy() {
    let guide = Guide::of("hbgyzy").await;
    guide.is_whole("湖北工业职业技术学院");
    let Policy { binding, password, top_up, limits, .. } = &guide.policy;
    assert_eq!(binding.id_kinds, [IdKind::StudentNo]);
    assert!(binding.name_required);

    assert_eq!(password.default, DefaultRule::DropLetterShift);
    assert_eq!(guide.default_of("2024020101").await.as_deref(), Some("080200"));
    assert_eq!(guide.default_of("2024020102").await.as_deref(), Some("516054"), "…516054X");
    assert!(!password.must_change && password.change_online);

    let choices: Vec<i64> = top_up.choices.iter().map(|choice| choice.get()).collect();
    assert_eq!(choices, [5_000, 10_000, 20_000, 50_000]);
    assert!(!guide.policy.portal);
    assert_eq!(*limits, None);
}

/// 云南艺术学院: number or ID number with the query password; six digits without the letter; it must
/// be changed at once, to six that are not consecutive and do not repeat; a top-up asks for it;
/// over the limit the consumption password is asked for.
#[tokio::test]
async fn ynart() {
    let guide = Guide::of("ynart").await;
    guide.is_whole("云南艺术学院");
    let Policy { binding, password, top_up, limits, .. } = &guide.policy;
    assert_eq!(binding.id_kinds, [IdKind::StudentNo, IdKind::IdNumber]);
    assert!(!binding.name_required);
    let found = guide.people.find_by_id_number(guide.school, "99010120060129070x").await.unwrap();
    assert_eq!(found.iter().map(|p| &*p.student_no).collect::<Vec<_>>(), ["20241001002"]);
    assert_eq!(found[0].kind, PersonKind::Student);

    assert_eq!(password.default, DefaultRule::DropLetterShift);
    assert_eq!(guide.default_of("20241001001").await.as_deref(), Some("200622"));
    assert_eq!(guide.default_of("20241001002").await.as_deref(), Some("129070"), "…129070X");
    assert!(password.must_change && password.change_online);
    assert_eq!(password.rule, PasswordRule::SixDigitsStrong);
    let person = "20241001002";
    assert_eq!(guide.change(person, "836194").await, Ok(()));
    assert_eq!(guide.change(person, "123456").await, Err(WeakPassword::Run));
    assert_eq!(guide.change(person, "654321").await, Err(WeakPassword::Run));
    assert_eq!(guide.change(person, "888838").await, Err(WeakPassword::Repeated));
    assert_eq!(guide.change(person, "129070").await, Err(WeakPassword::Default));
    assert_eq!(guide.change(person, "12907X").await, Err(WeakPassword::NotSixDigits));

    assert!(top_up.password_required && guide.policy.portal);
    assert_eq!(limits.as_ref().unwrap().over_limit, OverLimit::Password);
}

/// 云南城市建设职业学院: number and card password; the last six with the X as a capital; to be changed
/// at once after binding.
#[tokio::test]
async fn yncjxy() {
    let guide = Guide::of("yncjxy").await;
    guide.is_whole("云南城市建设职业学院");
    let Policy { binding, password, top_up, .. } = &guide.policy;
    assert_eq!(binding.id_kinds, [IdKind::StudentNo]);
    assert!(!binding.name_required);

    assert_eq!(password.default, DefaultRule::LastSixKeepX);
    assert_eq!(guide.default_of("2405010101").await.as_deref(), Some("060318"));
    assert_eq!(guide.default_of("2405010102").await.as_deref(), Some("19050X"), "a capital X");
    assert!(password.must_change && password.change_online);
    assert_eq!(guide.change("2405010102", "123456").await, Ok(()), "six digits of any kind");
    assert_eq!(guide.change("2405010101", "060318").await, Err(WeakPassword::Default));
    assert_eq!(guide.change("2405010102", "19050X").await, Err(WeakPassword::NotSixDigits));

    assert!(!top_up.password_required && !guide.policy.portal);
}

/// One ID number under each of the three rules: an X makes them differ, by one digit.
#[tokio::test]
async fn three_rules_for_one_x() {
    let guide = Guide::of("csmzxy").await;
    let person = guide.people.find_by_student_no(guide.school, "2024101002").await.unwrap();
    let rules = [
        (DefaultRule::LastSixXToZero, "250340"),
        (DefaultRule::DropLetterShift, "925034"),
        (DefaultRule::LastSixKeepX, "25034X"),
    ];
    for (rule, expected) in rules {
        let default = person.as_ref().unwrap().default_password(rule, &guide.keys.sealer);
        assert_eq!(default.unwrap().unwrap().expose_secret(), expected, "{rule:?}");
    }
}

/// Every roster shows all kinds of people, and somebody whose ID number ends with X.
#[test]
fn demo_rosters_are_invented_and_varied() {
    let mut names = Vec::new();
    for code in ["csmzxy", "xnec", "hbgyzy", "ynart", "yncjxy"] {
        let roster =
            fs::read_to_string(repository(&format!("schools/demo/{code}-roster.csv"))).unwrap();
        let rows: Vec<Vec<&str>> =
            roster.lines().skip(1).map(|line| line.split(',').collect()).collect();
        for kind in ["student", "staff", "temporary"] {
            assert!(rows.iter().any(|row| row[4] == kind), "{code}: {kind}");
        }
        assert!(rows.iter().any(|row| row[2].ends_with('X')), "{code}");
        assert!(rows.iter().any(|row| row[2].is_empty()), "{code}");
        // An area that was never given out, and no mobile prefix.
        let invented = |row: &Vec<&str>| row[2].is_empty() || row[2].starts_with("990101");
        assert!(rows.iter().all(|row| invented(row) && row[3].starts_with("120")), "{code}");
        names.extend(rows.iter().map(|row| row[1].to_owned()));
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "nobody stands on two rosters");
}
