//! Staff over HTTP: sign-in, orders, people, cases, logins, refunds and repairs of bills that need two persons,
//! doors, merchants and terminals.

mod account;
mod adjustments;
mod audit;
mod auth;
mod bill_days;
mod bills;
mod cases;
mod doors;
mod endings;
mod exports;
mod health;
mod member_classes;
mod member_requests;
mod members;
mod merchants;
mod messages;
mod orders;
mod password_resets;
mod people;
mod person_reads;
mod policies;
mod policy_requests;
mod problems;
mod refunds;
mod requests;
mod roster_imports;
mod terminals;
mod today;

use super::{StaffDesk, guard};
use actix_web::middleware::from_fn;
use utoipa_actix_web::{scope, service_config::ServiceConfig};

/// Mounts the paths of staff behind the guard; needs `Data<StaffDesk>`, `Data<OrderDesk>`,
/// `Data<PeopleDesk>`, `Data<BillDesk>`, `Data<CaseDesk>`, `Data<DoorDesk>`, `Data<TerminalDesk>`, `Data<ExportDesk>`
/// and `Data<RosterDesk>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    let scope = scope::scope("/api/v1/staff").wrap(from_fn(guard::identify));
    let scope = scope.wrap(from_fn(StaffDesk::watch));
    let scope = scope.configure(own_login).configure(people_and_orders).configure(money);
    config.service(scope.configure(logins).configure(policy).configure(terminals_and_doors));
}

fn own_login(config: &mut ServiceConfig<'_>) {
    config
        .service(auth::sign_in)
        .service(auth::refresh)
        .service(auth::logout)
        .service(auth::second_factor)
        .service(auth::me)
        .service(account::show)
        .service(account::end_session)
        .service(account::renew_recovery)
        .service(account::change_password)
        .service(account::offer_factor)
        .service(account::replace_factor)
        .service(today::show)
        .service(audit::list)
        .service(audit::heads)
        .service(health::show)
        .service(health::try_keys);
    config
        .service(exports::ask)
        .service(exports::mine)
        .service(exports::show)
        .service(exports::file);
}

fn people_and_orders(config: &mut ServiceConfig<'_>) {
    config
        .service(people::search)
        .service(people::show)
        .service(people::loss)
        .service(people::cancel_loss)
        .service(people::end_device)
        .service(people::end_binding)
        .service(people::reveal)
        .service(person_reads::statement)
        .service(person_reads::orders);
    config
        .service(roster_imports::upload)
        .service(roster_imports::list)
        .service(roster_imports::show)
        .service(roster_imports::start)
        .service(roster_imports::export_refused);
    config
        .service(password_resets::ask)
        .service(password_resets::list)
        .service(password_resets::show)
        .service(password_resets::approve)
        .service(password_resets::reject)
        .service(password_resets::withdraw);
    config
        .service(orders::list)
        .service(orders::search)
        .service(orders::show)
        .service(orders::ask_provider);
}

fn money(config: &mut ServiceConfig<'_>) {
    config
        .service(refunds::ask)
        .service(refunds::list)
        .service(refunds::show)
        .service(refunds::ask_provider)
        .service(refunds::approve)
        .service(endings::ask)
        .service(refunds::reject)
        .service(refunds::withdraw);
    config
        .service(adjustments::ask)
        .service(adjustments::list)
        .service(adjustments::show)
        .service(adjustments::approve)
        .service(adjustments::reject)
        .service(adjustments::withdraw);
    config
        .service(bills::days)
        .service(bills::differences)
        .service(bills::ask)
        .service(bills::list)
        .service(bills::show)
        .service(bills::approve)
        .service(bills::reject)
        .service(bills::withdraw)
        .service(bill_days::run)
        .service(bill_days::close);
    config
        .service(cases::list)
        .service(cases::show)
        .service(cases::take)
        .service(cases::release)
        .service(cases::take_over)
        .service(cases::resolve);
}

fn logins(config: &mut ServiceConfig<'_>) {
    config
        .service(members::list)
        .service(members::add)
        .service(members::show)
        .service(members::disable)
        .service(members::enable)
        .service(members::end_sessions)
        .service(members::link)
        .service(members::unlink)
        .service(members::change_roles)
        .service(members::reset_factor)
        .service(member_classes::change)
        .service(member_requests::requests)
        .service(member_requests::show_request)
        .service(member_requests::approve)
        .service(member_requests::reject)
        .service(member_requests::withdraw);
}

fn policy(config: &mut ServiceConfig<'_>) {
    config
        .service(policies::show)
        .service(policies::versions)
        .service(policies::one_version)
        .service(policies::preview)
        .service(policies::propose)
        .service(policy_requests::requests)
        .service(policy_requests::show_request)
        .service(policy_requests::approve)
        .service(policy_requests::reject)
        .service(policy_requests::withdraw)
        .service(messages::groups)
        .service(messages::failed)
        .service(messages::retry);
}

fn terminals_and_doors(config: &mut ServiceConfig<'_>) {
    config
        .service(terminals::list)
        .service(terminals::add)
        .service(terminals::show)
        .service(terminals::stop)
        .service(terminals::start)
        .service(terminals::replace_key);
    config
        .service(merchants::list)
        .service(merchants::add)
        .service(merchants::show)
        .service(merchants::stop)
        .service(merchants::start);
    config.service(doors::rights).service(doors::give).service(doors::end).service(doors::log);
}
