//! 消息: what could not be delivered, by reason, and sending it again.

mod file;

pub(super) use file::Failed;

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, sent_to, shown},
    list::{self, Address, COUNTED, ListView, Pages, Place, grouped},
    way_back::{after, anchor, at_row},
    words,
};
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, problem::INVALID},
    },
    staff::guard::{ReadMessages, RetryMessages},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

const HERE: (&str, &str) = ("/staff/messages", "消息与帮助");

/// A reason as the list shows it.
struct Group {
    path: String,
    kind: &'static str,
    reason: String,
    count: String,
    last: String,
}

/// A message as the list shows it.
struct Row {
    id: Uuid,
    /// Its place on the page, and the page at that place, to come back to.
    anchor: String,
    back: String,
    number: String,
    at: String,
    seen: i64,
    tries: i32,
}

#[derive(Template)]
#[template(path = "console/messages.html")]
struct GroupsPage {
    frame: Frame,
    groups: Vec<Group>,
}

#[derive(Template)]
#[template(path = "console/messages_of.html")]
struct RowsPage {
    frame: Frame,
    of: (String, String),
    reason: String,
    rows: Vec<Row>,
    retries: bool,
    list: ListView,
    pages: Pages,
}

/// Which messages; who may not see them is told so first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    kind: String,
    reason: String,
}

/// Which failure, and the list that it stands in.
#[derive(Debug, Deserialize)]
pub(super) struct RetryForm {
    seen: String,
    kind: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    back: String,
}

pub(super) async fn groups(
    seat: Seat<ReadMessages>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let found = console.staff.failed_messages(&seat.member).await?;
    let group = |one: crate::base::outbox::RefusedGroup| Group {
        path: address(&one.kind, &one.reason).to_string(),
        kind: kind_word(&one.kind),
        reason: reason_word(&one.reason),
        count: grouped(one.jobs),
        last: words::when(one.last),
    };
    shown(&GroupsPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        groups: found.into_iter().map(group).collect(),
    })
}

pub(super) async fn failed(
    seat: Seat<ReadMessages>,
    (wanted, place): (Query<Wanted>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Wanted { kind, reason }, desk) = (wanted.into_inner(), &console.staff);
    let (of, list) = ((&*kind, &*reason), address(&kind, &reason));
    let found = desk.failed_messages_of(&seat.member, of, place.keyset()).await?;
    let count = desk.count_failed_messages(&seat.member, of, COUNTED + 1).await?;
    let (found, pages) = place.turn(found, |one| one.id, &list);
    let here = place.address(&list).to_string();
    let rows = found.iter().map(|one| Row {
        id: one.id,
        back: at_row(&here, &anchor('x', one.id)),
        anchor: anchor('x', one.id),
        number: one.subject.clone(),
        at: words::when(one.refused_at),
        seen: one.refused_at.micros(),
        tries: one.tries,
    });
    let none = ["没有符合条件的消息。"; 2];
    shown(&RowsPage {
        frame: Frame::of(&seat, &console, (HERE.0, kind_word(&kind))).await?,
        rows: rows.collect(),
        retries: seat.member.roles.has(StaffAct::RetryMessages),
        list: place.view(&list, Vec::new(), list::count(count, "条"), none),
        pages,
        reason: reason_word(&reason),
        of: (kind, reason),
    })
}

/// Sends one again; a second click finds that done.
pub(super) async fn retry(
    sent: Sent<RetryMessages, RetryForm>,
    id: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let RetryForm { seen, kind, reason, back } = sent.form;
    let seen: i64 = seen.parse().map_err(|_| ApiError::new(INVALID))?;
    let of = (id.into_inner(), Timestamp::from_micros(seen));
    let done = console.staff.retry_message(&sent.seat.member, of).await?;
    let said = if done { "message-resent" } else { "message-was-resent" };
    Ok(sent_to(&after(&back, &address(&kind, &reason).to_string()), Some(said)))
}

fn address(kind: &str, reason: &str) -> Address {
    Address::of("/staff/messages/failed").with("kind", kind).with("reason", reason)
}

fn kind_word(kind: &str) -> &'static str {
    match kind {
        "message_credited" => "充值到账的消息",
        "message_refunded" => "退款到账的消息",
        _ => "发货信息",
    }
}

pub(super) fn reason_word(code: &str) -> String {
    match code {
        "" => "没有记下原因".to_owned(),
        "too_old" => "超过 24 小时，不再发送".to_owned(),
        "turned_off" => "学校已停用这类消息".to_owned(),
        "no_subject" => "没有这笔款项".to_owned(),
        "43101" => "付款人没有同意接收（43101）".to_owned(),
        code => format!("平台拒绝（{code}）"),
    }
}
