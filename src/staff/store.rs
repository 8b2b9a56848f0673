//! Lists of people, which span the tables of several rooms: what somebody has is the ledger's, and where
//! somebody is bound the sessions'. One statement for the rows, one for their count.

use super::people::ListedPerson;
use crate::{
    base::{
        clock::Day,
        crypto::seal::Sealer,
        db::{Db, DbError, Keyset, Source},
        ids::{PersonId, SchoolId},
        money::Balance,
    },
    cards::CardStatus,
    ledger::account::Class,
    schools::{PersonKind, PersonStatus, Standing, masked_name},
    sessions::Platform,
};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

/// Which people of a school.
#[derive(Clone, Debug)]
pub(super) struct PeopleFilter {
    pub(super) school: SchoolId,
    /// Who is looked for.
    pub(super) sought: Option<Sought>,
    pub(super) department: Option<String>,
    pub(super) class_name: Option<String>,
    /// Those classes whose people alone are seen; `None` for everybody.
    pub(super) only_classes: Option<Vec<String>>,
    /// How the card stands on this day.
    pub(super) status: Option<CardStatus>,
    pub(super) today: Day,
    /// Who owes something.
    pub(super) in_debt: bool,
    /// Whether what somebody has is read.
    pub(super) with_money: bool,
}

/// What people are looked for by: any of these.
#[derive(Clone, Debug, Default)]
pub(super) struct Sought {
    /// The beginning of a number.
    pub(super) number: Option<String>,
    /// Digests of a phone.
    pub(super) phones: Vec<Vec<u8>>,
    /// Digests of a name.
    pub(super) names: Vec<Vec<u8>>,
}

/// The most departments that a filter offers.
const DEPARTMENTS: u16 = 300;

/// What a person has, negative for a debt.
const MONEY: &str = "(SELECT CAST(COALESCE(SUM(a.balance_fen), 0) AS bigint) FROM account a \
    WHERE a.person_id = p.id AND a.school_id = p.school_id AND a.class = {spendable})";
/// Who owes: accounts below zero are looked for once, in an index of their own, and of their few people the
/// sum is asked for.
const IN_DEBT: &str = "p.id IN (WITH below AS MATERIALIZED (SELECT DISTINCT n.person_id \
    FROM account n WHERE n.school_id = $1 AND n.class = {spendable} AND n.is_below) \
    SELECT b.person_id FROM below b WHERE (SELECT SUM(a.balance_fen) FROM account a \
    WHERE a.person_id = b.person_id AND a.school_id = $1 AND a.class = {spendable}) < 0)";

/// A statement about people in the making.
struct Conditions {
    /// What holds of all of them.
    all: String,
    /// Any of these holds; without one nothing is looked for.
    ways: Vec<String>,
    values: Vec<Value>,
    /// The number of a person in the order of its bytes, as the indexes have it.
    number: &'static str,
}

impl Conditions {
    fn of(db: &Db, filter: &PeopleFilter) -> Self {
        let is_postgres = Source::Db(db).has_row_locks();
        let number = if is_postgres { "p.student_no COLLATE \"C\"" } else { "p.student_no" };
        let values = vec![filter.school.number().into()];
        let all = "p.school_id = $1".to_owned();
        let mut made = Self { all, ways: Vec::new(), values, number };
        if let Some(sought) = &filter.sought {
            made.sought(sought);
        }
        let fields = [("department", &filter.department), ("class_name", &filter.class_name)];
        for (column, value) in fields {
            if let Some(value) = value {
                let place = made.place(value.as_str().into());
                made.and(&format!("p.{column} = {place}"));
            }
        }
        if let Some(classes) = &filter.only_classes {
            made.within(classes);
        }
        if let Some(status) = filter.status {
            let today = made.place(filter.today.number().into());
            made.and(&standing(status).replace("{today}", &today));
        }
        if filter.in_debt {
            made.and(&money(IN_DEBT));
        }
        made
    }

    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Nobody is in no class.
    fn within(&mut self, classes: &[String]) {
        let places: Vec<String> =
            classes.iter().map(|class| self.place(class.as_str().into())).collect();
        if places.is_empty() {
            self.and("1 = 0");
        } else {
            self.and(&format!("p.class_name IN ({})", places.join(", ")));
        }
    }

    fn and(&mut self, condition: &str) {
        self.all.push_str(" AND ");
        self.all.push_str(condition);
    }

    fn sought(&mut self, sought: &Sought) {
        if let Some(beginning) = &sought.number {
            let from = self.place(beginning.as_str().into());
            // Beyond every character that a number may have.
            let to = self.place(format!("{beginning}\u{7f}").into());
            self.ways.push(format!("{0} >= {from} AND {0} < {to}", self.number));
        }
        for (column, digests) in [("phone_index", &sought.phones), ("name_index", &sought.names)] {
            let places: Vec<String> =
                digests.iter().map(|digest| self.place(digest.clone().into())).collect();
            if !places.is_empty() {
                self.ways.push(format!("p.{column} IN ({})", places.join(", ")));
            }
        }
    }

    /// A `WHERE` clause. Of several ways each is a range of an index of its own, of which no more is read
    /// than `rest` lets through.
    fn clause(&self, rest: &str) -> String {
        match self.ways.as_slice() {
            [] => format!("{}{rest}", self.all),
            [way] => format!("{} AND {way}{rest}", self.all),
            ways => {
                let of = |way: &String| {
                    let all = &self.all;
                    format!(
                        "SELECT id FROM (SELECT p.id FROM person p WHERE {all} AND {way}{rest}) AS t"
                    )
                };
                let ways: Vec<String> = ways.iter().map(of).collect();
                format!("p.id IN ({}){rest}", ways.join(" UNION ALL "))
            }
        }
    }
}

/// [`CardStatus::of`] in SQL; a test compares them.
const fn standing(status: CardStatus) -> &'static str {
    match status {
        CardStatus::Closed => "p.status = 'closed' AND {today} = {today}",
        CardStatus::Lost => "p.status = 'active' AND p.lost_at IS NOT NULL AND {today} = {today}",
        CardStatus::Expired => {
            "p.status = 'active' AND p.lost_at IS NULL AND p.valid_until < {today}"
        }
        CardStatus::Dormant => {
            "p.status = 'active' AND p.lost_at IS NULL AND p.dormant_at IS NOT NULL \
             AND (p.valid_until IS NULL OR p.valid_until >= {today})"
        }
        CardStatus::Normal => {
            "p.status = 'active' AND p.lost_at IS NULL AND p.dormant_at IS NULL \
             AND (p.valid_until IS NULL OR p.valid_until >= {today})"
        }
    }
}

fn money(sql: &str) -> String {
    let spendable = Class::Spendable.code().to_string();
    sql.replace("{money}", MONEY).replace("{spendable}", &spendable)
}

/// A page of people in the order of their numbers, from beyond one of them.
pub(super) async fn page(
    db: &Db,
    filter: &PeopleFilter,
    page: Keyset,
    sealer: &Sealer,
) -> Result<Vec<ListedPerson>, super::StaffPeopleError> {
    let mut of = Conditions::of(db, filter);
    let number = of.number;
    let (sign, order) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some(beyond) = page.beyond {
        let place = of.place(beyond.into());
        let there = format!(
            "(SELECT {} FROM person q WHERE q.school_id = $1 AND q.id = {place})",
            number.replace("p.", "q.")
        );
        of.and(&format!("{number} {sign} {there}"));
    }
    let clause = of.clause(&format!(" ORDER BY {number} {order} LIMIT {}", page.most));
    let balance = if filter.with_money { money("{money}") } else { "CAST(NULL AS bigint)".into() };
    let together = if Source::Db(db).has_row_locks() { "string_agg" } else { "group_concat" };
    let sql = format!(
        "SELECT p.id, p.student_no, p.kind, p.name_sealed, p.department, p.class_name, p.status, \
         p.valid_until, p.lost_at, p.dormant_at, {balance} AS balance_fen, \
         (SELECT {together}(b.platform, ',') FROM binding b WHERE b.person_id = p.id \
             AND b.ended_at IS NULL) AS platforms \
         FROM person p WHERE {clause}"
    );
    let found = Source::Db(db).select(&sql, of.values).await?;
    found.iter().map(|row| listed(row, filter.today, sealer)).collect()
}

fn listed(
    row: &QueryResult,
    today: Day,
    sealer: &Sealer,
) -> Result<ListedPerson, super::StaffPeopleError> {
    let unknown = |what| DbError::Inconsistent { table: "person", what };
    let (kind, status): (String, String) = (text(row, "kind")?, text(row, "status")?);
    let number = |name| row.try_get::<Option<i64>>("", name).map_err(DbError::from);
    let id = PersonId::from_uuid(row.try_get::<Uuid>("", "id").map_err(DbError::from)?);
    let name: Vec<u8> = row.try_get("", "name_sealed").map_err(DbError::from)?;
    let last: Option<i32> = row.try_get("", "valid_until").map_err(DbError::from)?;
    let standing = Standing {
        status: PersonStatus::from_code(&status).ok_or(unknown("unknown status"))?,
        valid_until: last.map(Day::from_number),
        lost: number("lost_at")?.is_some(),
        dormant: number("dormant_at")?.is_some(),
    };
    Ok(ListedPerson {
        id,
        person_no: text(row, "student_no")?,
        name: masked_name(sealer, id, &name)?,
        kind: PersonKind::from_code(&kind).ok_or(unknown("unknown kind"))?,
        department: text(row, "department")?,
        class_name: text(row, "class_name")?,
        status: CardStatus::of(standing, today),
        balance: number("balance_fen")?.map(Balance::new),
        platforms: platforms(row)?,
    })
}

fn platforms(row: &QueryResult) -> Result<Vec<Platform>, DbError> {
    let codes: Option<String> = row.try_get("", "platforms")?;
    let mut codes: Vec<&str> = codes.iter().flat_map(|codes| codes.split(',')).collect();
    // The databases tell them in any order.
    codes.sort_unstable_by(|a, b| b.cmp(a));
    Ok(codes.into_iter().filter_map(Platform::from_code).collect())
}

fn text(row: &QueryResult, column: &str) -> Result<String, DbError> {
    Ok(row.try_get("", column)?)
}

/// How many people there are, among the first `most`.
pub(super) async fn count(db: &Db, filter: &PeopleFilter, most: u32) -> Result<u64, DbError> {
    let of = Conditions::of(db, filter);
    let sql = format!(
        "SELECT COUNT(*) AS people FROM (SELECT 1 AS one FROM person p WHERE {}) AS t",
        of.clause(&format!(" LIMIT {most}"))
    );
    let found = Source::Db(db).select(&sql, of.values).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "person", what: "no count" })?;
    Ok(u64::try_from(row.try_get::<i64>("", "people")?).unwrap_or(0))
}

/// The departments of a school, by looking up the next one each time: an index has all its people.
pub(super) async fn departments(db: &Db, school: SchoolId) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "WITH RECURSIVE next(name) AS (\
         SELECT (SELECT MIN(p.department) FROM person p WHERE p.school_id = $1 \
             AND p.department > '') \
         UNION ALL SELECT (SELECT MIN(p.department) FROM person p WHERE p.school_id = $1 \
             AND p.department > next.name) FROM next WHERE next.name IS NOT NULL) \
         SELECT name FROM next WHERE name IS NOT NULL LIMIT {DEPARTMENTS}"
    );
    let found = Source::Db(db).select(&sql, vec![school.number().into()]).await?;
    found.iter().map(|row| text(row, "name")).collect()
}

/// Those of these classes that nobody of the school is in, in their order.
pub(super) async fn unknown_classes(
    db: &Db,
    school: SchoolId,
    names: impl Iterator<Item = &str>,
) -> Result<Vec<String>, DbError> {
    let sql = "SELECT 1 AS one FROM person p WHERE p.school_id = $1 AND p.class_name = $2 LIMIT 1";
    let mut unknown = Vec::new();
    for name in names {
        let values = vec![school.number().into(), name.into()];
        if Source::Db(db).select(sql, values).await?.is_empty() {
            unknown.push(name.to_owned());
        }
    }
    Ok(unknown)
}
