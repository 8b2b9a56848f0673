//! The query of the home page, which spans the tables of several rooms.

use super::home::Phone;
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError},
        ids::PersonId,
        money::Fen,
    },
    cards::SpentNow,
    orders::order::OrderState,
    passcode::Channel,
    schools::{PersonKind, PersonStatus, Standing, policy::Meal},
    sessions::{Notice, NoticeId, NoticeKind, Platform, SHOWN_NOTICES, SignedIn},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use uuid::Uuid;

/// One row per notice, newest first; a single row with empty notice columns if there is none.
const HOME: &str = "SELECT p.student_no, p.kind, p.name_sealed, p.status, p.valid_until, \
    p.lost_at, p.dormant_at, \
    CAST(CASE WHEN p.password_hash IS NULL THEN 0 \
        WHEN p.password_slip_until IS NOT NULL THEN 2 ELSE 1 END AS BIGINT) AS own, \
    (SELECT COUNT(*) FROM orders o WHERE o.person_id = p.id AND o.state = $1) AS waiting, \
    (SELECT CAST(COALESCE(SUM(c.amount_fen), 0) AS BIGINT) FROM charge c \
        WHERE c.person_id = p.id AND c.day = $6 AND c.reversed_at IS NULL) AS day_spent, \
    (SELECT CAST(COALESCE(SUM(c.amount_fen), 0) AS BIGINT) FROM charge c WHERE c.person_id = p.id \
        AND c.day = $6 AND c.meal = $7 AND c.reversed_at IS NULL) AS meal_spent, \
    d.generation, d.expires_at, d.last_seen_at, \
    n.id AS notice, n.kind AS notice_kind, n.platform, n.at FROM person p \
    LEFT JOIN notice n ON n.person_id = p.id AND n.identity_id = $2 AND n.at >= $3 \
    LEFT JOIN device d ON d.person_id = p.id AND d.channel = $5 AND d.kind = 'phone' \
        AND d.ended_at IS NULL \
    WHERE p.id = $4 ORDER BY n.at DESC LIMIT ";

/// A person, the number of unpaid orders, and the identity's notices.
#[derive(Debug)]
pub(super) struct HomeRow {
    pub(super) student_no: String,
    pub(super) kind: PersonKind,
    pub(super) name_sealed: Vec<u8>,
    pub(super) own_password: bool,
    pub(super) password_of_slip: bool,
    pub(super) standing: Standing,
    pub(super) orders: u64,
    pub(super) spent: SpentNow,
    pub(super) phone: Option<Phone>,
    pub(super) notices: Vec<Notice>,
}

/// What the home page shows, beside what belongs to the identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct HomeScope {
    /// The person that the identity is bound to.
    pub(super) person: PersonId,
    /// Notices older than this are left out.
    pub(super) since: Timestamp,
    /// The day of the amounts spent.
    pub(super) day: Day,
    /// The meal of that day.
    pub(super) meal: Meal,
}

/// The home page of a bound identity.
pub(super) async fn home(
    db: &Db,
    who: &SignedIn,
    scope: HomeScope,
) -> Result<Option<HomeRow>, DbError> {
    let HomeScope { person, since, day, meal } = scope;
    let sql = format!("{HOME}{SHOWN_NOTICES}");
    let values = [
        OrderState::AwaitingPayment.code().into(),
        who.identity.uuid().into(),
        since.micros().into(),
        person.uuid().into(),
        Channel::of(who.user.platform).map_or("", Channel::code).into(),
        day.number().into(),
        meal.number().into(),
    ];
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let rows = db.conn().query_all_raw(statement).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let kind: String = first.try_get("", "kind")?;
    let status: String = first.try_get("", "status")?;
    let valid_until: Option<i32> = first.try_get("", "valid_until")?;
    let (own, waiting): (i64, i64) = (first.try_get("", "own")?, first.try_get("", "waiting")?);
    Ok(Some(HomeRow {
        student_no: first.try_get("", "student_no")?,
        kind: PersonKind::from_code(&kind).ok_or(unknown("person", "unknown kind"))?,
        name_sealed: first.try_get("", "name_sealed")?,
        own_password: own == 1,
        password_of_slip: own == 2,
        standing: Standing {
            status: PersonStatus::from_code(&status).ok_or(unknown("person", "unknown status"))?,
            valid_until: valid_until.map(Day::from_number),
            lost: first.try_get::<Option<i64>>("", "lost_at")?.is_some(),
            dormant: first.try_get::<Option<i64>>("", "dormant_at")?.is_some(),
        },
        orders: u64::try_from(waiting).unwrap_or(0),
        spent: SpentNow { in_meal: fen(first, "meal_spent")?, in_day: fen(first, "day_spent")? },
        phone: phone(first)?,
        notices: rows.iter().filter_map(|row| notice(row).transpose()).collect::<Result<_, _>>()?,
    }))
}

fn fen(row: &QueryResult, column: &str) -> Result<Fen, DbError> {
    Fen::new(row.try_get("", column)?).map_err(|_| unknown("charge", "negative sum"))
}

fn phone(row: &QueryResult) -> Result<Option<Phone>, DbError> {
    let generation: Option<i64> = row.try_get("", "generation")?;
    let Some(generation) = generation else { return Ok(None) };
    let at = |name| row.try_get("", name).map(Timestamp::from_micros);
    Ok(Some(Phone {
        generation: u32::try_from(generation)
            .map_err(|_| unknown("device", "invalid generation"))?,
        expires_at: at("expires_at")?,
        seen_at: at("last_seen_at")?,
    }))
}

fn notice(row: &QueryResult) -> Result<Option<Notice>, DbError> {
    let id: Option<Uuid> = row.try_get("", "notice")?;
    let Some(id) = id else { return Ok(None) };
    let (kind, platform): (String, String) =
        (row.try_get("", "notice_kind")?, row.try_get("", "platform")?);
    Ok(Some(Notice {
        id: NoticeId::from_uuid(id),
        kind: NoticeKind::from_code(&kind).ok_or(unknown("notice", "unknown kind"))?,
        platform: Platform::from_code(&platform).ok_or(unknown("notice", "unknown platform"))?,
        at: Timestamp::from_micros(row.try_get("", "at")?),
    }))
}

const fn unknown(table: &'static str, what: &'static str) -> DbError {
    DbError::Inconsistent { table, what }
}
