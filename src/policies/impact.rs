//! What a change of the policy would have done in the last 30 days.

use super::{
    PolicyDifference,
    store::impact::{self, Paid},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Tx},
        ids::SchoolId,
        money::Fen,
    },
    schools::policy::{Limits, Meal, OverLimit, Policy},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

/// How far back it is counted.
const DAYS: i32 = 30;
/// The most charges that are looked at.
const MOST: usize = 200_000;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(3);
const PATIENCE_MILLIS: u32 = 3000;

const UNKNOWN: &str = "过去 30 天的统计不出来：数据太多，请在空闲时再看。";

/// Whom a change hits, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyImpact {
    /// The part of the policy.
    pub group: &'static str,
    /// Whom it hits.
    pub sentence: String,
}

/// What is said of a change that hits nobody in a way that could be counted.
const PLAIN: &[(&str, &str)] = &[
    ("name", "学生看到的名称改变，账目不变。"),
    ("portal", "网页查询从生效日起开放或关闭，小程序不受影响。"),
    ("top_up.password_required", "以后的充值按新的要求，已下的单不变。"),
    ("top_up.choices_fen", "充值页的快捷金额改变。"),
    ("spend.", "以后的收款按新的规则，已收的不变。"),
    ("passcode.prefixes.", "一生效，手机上原来开头的码就不能用，要重新登记付款码。"),
    ("passcode.unseen_days", "手机下次联网时按新的天数算。"),
    ("passcode.", "手机下次登记付款码时更换，已登记的用到期满。"),
    ("loss.", "以后的挂失、解除挂失按新的规则，已挂失的不变。"),
    ("password.default", "只涉及没有自己设过密码的人：他们的初始密码改变。"),
    ("password.must_change", "要求改密码的，还在用初始密码的人下次打开时先改密码。"),
    ("password.", "以后设的新密码按新的要求，现有的密码照用。"),
    ("binding.", "以后绑定的人按新的要求，已绑定的不变。"),
    ("doors.log_days", "缩短的，更早的通行记录会被删除，不能找回。"),
    ("doors.", "所有门禁一分钟内按新的规则，单独列出的门组除外。"),
    ("consent.", "以后绑定的人看到新的同意书，已同意的不变。"),
    ("help", "学生的帮助页改变。"),
];

/// How a charge stands to limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Within,
    Asked,
    Refused,
}

/// Charges with their people.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hit {
    charges: u64,
    amount: Fen,
    people: BTreeSet<Uuid>,
}

/// What new limits would have done since a day.
#[derive(Debug, Default, PartialEq, Eq)]
struct LimitsHit {
    since: Option<Day>,
    refused: Hit,
    asked: Hit,
    spared: Hit,
}

impl PolicyImpact {
    /// Whom a change from `before` to `after` hits. What takes too long is said to be unknown.
    pub async fn of(
        db: &Db,
        school: SchoolId,
        [before, after]: [&Policy; 2],
        now: Timestamp,
    ) -> Result<Vec<Self>, DbError> {
        let differences = PolicyDifference::between(before, after);
        let mut impacts = Vec::new();
        if before.limits != after.limits {
            let limits = [before.limits.as_ref(), after.limits.as_ref()];
            let sentence = limits_hit(db, school, limits, now.day()).await?;
            impacts.push(Self { group: "消费限额", sentence });
        }
        let bounds = |policy: &Policy| [policy.top_up.min, policy.top_up.max];
        let (was, becomes) = (bounds(before), bounds(after));
        if was != becomes {
            let counted = counted(db, async |tx: &Tx| {
                let since = Day::from_number(now.day().number() - DAYS).start();
                let found = impact::topped_up(tx, (school, since), was, becomes).await?;
                Ok(top_ups(found))
            });
            let sentence = counted.await?.unwrap_or_else(|| UNKNOWN.to_owned());
            impacts.push(Self { group: "充值", sentence });
        }
        let mut said = BTreeSet::new();
        for one in &differences {
            let plain = PLAIN.iter().find(|(key, _)| one.key.starts_with(key));
            if let Some((_, sentence)) = plain.filter(|(key, _)| said.insert(*key)) {
                impacts.push(Self { group: one.group, sentence: (*sentence).to_owned() });
            }
        }
        Ok(impacts)
    }
}

/// Counts on one snapshot, which takes no lock, for a bounded time; answers nothing if that is too short.
async fn counted<T>(
    db: &Db,
    count: impl AsyncFnOnce(&Tx) -> Result<T, DbError>,
) -> Result<Option<T>, DbError> {
    let counting = db.in_snapshot(async |tx| {
        impact::limit(tx, PATIENCE_MILLIS).await?;
        count(tx).await
    });
    match tokio::time::timeout(PATIENCE, counting).await {
        Ok(Ok(counted)) => Ok(Some(counted)),
        Ok(Err(DbError::Driver(error))) => {
            tracing::warn!(%error, "the impact of a policy could not be counted");
            Ok(None)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Day by day from today, as far as the time allows.
async fn limits_hit(
    db: &Db,
    school: SchoolId,
    limits: [Option<&Limits>; 2],
    today: Day,
) -> Result<String, DbError> {
    let asked = lowest(limits);
    let mut found = LimitsHit::default();
    let days = || (0..=DAYS).map(|ago| Day::from_number(today.number() - ago));
    let mut left = MOST;
    counted(db, async |tx: &Tx| {
        for day in days() {
            let paid = impact::paid(tx, (school, day), &asked, left + 1).await?;
            let Some(rest) = left.checked_sub(paid.len()) else { break };
            left = rest;
            found.add(&paid, limits);
            found.since = Some(day);
        }
        Ok(())
    })
    .await?;
    Ok(found.sentence(days().next_back()))
}

/// Limits that are reached wherever one of these is.
fn lowest([before, after]: [Option<&Limits>; 2]) -> Vec<Limits> {
    let lower = |a: Option<Fen>, b: Option<Fen>| a.into_iter().chain(b).min();
    match (before, after) {
        (Some(before), Some(after)) if before.meal_windows == after.meal_windows => {
            let (meal, day) = (lower(before.meal, after.meal), lower(before.day, after.day));
            vec![Limits { meal, day, ..before.clone() }]
        }
        _ => before.into_iter().chain(after).cloned().collect(),
    }
}

/// How the charges of somebody's day stand to limits. What would be refused is not spent.
fn standings<'a>(
    day: &'a [Paid],
    limits: Option<&'a Limits>,
) -> impl Iterator<Item = Standing> + 'a {
    let (mut today, mut meals) = (0_i64, BTreeMap::<i32, i64>::new());
    day.iter().map(move |charge| {
        let Some(limits) = limits else { return Standing::Within };
        let (amount, meal) = (charge.amount.get(), limits.meal_at(charge.at));
        let eaten = meals.entry(Meal::number(meal)).or_default();
        let over = |limit: Option<Fen>, spent: i64| {
            limit.is_some_and(|limit| spent.saturating_add(amount) > limit.get())
        };
        let beyond = over(limits.meal, *eaten) || over(limits.day, today);
        if beyond && limits.over_limit == OverLimit::Refuse {
            return Standing::Refused;
        }
        *eaten = eaten.saturating_add(amount);
        today = today.saturating_add(amount);
        if beyond { Standing::Asked } else { Standing::Within }
    })
}

impl Hit {
    fn add(&mut self, charge: &Paid) {
        self.charges += 1;
        self.amount = self.amount.plus(charge.amount).unwrap_or(Fen::MAX);
        self.people.insert(charge.person);
    }
}

impl LimitsHit {
    /// Charges in the order of people and time.
    fn add(&mut self, paid: &[Paid], [before, after]: [Option<&Limits>; 2]) {
        for day in paid.chunk_by(|a, b| (a.person, a.day) == (b.person, b.day)) {
            for (charge, (was, becomes)) in
                day.iter().zip(standings(day, before).zip(standings(day, after)))
            {
                let hit = match (was, becomes) {
                    (Standing::Within | Standing::Asked, Standing::Refused) => &mut self.refused,
                    (Standing::Within, Standing::Asked) => &mut self.asked,
                    (Standing::Asked | Standing::Refused, Standing::Within) => &mut self.spared,
                    (Standing::Refused, Standing::Asked | Standing::Refused)
                    | (Standing::Asked, Standing::Asked)
                    | (Standing::Within, Standing::Within) => continue,
                };
                hit.add(charge);
            }
        }
    }

    /// Of all the time from `first` on, or of as much as was looked at.
    fn sentence(&self, first: Option<Day>) -> String {
        let Some(since) = self.since else { return UNKNOWN.to_owned() };
        let (when, of) = if self.since == first {
            (format!("过去 {DAYS} 天"), "的")
        } else {
            (format!("消费太多，只算了 {since} 至今："), "")
        };
        let all = [
            (&self.refused, "会多拒"),
            (&self.asked, "会多要输入消费密码的"),
            (&self.spared, "不再超限额的"),
        ];
        let said = all.into_iter().filter(|(hit, _)| hit.charges > 0).map(|(hit, word)| {
            let (charges, people) = (hit.charges, hit.people.len());
            format!("{word} {charges} 笔（{}，涉及 {people} 人）", hit.amount)
        });
        let said: Vec<String> = said.collect();
        if said.is_empty() {
            return format!("{when}{of}消费都不受影响；被拒过的收款没有入账，不在其中。");
        }
        format!("{when}{}。", said.join("，"))
    }
}

fn top_ups((orders, people): (u64, u64)) -> String {
    match orders {
        0 => "过去 30 天的充值都在新的上下限之内。".to_owned(),
        _ => format!("过去 30 天有 {orders} 笔充值（涉及 {people} 人）在新的上下限之外。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(meal: Option<i64>, day: Option<i64>, over: &str) -> Limits {
        let fields = serde_json::json!({ "meal_fen": meal, "day_fen": day, "over_limit": over });
        serde_json::from_value(fields).unwrap()
    }

    fn paid(person: u128, charges: &[(u16, i64)]) -> Vec<Paid> {
        let day = Day::from_number(20_000);
        let one = |(minute, fen): &(u16, i64)| Paid {
            person: Uuid::from_u128(person),
            day,
            at: day.start().plus(Duration::from_mins(u64::from(*minute))),
            amount: Fen::new(*fen).unwrap(),
        };
        charges.iter().map(one).collect()
    }

    /// A breakfast and two charges at lunch, under one rule and then another.
    #[test]
    fn limits_hit_what_they_would_have_refused() {
        let day = paid(1, &[(6 * 60, 1000), (12 * 60, 2000), (12 * 60 + 1, 1500), (13 * 60, 100)]);
        let counts = |before: Option<Limits>, after: Option<Limits>| {
            let mut found = LimitsHit::default();
            found.add(&day, [before.as_ref(), after.as_ref()]);
            [found.refused, found.asked, found.spared].map(|hit| (hit.charges, hit.amount.get()))
        };
        let none = (0, 0);
        for (before, after, expected) in [
            (None, Some(limits(Some(3000), None, "refuse")), [(1, 1500), none, none]),
            // What was refused leaves room for what is smaller.
            (None, Some(limits(Some(2000), None, "refuse")), [(2, 1600), none, none]),
            (None, Some(limits(None, Some(4500), "refuse")), [(1, 100), none, none]),
            (None, Some(limits(None, Some(4500), "password")), [none, (1, 100), none]),
            (None, Some(limits(Some(3000), None, "password")), [none, (2, 1600), none]),
            (Some(limits(Some(3000), None, "password")), None, [none, none, (2, 1600)]),
            (
                Some(limits(Some(3000), None, "password")),
                Some(limits(Some(3000), None, "refuse")),
                [(1, 1500), none, (1, 100)],
            ),
            (
                Some(limits(Some(3000), None, "refuse")),
                Some(limits(Some(3500), None, "refuse")),
                [(1, 100), none, (1, 1500)],
            ),
            (None, Some(limits(Some(3600), Some(4600), "refuse")), [none, none, none]),
        ] {
            assert_eq!(counts(before.clone(), after.clone()), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_hit_names_charges_and_people() {
        let mut all = paid(1, &[(700, 4000), (701, 10)]);
        all.extend(paid(2, &[(700, 5000)]));
        let (first, later) = (Some(Day::from_number(19_990)), Some(Day::from_number(20_000)));
        let mut found = LimitsHit { since: first, ..LimitsHit::default() };
        assert_eq!(
            found.sentence(first),
            "过去 30 天的消费都不受影响；被拒过的收款没有入账，不在其中。"
        );
        found.add(&all, [None, Some(&limits(Some(3000), None, "refuse"))]);
        assert_eq!(found.sentence(first), "过去 30 天会多拒 2 笔（¥90.00，涉及 2 人）。");
        found.since = later;
        let part = "消费太多，只算了 2024-10-04 至今：会多拒 2 笔（¥90.00，涉及 2 人）。";
        assert_eq!(found.sentence(first), part);
        let mut part = LimitsHit { since: later, ..LimitsHit::default() };
        assert!(
            part.sentence(first).starts_with("消费太多，只算了 2024-10-04 至今：消费都不受影响")
        );
        part.since = None;
        assert_eq!(part.sentence(first), UNKNOWN);
    }
}
