//! The console of staff at `/staff`: pages rendered on the server, complete without scripts.
//!
//! Invariant: a page does what the JSON of `/api/v1/staff` does, by the same functions of `staff`; it
//! decides nothing.
//! Invariant: who may see a page or send a form is the type of a handler's argument (`browser::Seat`, `browser::Sent`),
//! and is asked again in the transaction that acts.
//! Invariant: a form is accepted from a page of this console alone: its origin and its `csrf` are checked
//! before the handler runs.
//! Invariant: no address names a person.

mod account;
mod adjustments;
mod approvals;
mod assets;
mod audit;
mod bill_days;
mod bills;
mod browser;
mod cases;
mod confirm;
mod deciding;
mod doors;
mod exports;
mod factor;
mod frame;
mod health;
mod kept;
mod list;
mod member_add;
mod member_classes;
mod member_requests;
mod members;
mod merchants;
mod messages;
mod orders;
mod own_factor;
mod page_before;
mod password_resets;
mod people;
mod policy;
mod qr;
mod queries;
mod requests;
mod rosters;
mod said;
mod sealed;
mod second;
mod sent_file;
mod sign_in;
mod terminals;
mod today;
mod way_back;
mod words;
mod work;

use crate::{
    base::{
        clock::Clock,
        crypto::seal::Sealer,
        http::{
            ApiError,
            problem::{INVALID, NOT_FOUND},
        },
    },
    roster_imports::RosterDesk,
    schools::Schools,
    staff::{
        BillDesk, CaseDesk, DoorDesk, OrderDesk, PeopleDesk, StaffDesk, TerminalDesk, TodayDesk,
    },
    work_login::WorkLogins,
};
use actix_web::{Error, HttpRequest, Route, Scope, guard, middleware::from_fn, web};
use frame::PageError;
use std::sync::Arc;

/// What pages of staff ask for.
#[derive(Clone, Debug)]
pub struct Console {
    /// Sign-in, sessions, refunds.
    pub staff: StaffDesk,
    /// Orders.
    pub orders: OrderDesk,
    /// People.
    pub people: PeopleDesk,
    /// Bills.
    pub bills: BillDesk,
    /// Doors.
    pub doors: DoorDesk,
    /// Cases.
    pub cases: CaseDesk,
    /// Merchants and terminals.
    pub terminals: TerminalDesk,
    /// What waits, and how the day goes.
    pub today: TodayDesk,
    /// Rosters that are uploaded.
    pub rosters: RosterDesk,
    /// The schools.
    pub schools: Arc<Schools>,
    /// Signing in by messengers.
    pub work: WorkLogins,
    /// Seals what a form carries through the browser.
    pub sealer: Sealer,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Where messengers send browsers back to.
pub const WORK_CALLBACK: &str = "/staff/auth/wecom/callback";

/// A path below `/staff` with its method and handler.
struct Page(&'static str, &'static str, fn() -> Route);

macro_rules! pages {
    ($($method:ident $path:literal $handler:expr;)*) => {
        /// Every page and every form.
        const PAGES: &[Page] = &[
            $(Page(stringify!($method), $path, || web::$method().to($handler)),)*
        ];
    };
}

pages! {
    get "/sign-in" sign_in::show;
    post "/sign-in" sign_in::sign_in;
    post "/sign-in/first" sign_in::enrol;
    post "/sign-out" sign_in::sign_out;
    get "/auth/wecom" work::begin;
    get "/auth/wecom/callback" work::came_back;
    get "/auth/wecom/second-factor" work::ask_factor;
    post "/auth/wecom/second-factor" work::finish;
    get "/second-factor" factor::ask_factor;
    post "/second-factor" factor::confirm_factor;
    get "" today::show;
    get "/account" account::show;
    post "/account/sessions/{id}/end" account::end_session;
    get "/account/recovery-codes" account::ask_codes;
    post "/account/recovery-codes" account::renew_codes;
    get "/account/factor" own_factor::show;
    post "/account/factor" own_factor::offer;
    post "/account/factor/confirm" own_factor::replace;
    get "/account/password" account::ask_password;
    post "/account/password" account::change_password;
    get "/staff" members::list;
    post "/staff/export" exports::export::<members::Members>;
    get "/staff/add" member_add::ask_add;
    post "/staff/add" member_add::add;
    get "/staff/{id}" members::show;
    post "/staff/{id}/roles" members::change_roles;
    post "/staff/{id}/reset-factor" members::reset_factor;
    post "/staff/{id}/link-wecom" members::link;
    post "/staff/{id}/classes" member_classes::change;
    get "/staff/{id}/{act}" members::ask_act;
    post "/staff/{id}/{act}" members::act;
    get "/staff-requests" requests::of_logins;
    post "/staff-requests/export" exports::export::<requests::Logins>;
    post "/staff-requests/search" requests::search::<requests::Logins>;
    get "/staff-requests/{id}" deciding::show::<member_requests::MemberRequests>;
    post "/staff-requests/{id}/approve" deciding::approve::<member_requests::MemberRequests>;
    post "/staff-requests/{id}/reject" deciding::reject::<member_requests::MemberRequests>;
    post "/staff-requests/{id}/withdraw" deciding::withdraw::<member_requests::MemberRequests>;
    get "/people" people::list;
    post "/people/search" people::search;
    post "/people/export" exports::export::<people::People>;
    get "/people/{id}" people::show;
    get "/people/{id}/statement" people::statement;
    post "/people/{id}/statement/export" people::export_statement;
    get "/people/{id}/loss" people::ask_loss;
    post "/people/{id}/loss" people::loss;
    get "/people/{id}/cancel-loss" people::ask_cancel;
    post "/people/{id}/cancel-loss" people::cancel_loss;
    get "/people/{id}/devices/{device}/end" people::ask_device;
    post "/people/{id}/devices/{device}/end" people::end_device;
    get "/people/{id}/bindings/{binding}/end" people::ask_binding;
    post "/people/{id}/bindings/{binding}/end" people::end_binding;
    get "/people/{id}/reveal" people::ask_reveal;
    post "/people/{id}/reveal" people::reveal;
    get "/people/{id}/adjust" adjustments::ask_form;
    post "/people/{id}/adjust" adjustments::ask;
    get "/people/{id}/password-reset" password_resets::ask_form;
    post "/people/{id}/password-reset" password_resets::ask;
    get "/password-resets" requests::of_resets;
    post "/password-resets/export" exports::export::<requests::PasswordResets>;
    post "/password-resets/search" requests::search::<requests::PasswordResets>;
    get "/password-resets/{id}" deciding::show::<password_resets::PasswordResets>;
    post "/password-resets/{id}/approve" deciding::approve::<password_resets::PasswordResets>;
    post "/password-resets/{id}/reject" deciding::reject::<password_resets::PasswordResets>;
    post "/password-resets/{id}/withdraw" deciding::withdraw::<password_resets::PasswordResets>;
    get "/adjustments" requests::of_adjustments;
    post "/adjustments/export" exports::export::<requests::Adjustments>;
    post "/adjustments/search" requests::search::<requests::Adjustments>;
    get "/adjustments/{id}" deciding::show::<adjustments::Adjustments>;
    post "/adjustments/{id}/approve" deciding::approve::<adjustments::Adjustments>;
    post "/adjustments/{id}/reject" deciding::reject::<adjustments::Adjustments>;
    post "/adjustments/{id}/withdraw" deciding::withdraw::<adjustments::Adjustments>;
    get "/orders" orders::list;
    post "/orders/search" orders::search;
    post "/orders/export" exports::export::<orders::Orders>;
    get "/orders/{id}" orders::show;
    post "/orders/{id}/query" queries::of_order;
    get "/orders/{id}/ask" orders::ask_form;
    post "/orders/{id}/ask" orders::ask;
    get "/approvals" requests::of_money;
    post "/approvals/export" requests::export;
    post "/approvals/search" requests::search::<requests::Refunds>;
    get "/approvals/{kind}/{id}" deciding::show::<approvals::MoneyRequests>;
    post "/approvals/refund/{id}/query" queries::of_refund;
    post "/approvals/{kind}/{id}/approve" deciding::approve::<approvals::MoneyRequests>;
    post "/approvals/{kind}/{id}/reject" deciding::reject::<approvals::MoneyRequests>;
    post "/approvals/{kind}/{id}/withdraw" deciding::withdraw::<approvals::MoneyRequests>;
    get "/reconciliation" bills::days;
    post "/reconciliation/export" exports::export::<bills::Days>;
    get "/reconciliation/{day}" bills::day;
    post "/reconciliation/run" bill_days::compare;
    post "/reconciliation/{day}/run" bill_days::compare_again;
    get "/reconciliation/{day}/close" bill_days::ask_close;
    post "/reconciliation/{day}/close" bill_days::close;
    post "/reconciliation/differences/{id}/repair" bills::ask;
    get "/cases" cases::list;
    post "/cases/export" exports::export::<cases::Cases>;
    get "/cases/{id}" cases::show;
    post "/cases/{id}/take" cases::take;
    post "/cases/{id}/release" cases::release;
    post "/cases/{id}/take-over" cases::take_over;
    post "/cases/{id}/resolve" cases::resolve;
    post "/cases/{id}/end-refund" cases::end_refund;
    get "/merchants" merchants::list;
    post "/merchants/export" exports::export::<merchants::Merchants>;
    get "/merchants/add" merchants::ask_add;
    post "/merchants/add" merchants::add;
    get "/merchants/{id}" merchants::show;
    get "/merchants/{id}/disable" merchants::ask_stop;
    post "/merchants/{id}/disable" merchants::stop;
    get "/merchants/{id}/enable" merchants::ask_start;
    post "/merchants/{id}/enable" merchants::start;
    get "/terminals" terminals::list;
    post "/terminals/export" exports::export::<terminals::Terminals>;
    get "/terminals/add" terminals::ask_add;
    post "/terminals/add" terminals::add;
    get "/terminals/{id}" terminals::show;
    get "/terminals/{id}/disable" terminals::ask_stop;
    post "/terminals/{id}/disable" terminals::stop;
    get "/terminals/{id}/enable" terminals::ask_start;
    post "/terminals/{id}/enable" terminals::start;
    get "/terminals/{id}/rotate-key" terminals::ask_replace_key;
    post "/terminals/{id}/rotate-key" terminals::replace_key;
    get "/policy" policy::show;
    get "/policy/edit" policy::ask_edit;
    post "/policy/edit" policy::edit_again;
    post "/policy/preview" policy::preview;
    post "/policy/propose" policy::propose;
    get "/policy/versions" policy::list;
    get "/policy/compare" policy::compare;
    get "/policy/versions/{seq}" policy::version;
    get "/policy/versions/{seq}/restore" policy::ask_restore;
    get "/policy/requests" requests::of_policies;
    post "/policy/requests/export" exports::export::<requests::Policies>;
    post "/policy/requests/search" requests::search::<requests::Policies>;
    get "/policy/requests/{id}" deciding::show::<policy::PolicyRequests>;
    post "/policy/requests/{id}/approve" deciding::approve::<policy::PolicyRequests>;
    post "/policy/requests/{id}/reject" deciding::reject::<policy::PolicyRequests>;
    post "/policy/requests/{id}/withdraw" deciding::withdraw::<policy::PolicyRequests>;
    get "/messages" messages::groups;
    get "/messages/failed" messages::failed;
    post "/messages/failed/export" exports::export::<messages::Failed>;
    post "/messages/{id}/retry" messages::retry;
    get "/help" policy::show_help;
    get "/help/edit" policy::ask_help;
    post "/help/preview" policy::preview_help;
    get "/roster-imports" rosters::list;
    post "/roster-imports" rosters::upload;
    get "/roster-imports/{id}" rosters::show;
    get "/roster-imports/{id}/start" rosters::ask_start;
    post "/roster-imports/{id}/start" rosters::start;
    post "/roster-imports/{id}/refused" rosters::export;
    get "/audit" audit::list;
    get "/audit/heads" audit::heads;
    post "/audit/export" exports::export::<audit::Log>;
    get "/exports" exports::list;
    get "/exports/{id}" exports::show;
    get "/exports/{id}/file" exports::download;
    get "/health" health::show;
    post "/health/providers/{provider}/try" health::try_keys;
    get "/doors" doors::rights;
    post "/doors/export" exports::export::<doors::Rights>;
    post "/doors/search" doors::search;
    post "/doors/rights" doors::give;
    get "/doors/rights/{id}/end" doors::ask_end;
    post "/doors/rights/{id}/end" doors::end;
    get "/doors/log" doors::ask_log;
    post "/doors/log" doors::log;
    post "/doors/log/export" doors::export_log;
}

/// Methods and paths of the console, as in `post /staff/sign-in`.
pub fn paths() -> impl Iterator<Item = (&'static str, String)> {
    PAGES.iter().map(|Page(method, path, _)| (*method, format!("/staff{path}")))
}

/// Mounts the console; needs `Data<Console>`, `Data<StaffDesk>` and `Data<ExportDesk>`.
pub fn configure(config: &mut web::ServiceConfig) {
    let scope = web::scope("/staff")
        .app_data(web::FormConfig::default().limit(MAX_FORM_BYTES).error_handler(invalid))
        .app_data(web::QueryConfig::default().error_handler(invalid))
        .app_data(web::PathConfig::default().error_handler(unknown));
    let scope =
        PAGES.iter().fold(scope, mounted).route("/assets/{file}", web::get().to(assets::file));
    let scope = scope.default_service(web::to(frame::nothing_here));
    config.service(scope.wrap(from_fn(StaffDesk::watch)));
}

/// Texts of help and consent make longer forms, which nobody may send without being signed in.
fn mounted(scope: Scope, Page(method, path, handler): &Page) -> Scope {
    let is_long = ["/policy/", "/help/"].iter().any(|long| path.starts_with(long));
    if *method != "post" || !is_long {
        return scope.route(path, handler());
    }
    let form = web::FormConfig::default().limit(MAX_LONG_FORM_BYTES).error_handler(invalid);
    let of_method = guard::Post();
    scope.service(web::resource(*path).guard(of_method).app_data(form).route(handler()))
}

/// A form or a query that cannot be read.
fn invalid<E>(_: E, _: &HttpRequest) -> Error {
    PageError::from(ApiError::new(INVALID)).into()
}

/// An address with an id that is none.
fn unknown<E>(_: E, _: &HttpRequest) -> Error {
    PageError::from(ApiError::new(NOT_FOUND)).into()
}

/// The longest form. Texts of forms are a few hundred characters.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// The same with all texts of a policy, whose characters take nine bytes each.
const MAX_LONG_FORM_BYTES: usize = 512 * 1024;
