//! Rows that years of a large school leave, written past the program.

use crate::{database::sign_rows, postings::Failure};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

/// How many rows there are: all of a large school, or a part of them to try the bench itself.
#[derive(Clone, Copy)]
pub struct Size {
    part: usize,
}

impl Size {
    /// `ONECARD_BENCH_PART` is what all counts are divided by.
    pub fn asked() -> Result<Self, Failure> {
        let part = std::env::var("ONECARD_BENCH_PART").map_or(Ok(1), |part| part.parse())?;
        if !(1..=16).contains(&part) {
            return Err("ONECARD_BENCH_PART is one of 1 to 16".into());
        }
        Ok(Self { part })
    }

    pub const fn people(self) -> usize {
        100_000 / self.part
    }

    /// Who has a phone with codes.
    pub const fn phones(self) -> usize {
        20_000 / self.part
    }

    /// New people of a roster.
    pub const fn roster(self) -> usize {
        50_000 / self.part
    }

    /// Entries of doors.
    const fn entries(self) -> usize {
        1_000_000 / self.part
    }

    /// Charges of each of 31 days.
    pub const fn charges_a_day(self) -> usize {
        60_000 / self.part
    }
}

/// An id whose time is the expression `micros`, and whose rest is made of `n`.
fn id(micros: &str, of: &str) -> String {
    format!(
        "(lpad(to_hex(({micros}) / 1000), 12, '0') || '7' || substr(md5('{of}' || n), 1, 3) || '8' \
         || substr(md5('{of}' || n), 4, 15))::uuid"
    )
}

pub struct Rows {
    db: DatabaseConnection,
    school: i64,
    /// The first microsecond of today.
    today: i64,
    size: Size,
}

impl Rows {
    pub async fn at(url: &str, (school, today): (i64, i64), size: Size) -> Result<Self, Failure> {
        Ok(Self { db: Database::connect(url).await?, school, today, size })
    }

    async fn run(&self, sql: &str) -> Result<(), Failure> {
        let sql = sql
            .replace("{school}", &self.school.to_string())
            .replace("{people}", &self.size.people().to_string())
            .replace("{phones}", &self.size.phones().to_string())
            .replace("{entries}", &self.size.entries().to_string());
        self.db.execute_unprepared(&sql).await?;
        Ok(())
    }

    /// Cases, requests, entries of doors, rights and jobs with their MACs; then orders and payments, which
    /// lists read without.
    pub async fn fill(&self, url: &str) -> Result<(), Failure> {
        let day = 86_400_000_000_i64;
        let first = self.today - 10 * day;
        // As many orders a day as people.
        let orders_a_day = self.size.people();
        self.run("CREATE TABLE somebody AS SELECT row_number() OVER () - 1 AS nth, id FROM person")
            .await?;
        self.run("CREATE UNIQUE INDEX somebody_nth ON somebody (nth)").await?;
        self.desks(first).await?;
        self.doors(first).await?;
        sign_rows(url).await?;
        let at = format!(
            "{first} + (n / {orders_a_day}) * {day} + (n % {orders_a_day}) * ({day} / {orders_a_day})"
        );
        let (order, payment) = (id(&at, "o"), id(&at, "p"));
        let last = 10 * orders_a_day - 1;
        self.run(&format!(
            "INSERT INTO orders (id, school_id, person_id, purpose, amount_fen, state, created_at, \
             expires_at, paid_at) SELECT {order}, {{school}}, s.id, 'card_top_up', 5000, \
             CASE WHEN n % 20 = 0 THEN 'closed' ELSE 'fulfilled' END, {at}, {at} + 7200000000, \
             CASE WHEN n % 20 = 0 THEN NULL ELSE {at} END \
             FROM generate_series(0::bigint, {last}) n JOIN somebody s ON s.nth = (n * 7919) % {{people}}"
        ))
        .await?;
        self.run(&format!(
            "INSERT INTO payment (id, order_id, school_id, provider, merchant, app_id, payer, \
             amount_fen, state, transaction_id, created_at, paid_at) SELECT {payment}, {order}, \
             {{school}}, CASE WHEN n % 3 = 0 THEN 'alipay' ELSE 'wechat_pay' END, 'm', 'a', 'p', \
             5000, CASE WHEN n % 20 = 0 THEN 'closed' ELSE 'paid' END, \
             CASE WHEN n % 20 = 0 THEN NULL ELSE 'T' || n END, {at}, \
             CASE WHEN n % 20 = 0 THEN NULL ELSE {at} END FROM generate_series(0::bigint, {last}) n"
        ))
        .await?;
        self.run("VACUUM ANALYZE").await
    }

    /// What waits and what is over at the desks.
    async fn desks(&self, first: i64) -> Result<(), Failure> {
        let at = format!("{first} + n * 1000000");
        let (case, job, asked) = (id(&at, "c"), id(&at, "j"), id(&at, "a"));
        self.run(&format!(
            "INSERT INTO review_case (id, school_id, kind, subject, detail, opened_at, amount_fen, \
             closed_at, closed_login, closed_no, resolution) SELECT {case}, {{school}}, \
             CASE WHEN n % 2 = 0 THEN 'shipping' ELSE 'payment' END, 'no_order:wechat_pay:m:' || n, \
             'no answer', {at}, 5000, CASE WHEN n % 50 = 0 THEN NULL ELSE {at} END, 'li', '1', 'x' \
             FROM generate_series(1::bigint, {{people}}) n"
        ))
        .await?;
        self.run(&format!(
            "INSERT INTO outbox (id, school_id, kind, subject, day, created_at, due_at, leased_until, \
             tries, state, reason) SELECT {job}, {{school}}, 'message_credited', 'none:' || n, 1, {at}, \
             {at}, 0, 1, 'refused', 'no template' FROM generate_series(1::bigint, {{people}}) n"
        ))
        .await?;
        self.run(&format!(
            "INSERT INTO approval (id, school_id, kind, subject_id, request_digest, amount_fen, reason, \
             asked_by, asked_login, asked_no, ask_key, asked_at, expires_at, state, decided_by, \
             decided_login, decided_no, decided_why, decided_at) SELECT {asked}, {{school}}, 'refund', \
             md5('s' || n)::uuid, sha256('x'), 100, 'x', md5('m')::uuid, 'wang', '1', 'k' || n, {at}, {at}, \
             'rejected', md5('n')::uuid, 'zhao', '2', 'y', {at} \
             FROM generate_series(1::bigint, {{people}}) n"
        ))
        .await
    }

    async fn doors(&self, first: i64) -> Result<(), Failure> {
        let at = format!("{first} + n * 500000");
        let (entry, right) = (id(&at, "e"), id(&at, "r"));
        self.run(&format!(
            "INSERT INTO access_log (id, school_id, at, person_id, door_group, way, place_id, decision, \
             reason, generation, purpose, shown_at, sub) SELECT {entry}, {{school}}, {at}, s.id, \
             (n % 40) || '号楼', 'code', md5('d')::uuid, 'open', '', 1, 'id', {at}, 0 \
             FROM generate_series(1::bigint, {{entries}}) n JOIN somebody s ON s.nth = n % {{people}}"
        ))
        .await?;
        self.run(&format!(
            "INSERT INTO door_right (id, school_id, person_id, door_group, from_at, until_at, \
             window_from, window_until, source, allocation, created_at) SELECT {right}, {{school}}, s.id, \
             (n % 40) || '号楼', {at}, {}, 0, 1440, 'staff', md5('l')::uuid, {at} \
             FROM generate_series(1::bigint, {{people}}) n JOIN somebody s ON s.nth = n % {{people}}",
            i64::MAX / 2
        ))
        .await
    }

    /// Charges of this month and the day before it, at 200 tills.
    pub async fn charges(&self) -> Result<(), Failure> {
        let a_day = self.size.charges_a_day();
        let (day, most) = (self.today / 86_400_000_000, 31 * a_day - 1);
        // Days begin at midnight in Shanghai, which is 16:00 UTC.
        let number = format!("({day} + 1 - (n / {a_day}))::int");
        self.run(
            "CREATE TABLE till AS SELECT row_number() OVER () - 1 AS nth, id FROM terminal \
                  WHERE merchant_id IS NOT NULL",
        )
        .await?;
        self.run(&format!(
            "INSERT INTO charge (terminal_id, seq, id, school_id, day, person_id, merchant_id, meal, \
             amount_fen, from_e_account_fen, at) SELECT t.id, 1000000 + n, md5('h' || n)::uuid, {{school}}, \
             {number}, s.id, md5('m')::uuid, 600, 300 + (n * 31) % 2700, 0, \
             {} - (n / {a_day}) * 86400000000 + (25200 + n % 50000) * 1000000 \
             FROM (SELECT n FROM generate_series(0::bigint, {most}) n ORDER BY n / {a_day} DESC) g \
             JOIN somebody s ON s.nth = (n * 7919) % {{phones}} \
             JOIN till t ON t.nth = n % (SELECT COUNT(*) FROM till)",
            self.today
        ))
        .await?;
        self.run("VACUUM ANALYZE charge").await
    }
}
