//! A person: how the card stands, what there is of money, bindings and devices, and what can be done.

use super::{HERE, kind_of, path_of, place_of};
use crate::{
    base::ids::PersonId,
    console::{
        Console, audit,
        browser::Seat,
        doors,
        frame::{Frame, PageError, shown},
        orders,
        way_back::{CameFrom, after, leading_back},
        words,
    },
    orders::order::WholeOrder,
    passcode::PersonDevice,
    sessions::PersonBinding,
    staff::{PersonDetail, guard::ReadPeople},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

/// A binding as the page shows it.
struct BindingRow {
    platform: &'static str,
    bound_at: String,
    end: Option<String>,
}

/// A device as the page shows it.
struct DeviceRow {
    name: String,
    platform: &'static str,
    enrolled_at: String,
    seen_at: String,
    end: Option<String>,
}

/// An order as the page shows it.
struct OrderRow {
    path: String,
    text: String,
}

#[derive(Template)]
#[template(path = "console/person.html")]
struct DetailPage {
    frame: Frame,
    name: String,
    person_no: String,
    state: &'static str,
    kind: &'static str,
    facts: Vec<(&'static str, String)>,
    /// Where the name and the phone are shown, if the member may see them.
    reveal: Option<String>,
    /// What can be done for the card, as verb and page.
    card: Option<(&'static str, String)>,
    /// What can be asked for, as word and page.
    asks: Vec<(&'static str, String)>,
    is_own: bool,
    bindings: Vec<BindingRow>,
    devices: Vec<DeviceRow>,
    orders: Vec<OrderRow>,
    /// All of them.
    all_orders: Option<String>,
    /// What changed the balances.
    statement: Option<String>,
    doors: Option<String>,
    logged: Vec<String>,
    log: String,
    back: String,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadPeople>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.people.open(&seat.member, id.into_inner()).await?;
    let back = from.given();
    let has = |act| seat.member.roles.has(act);
    let doors = if has(StaffAct::ReadDoorRights) {
        Some(doors::list_of(&console, &seat.member, &detail.listed.person_no, "")?)
    } else {
        None
    };
    let one = &detail.listed;
    let all_orders = if has(StaffAct::ReadOrders) {
        let whose = (one.id, &*one.name, &*one.person_no);
        Some(orders::list_of(&console, &seat.member, whose)?)
    } else {
        None
    };
    let statement = has(StaffAct::ReadBalances).then(|| to(one.id, "statement", &back));
    let log = console.people.log(&seat.member, one.id).await?;
    let logged = log.into_iter().map(audit::sentence).collect();
    let frame = Frame::of(&seat, &console, HERE).await?;
    let may = |act| has(act) && !detail.is_own;
    let rights = (may(StaffAct::ChangePerson), may(StaffAct::RevealPerson));
    let asks = ASKS.into_iter().filter(|(act, ..)| may(*act));
    let asks = asks.map(|(_, word, what)| (word, to(detail.listed.id, what, &back))).collect();
    let shown_too = DetailPage {
        asks,
        all_orders,
        statement,
        logged,
        ..page(frame, &detail, rights, (doors, back))
    };
    shown(&shown_too)
}

/// What can be asked for, which another person decides: the right, its word and its page.
const ASKS: [(StaffAct, &str, &str); 2] = [
    (StaffAct::AskAdjustment, "申请调账", "adjust"),
    (StaffAct::ResetPassword, "申请重置查询密码", "password-reset"),
];

/// The page of an act for a person, with the list behind it.
fn to(id: PersonId, what: &str, back: &str) -> String {
    leading_back(&format!("{}/{what}", path_of(id)), back)
}

fn page(
    frame: Frame,
    detail: &PersonDetail,
    (changes, reveals): (bool, bool),
    (doors, back): (Option<String>, String),
) -> DetailPage {
    let one = &detail.listed;
    let to = |what: &str| to(one.id, what, &back);
    let end = |what: String| changes.then(|| to(&what));
    let card = match detail.lost_at {
        None => ("挂失", to("loss")),
        Some(_) => ("解除挂失", to("cancel-loss")),
    };
    let bindings = detail.bindings.iter();
    let devices = detail.devices.iter();
    DetailPage {
        frame,
        name: one.name.clone(),
        person_no: one.person_no.clone(),
        state: words::card(one.status),
        kind: kind_of(one.status),
        facts: facts(detail),
        reveal: reveals.then(|| to("reveal")),
        card: changes.then_some(card),
        asks: Vec::new(),
        is_own: detail.is_own,
        bindings: bindings
            .map(|binding| binding_row(binding, end(format!("bindings/{}/end", binding.id))))
            .collect(),
        devices: devices
            .map(|device| device_row(device, end(format!("devices/{}/end", device.id))))
            .collect(),
        orders: detail.orders.iter().map(order_row).collect(),
        all_orders: None,
        statement: None,
        doors,
        logged: Vec::new(),
        log: format!("/staff/audit?object={}", one.id),
        back: after(&back, HERE.0),
    }
}

/// What is known of a person, as far as there is any.
fn facts(detail: &PersonDetail) -> Vec<(&'static str, String)> {
    let one = &detail.listed;
    let mut facts = vec![("学号或工号", one.person_no.clone()), ("姓名", one.name.clone())];
    facts.push(("类别", words::person_kind(one.kind).to_owned()));
    facts.push(("院系班级", place_of(one)));
    let phone = detail.phone_end.as_ref();
    facts.push(("手机", phone.map_or("没有登记".to_owned(), |end| format!("尾号 {end}"))));
    if let Some(last) = detail.valid_until {
        facts.push(("有效期至", last.to_string()));
    }
    if let Some(at) = detail.lost_at {
        facts.push(("挂失时间", words::when(at)));
    }
    if let Some(balances) = &detail.balances {
        let total = balances.total();
        facts.push(("余额", words::yuan(total.get())));
        facts.push((
            "其中",
            format!(
                "卡 {}，过渡 {}，电子账户 {}",
                words::yuan(balances.card.get()),
                words::yuan(balances.transition.get()),
                words::yuan(balances.e_account.get())
            ),
        ));
        if total.is_negative() {
            facts.push(("欠款", words::yuan(total.get().saturating_neg())));
        }
    }
    facts.retain(|(_, fact)| !fact.is_empty());
    facts
}

fn binding_row(binding: &PersonBinding, end: Option<String>) -> BindingRow {
    BindingRow {
        platform: words::platform(binding.platform),
        bound_at: words::when(binding.bound_at),
        end,
    }
}

fn device_row(device: &PersonDevice, end: Option<String>) -> DeviceRow {
    DeviceRow {
        name: words::device(device),
        platform: words::platform(device.channel.platform()),
        enrolled_at: words::when(device.enrolled_at),
        seen_at: words::when(device.seen_at),
        end,
    }
}

fn order_row(whole: &WholeOrder) -> OrderRow {
    let order = &whole.order;
    OrderRow {
        path: format!("/staff/orders/{}", order.id),
        text: format!(
            "{} {} {}，{}",
            words::when(order.created_at),
            order.purpose.title(),
            order.amount,
            words::order_state(whole.shown_state())
        ),
    }
}
