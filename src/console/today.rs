//! 今日待办: what waits for the member who looks, and how the day goes.

mod chart;

use super::{
    Console,
    browser::{Anybody, Seat},
    frame::{Frame, PageError, shown},
    list::{COUNTED, grouped, money},
    requests, words,
};
use crate::{
    base::clock::{Day, Timestamp},
    staff::Today,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use chart::Chart;

const HERE: (&str, &str) = ("/staff", "今日待办");

/// The lists by their names: what waits in each, and where it is.
const LISTS: [(&str, &str, &str); 15] = [
    ("refund_requests", "退款待复核", requests::REFUNDS_TO_DECIDE),
    ("repair_requests", "对账差异待复核", requests::REPAIRS_TO_DECIDE),
    ("adjustment_requests", "调账待复核", requests::ADJUSTMENTS_TO_DECIDE),
    ("password_resets", "重置密码待复核", requests::RESETS_TO_DECIDE),
    ("free_cases", "异常未接手", "/staff/cases?state=free"),
    ("own_cases", "异常您接手", "/staff/cases?mine=yes"),
    ("open_bill_days", "账单未平的日子", "/staff/reconciliation?state=open&sort=oldest"),
    ("awaited_bill_days", "未取到账单", "/staff/reconciliation?state=awaited&sort=oldest"),
    ("checked_rosters", "花名册待导入", "/staff/roster-imports?state=checked"),
    ("staff_requests", "账号申请待复核", requests::LOGINS_TO_DECIDE),
    ("policy_requests", "政策申请待复核", requests::POLICIES_TO_DECIDE),
    (
        "differences_of_yesterday",
        "昨日对账有差异",
        "/staff/reconciliation?state=open&from={yesterday}&to={yesterday}",
    ),
    ("failed_messages", "消息发送失败", "/staff/messages"),
    (
        "many_reveals",
        "一天查看超过 30 人",
        "/staff/audit?act=person.revealed_often&since={yesterday}",
    ),
    ("terminals_off", "停用的终端", "/staff/terminals?state=off"),
];

/// A number that is a list.
struct Tile {
    word: &'static str,
    count: String,
    oldest: Option<String>,
    path: String,
}

/// The money of the day.
struct Money {
    paid: String,
    back: String,
    chart: Chart,
}

/// Something that runs, in a line.
struct Running {
    word: String,
    how: String,
    is_well: bool,
}

#[derive(Template)]
#[template(path = "console/today.html")]
struct TodayPage {
    frame: Frame,
    waiting: Vec<Tile>,
    noted: Vec<Tile>,
    money: Option<Money>,
    running: Vec<Running>,
}

pub(super) async fn show(
    seat: Seat<Anybody>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    // Boxed: it asks all the rooms.
    let today = Box::pin(console.today.today(&seat.member, COUNTED + 1)).await?;
    let now = today.now;
    shown(&TodayPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        waiting: today
            .waiting
            .iter()
            .filter_map(|one| tile(one.kind, (one.count, one.oldest), now))
            .collect(),
        noted: today
            .noted
            .iter()
            .filter_map(|one| tile(one.kind, (one.count, one.oldest), now))
            .collect(),
        money: money_of(&today),
        running: running(&today),
    })
}

fn tile(kind: &str, (count, oldest): (u64, Option<Timestamp>), now: Timestamp) -> Option<Tile> {
    let (_, word, path) = LISTS.into_iter().find(|(name, ..)| *name == kind)?;
    let yesterday = Day::from_number(now.day().number().saturating_sub(1));
    let many = count > u64::from(COUNTED);
    Some(Tile {
        word,
        count: if many { "1,000+".to_owned() } else { grouped(count) },
        oldest: oldest.map(|oldest| format!("最早 {}", words::ago(oldest, now))),
        path: path.replace("{yesterday}", &yesterday.to_string()),
    })
}

fn money_of(today: &Today) -> Option<Money> {
    let ([paid, back], hours) = (today.sums()?, today.money?);
    let (paid, back) = (money(paid), money(back));
    Some(Money { paid, back, chart: Chart::of(&hours) })
}

/// The time of an instant of this day, else with its date.
fn at(instant: Timestamp, now: Timestamp) -> String {
    let text = words::when(instant);
    match text.split_once(' ') {
        Some((_, time)) if instant.day() == now.day() => time.to_owned(),
        _ => text,
    }
}

fn running(today: &Today) -> Vec<Running> {
    let now = today.now;
    let provider = |pulse: &crate::orders::due::ProviderPulse| {
        let heard = pulse.heard_at.map_or("还没有".to_owned(), |heard| at(heard, now));
        let late = match pulse.overdue {
            0 => String::new(),
            overdue => format!("，{} 笔付款没有问到结果", grouped(overdue)),
        };
        Running {
            word: format!("{}回调", words::provider(pulse.provider)),
            how: format!("最近 {heard}{late}"),
            is_well: pulse.overdue == 0,
        }
    };
    let mut all: Vec<Running> = today.providers.iter().flatten().map(provider).collect();
    let Some(sealing) = today.sealing else { return all };
    let checked = match today.checked {
        Some(check) if check.holds => format!("{} 通过", at(check.at, now)),
        Some(check) => format!("{} 发现不符，请立即查看", at(check.at, now)),
        None => "还没有核验过".to_owned(),
    };
    let sealed = sealing.sealed_at.map_or("还没有".to_owned(), |sealed| at(sealed, now));
    all.push(Running {
        word: "账本核验".to_owned(),
        how: format!("{checked}，封存至 {sealed}"),
        is_well: today.checked.is_none_or(|check| check.holds),
    });
    all
}
