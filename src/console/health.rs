//! 运行状况: what is late, in plain words.

use super::{
    Console, audit,
    browser::{Seat, Sent},
    frame::{Frame, PageError, sent_to, shown},
    list, messages,
    sign_in::NoFields,
    words,
};
use crate::{
    base::job_runs::JobRun,
    key_trials::{KeyTrialError, KeyTrialState, TrialVerdict},
    reconciliation::{BillDay, BillStanding},
    staff::{
        HealthLevel, SchoolHealth,
        guard::{ReadHealth, TryKeys},
    },
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

const HERE: (&str, &str) = ("/staff/health", "运行状况");

/// Something that runs, as the page shows it.
struct Row {
    what: String,
    level: &'static str,
    level_kind: &'static str,
    how: String,
    /// What to do about it; empty where it goes well.
    advice: &'static str,
}

/// The keys of a provider, as the page shows them.
struct KeyRow {
    section: &'static str,
    title: &'static str,
    level: &'static str,
    level_kind: &'static str,
    words: String,
    /// When and by whom they were last tried.
    tried: String,
}

#[derive(Template)]
#[template(path = "console/health.html")]
struct HealthPage {
    frame: Frame,
    worst: &'static str,
    at: String,
    rows: Vec<Row>,
    keys: Vec<KeyRow>,
    /// Whether the member may try them.
    tries: bool,
}

pub(super) async fn show(
    seat: Seat<ReadHealth>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let health = console.staff.health(&seat.member).await?;
    shown(&HealthPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        worst: match health.worst() {
            HealthLevel::Well => "一切正常。",
            HealthLevel::Late => "有工作晚了，系统正在处理。",
            HealthLevel::Stuck => "有工作停住了，需要有人处理。",
        },
        at: words::when(health.now),
        rows: rows(&health),
        keys: health.keys.iter().map(key_row).collect(),
        tries: seat.member.roles.has(StaffAct::TryKeys),
    })
}

pub(super) async fn try_keys(
    sent: Sent<TryKeys, NoFields>,
    provider: Path<String>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let NoFields {} = sent.form;
    let said = match console.staff.try_keys(&sent.seat.member, &provider).await {
        Ok(_) => "keys-tried",
        // A second click, or a colleague: the result is on the page.
        Err(KeyTrialError::TooSoon) => "keys-tried-just-now",
        Err(error) => return Err(error.into()),
    };
    Ok(sent_to(HERE.0, Some(said)))
}

fn key_row(state: &KeyTrialState) -> KeyRow {
    let KeyTrialState { section, title, last, words } = state;
    let (level, level_kind) = match last.as_ref().map(|last| last.tried.finding) {
        Some(finding) => match finding.verdict() {
            TrialVerdict::Good => (finding.label(), "good"),
            TrialVerdict::Wrong | TrialVerdict::Unknown => (finding.label(), "waits"),
        },
        None => ("没有试过", ""),
    };
    let tried =
        last.as_ref().map(|last| format!("{}，{}", words::when(last.at), audit::who(&last.by)));
    let words = if words.is_empty() {
        "上线前请试一次：只查询，不动钱。".to_owned()
    } else {
        words.clone()
    };
    let tried = tried.unwrap_or_default();
    KeyRow { section, title, level, level_kind, words, tried }
}

fn rows(health: &SchoolHealth) -> Vec<Row> {
    let mut rows = providers(health);
    rows.extend(outbox(health));
    rows.push(sealing(health));
    rows.push(check(health));
    rows.extend(bills(health));
    rows.extend(jobs(health));
    rows.extend(refused(health));
    rows
}

fn check(health: &SchoolHealth) -> Row {
    let how = match health.check {
        Some(check) if check.holds => format!("最近 {}，全部成立", words::when(check.at)),
        Some(check) => format!("最近 {}，发现不符", words::when(check.at)),
        None => "还没有核验过".to_owned(),
    };
    let advice = "请立即让运行服务器的人看 onecard verify 的输出，不要更改任何数据。";
    row("账本核验".to_owned(), health.of_check(), (how, advice))
}

fn bills(health: &SchoolHealth) -> Vec<Row> {
    let bill = |bills: &BillStanding| {
        let last = match bills.last {
            Some((day, at)) => format!("最近核对 {day} 的账单，{}", words::when(at)),
            None => "还没有核对过账单".to_owned(),
        };
        let missing = match bills.missing {
            0 => String::new(),
            days => format!("；{} 天未取到账单", list::grouped(days)),
        };
        let due = BillDay::due_by(health.now).next();
        let next = bills.last.map_or(due, |(day, _)| due.max(day.next()));
        let how = format!("{last}{missing}；下次 {next} 的账单，次日 10:00 以后");
        let advice = "请在对账页取账单并核对；取不到时试用密钥，并看服务器日志。";
        let what = format!("{}对账", words::provider(bills.provider));
        row(what, health.of_bills(bills), (how, advice))
    };
    health.bills.iter().map(bill).collect()
}

/// A row for each job that fails or once failed; one row for all that are well.
fn jobs(health: &SchoolHealth) -> Vec<Row> {
    let is_well = |job: &&JobRun| health.of_job(job) == HealthLevel::Well;
    let (well, failing): (Vec<_>, Vec<_>) = health.jobs.iter().partition(is_well);
    let mut rows: Vec<Row> = failing.into_iter().map(|job| job_row(job, health)).collect();
    let newest = well.iter().filter_map(|job| job.done_at).max();
    let how = match newest {
        Some(at) => format!("{} 项任务正常，最近一项做完于 {}", well.len(), words::when(at)),
        None => format!("{} 项任务正常，都还没有做完过", well.len()),
    };
    rows.push(row("后台任务".to_owned(), HealthLevel::Well, (how, "")));
    rows.extend(well.iter().filter(|job| job.failed.is_some()).map(|job| job_row(job, health)));
    rows
}

fn job_row(job: &JobRun, health: &SchoolHealth) -> Row {
    let done = job
        .done_at
        .map_or("还没有做完过".to_owned(), |at| format!("最近做完于 {}", words::when(at)));
    let failed = job
        .failed
        .as_ref()
        .map(|(at, kind)| format!("；最近没有做成于 {}：{}", words::when(*at), failure(kind)));
    let how = format!("{done}{}", failed.unwrap_or_default());
    let advice = "请看服务器日志里这项任务的错误。任务会一直重试，不会重复办理。";
    row(format!("任务：{}", job_name(&job.name)), health.of_job(job), (how, advice))
}

/// Why a job was not done.
fn failure(kind: &str) -> &'static str {
    match kind {
        "database" => "数据库没有回答",
        "provider" => "平台没有回答",
        "stopped" => "任务中断，已重新开始",
        _ => "其他原因",
    }
}

/// What a job does, by its name in the program.
fn job_name(name: &str) -> &str {
    match name {
        "sweep" => "查询付款和退款的结果",
        "outbox" => "发出退款和消息",
        "sealer" => "账本封存",
        "signed heads" => "账本链头签名",
        "bills" => "取账单并核对",
        "exports" => "导出文件",
        "refusals of staff" => "记下被拒绝的操作",
        "rosters" => "花名册核对和导入",
        "provider certificates" => "更新支付平台证书",
        "overdue approvals" => "结束到期的申请",
        "policies that begin" => "政策生效",
        "schools" => "读取学校和政策",
        "codes" => "付款码",
        "key ring" => "查询开门的结果",
        "events" => "通知手机",
        "metrics upkeep" => "运行指标",
        "job runs" => "记下任务的情况",
        "contacts of terminals" => "终端联系时间",
        "old sessions"
        | "old sessions of staff"
        | "old files"
        | "old events"
        | "old openings"
        | "old refused rows"
        | "idempotency keys"
        | "log of doors"
        | "tries upkeep" => "清理过期的数据",
        other => other,
    }
}

/// What others refused for ever: it waits for nobody, and is sent again by hand.
fn refused(health: &SchoolHealth) -> Option<Row> {
    let last = health.refused.iter().map(|group| group.last).max()?;
    let sum: u64 = health.refused.iter().map(|group| group.jobs).sum();
    let mut reasons: Vec<String> =
        health.refused.iter().map(|group| messages::reason_word(&group.reason)).collect();
    reasons.dedup();
    let (sum, reasons) = (list::grouped(sum), reasons.join("、"));
    let how = format!("{sum} 条没有送达，最近 {}：{reasons}", words::when(last));
    Some(row("没有送达的消息".to_owned(), HealthLevel::Well, (how, "")))
}

fn providers(health: &SchoolHealth) -> Vec<Row> {
    let provider = |state: &crate::orders::due::ProviderPulse| {
        let heard = match state.heard_at {
            Some(at) => format!("最近一次通知 {}", words::when(at)),
            None => "还没有收到过通知".to_owned(),
        };
        let how = match state.overdue_since {
            Some(since) => format!(
                "{heard}；{} 笔付款应查询而没有查到，最早 {}",
                state.overdue,
                words::when(since)
            ),
            None => heard,
        };
        let advice =
            "请看服务器日志：支付平台没有回答，或查询付款的任务停了。钱不会丢失，恢复后自动补记。";
        row(words::provider(state.provider).to_owned(), health.of_provider(state), (how, advice))
    };
    health.providers.iter().map(provider).collect()
}

fn outbox(health: &SchoolHealth) -> Vec<Row> {
    let nothing = || {
        let how = "没有等待发出的".to_owned();
        vec![row("发出的请求和消息".to_owned(), HealthLevel::Well, (how, ""))]
    };
    let backlog = |backlog: &crate::base::outbox::Backlog| {
        let (waiting, oldest) = (list::grouped(backlog.waiting), words::when(backlog.oldest));
        let how = format!("等待 {waiting} 项，最早 {oldest}，最多试过 {} 次", backlog.tries);
        let advice = "请看服务器日志：对方没有回答或拒绝。系统会一直重试，不会重复办理。";
        row(outbox_kind(&backlog.kind), health.of_backlog(backlog), (how, advice))
    };
    let rows: Vec<Row> = health.outbox.iter().map(backlog).collect();
    if rows.is_empty() { nothing() } else { rows }
}

fn sealing(health: &SchoolHealth) -> Row {
    let state = health.sealing;
    let sealed = match state.sealed_at {
        Some(at) => format!("封存至 {}，第 {} 号", words::when(at), state.position),
        None => "还没有可封存的".to_owned(),
    };
    let how = if state.waiting == 0 {
        sealed
    } else {
        format!("{sealed}；等待 {} 批", list::grouped(state.waiting))
    };
    let advice = "请看服务器日志：封存任务停了。收付照常，但账本的封存没有跟上。";
    row("账本封存".to_owned(), health.of_sealing(), (how, advice))
}

fn row(what: String, level: HealthLevel, (how, advice): (String, &'static str)) -> Row {
    let (word, level_kind, advice) = match level {
        HealthLevel::Well => ("正常", "good", ""),
        HealthLevel::Late => ("晚了", "waits", ""),
        HealthLevel::Stuck => ("停住了", "waits", advice),
    };
    Row { what, level: word, level_kind, how, advice }
}

/// What a kind of job does.
fn outbox_kind(kind: &str) -> String {
    match kind {
        "refund" => "发出退款".to_owned(),
        "message_credited" => "到账消息".to_owned(),
        "message_refunded" => "退款消息".to_owned(),
        "shipping" => "上报发货信息".to_owned(),
        other => format!("其他（{other}）"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_named_in_words() {
        let names = "sweep,outbox,sealer,signed heads,bills,exports,refusals of staff,rosters,\
            provider certificates,overdue approvals,policies that begin,schools,codes,key ring,\
            events,metrics upkeep,job runs,contacts of terminals,old sessions,\
            old sessions of staff,old files,old events,old openings,old refused rows,\
            idempotency keys,log of doors,tries upkeep";
        for name in names.split(',') {
            assert_ne!(job_name(name), name);
        }
    }
}
