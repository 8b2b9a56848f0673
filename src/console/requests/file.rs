//! Lists of requests as files.

use super::{Asked, Desk, Listed, Wanted, search::Searched, words};
use crate::{
    approvals::ApprovalQuery,
    base::{
        clock::Timestamp,
        table_file::{TableShape, yuan},
    },
    console::{
        Console,
        browser::Sent,
        exports::{self, ExportForm, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportDesk, ExportKind, ListError, OpenedList},
    staff::{
        StaffActError,
        guard::{
            ReadAdjustments, ReadBills, ReadPasswordResets, ReadPolicy, ReadRefunds, ReadStaff,
        },
    },
    staff_accounts::StaffMember,
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};

const HEADER: &[&str] = &[
    "编号",
    "类型",
    "对象",
    "金额（元）",
    "状态",
    "进展",
    "申请时间",
    "申请人",
    "申请人工号",
    "理由",
    "到期",
    "复核人",
    "复核人工号",
    "复核时间",
    "复核意见",
];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[3];

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident: $needs:ident, $desk:ident, $kind:ident;)*) => {
        $($(#[$doc])*
        pub(in crate::console) struct $name;

        impl Exportable for $name {
            type Needs = $needs;
            const KIND: ExportKind = ExportKind::$kind;

            fn open(
                console: &Console,
                member: &StaffMember,
                query: &str,
            ) -> Result<OpenedList, PageError> {
                open(console, member, (Desk::$desk, Self::KIND, query))
            }
        }

        impl Searched for $name {
            type Needs = $needs;
            const DESK: Desk = Desk::$desk;
        })*
    };
}

lists! {
    /// Requests for refunds as they are exported.
    Refunds: ReadRefunds, Refunds, RefundRequests;
    /// Requests to accept differences of bills.
    Repairs: ReadBills, Repairs, RepairRequests;
    /// Requests to adjust balances.
    Adjustments: ReadAdjustments, Adjustments, Adjustments;
    /// Requests to reset query passwords.
    PasswordResets: ReadPasswordResets, Resets, PasswordResets;
    /// Requests about logins of members of staff.
    Logins: ReadStaff, Logins, StaffRequests;
    /// Requests to change the policy.
    Policies: ReadPolicy, Policies, PolicyRequests;
}

impl Desk {
    /// What the log calls its requests, and the name of their file.
    const fn subject(self) -> (&'static str, &'static str) {
        match self {
            Self::Refunds => ("requests for refunds", "refund-requests"),
            Self::Repairs => ("requests to accept differences", "repair-requests"),
            Self::Adjustments => ("requests to adjust balances", "adjustments"),
            Self::Resets => ("requests to reset passwords", "password-resets"),
            Self::Logins => ("requests about logins", "staff-requests"),
            Self::Policies => ("requests to change the policy", "policy-requests"),
        }
    }
}

/// Of the two lists that share an address the one that it names.
pub(in crate::console) async fn export(
    sent: Sent<ReadRefunds, ExportForm>,
    wanted: Query<Wanted>,
    request: HttpRequest,
    (console, desk): (Data<Console>, Data<ExportDesk>),
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: ExportForm { format } } = sent;
    let what = (request.query_string(), format);
    match wanted.desk() {
        Desk::Repairs => exports::taken::<Repairs>(&seat.member, &console, &desk, what).await,
        Desk::Refunds | Desk::Adjustments | Desk::Resets | Desk::Logins | Desk::Policies => {
            exports::taken::<Refunds>(&seat.member, &console, &desk, what).await
        }
    }
}

fn open(
    console: &Console,
    member: &StaffMember,
    (desk, kind, query): (Desk, ExportKind, &str),
) -> Result<OpenedList, PageError> {
    let now = console.clock.now();
    member.may(desk.reads(), now)?;
    let of = exports::read::<Wanted>(query)?.of;
    let (query, place): (ApprovalQuery, Place) = (exports::read(query)?, exports::read(query)?);
    let checked = query.filter((member.school, &[]), &member.staff_no, now);
    checked.map_err(StaffActError::BadFilter)?;
    let asked = Asked::of(member, console, (desk, of), (query, place))?;
    let said = exports::said(&asked.chips());
    let about = exports::about(member, (asked.chips(), "无"));
    let (console, member, Asked { query, .. }) = (console.clone(), member.clone(), asked);
    let (subject, name) = desk.subject();
    Ok(OpenedList {
        table: TableShape {
            name: name.to_owned(),
            sheet: "申请",
            header: HEADER,
            amounts: AMOUNTS,
            about: about.into(),
        },
        needs: kind.act(),
        subject: subject.to_owned(),
        asked: said,
        rows: OpenedList::pages(
            place.descending(),
            async move |page| {
                let found = desk.page(&console, &member, &query, page).await;
                found.map_err(|error| ListError::from(error.to_string()))
            },
            |one| one.approval.id.uuid(),
            move |one| cells(desk, &one, now).into(),
        ),
    })
}

fn cells(desk: Desk, listed: &Listed, now: Timestamp) -> [String; 15] {
    let Listed { approval, standing, object } = listed;
    let decision = approval.decision.as_ref();
    let by = decision.map(|decision| decision.by.clone());
    let (decider, decider_no) = by.map(|by| (by.login, by.staff_no)).unwrap_or_default();
    let asker = approval.asked_by.clone();
    [
        approval.id.uuid().simple().to_string(),
        words::approval_kind(approval.kind).to_owned(),
        object.clone(),
        if desk.is_of_money() { yuan(approval.amount.get()) } else { String::new() },
        words::approval_state(approval.state_at(now)).to_owned(),
        standing.map(words::refund).unwrap_or_default().to_owned(),
        words::when(approval.asked_at),
        asker.login,
        asker.staff_no,
        approval.reason.clone(),
        words::when(approval.expires_at),
        decider,
        decider_no,
        decision.map(|decision| words::when(decision.at)).unwrap_or_default(),
        decision.map(|decision| decision.why.clone()).unwrap_or_default(),
    ]
}
