//! Members of staff: sign-in, and what needs two persons.

use super::{Ground, JobContext, refund_desk::PaymentRefunds, shared::Shared};
use crate::{
    approvals,
    base::crypto::hasher::PasswordHasher,
    console::Console,
    passwords::TryCounts,
    payments::Payments,
    reconciliation::Reconciliation,
    staff::{BillDesk, CaseDesk, DoorDesk, OrderDesk, PeopleDesk, StaffDesk, TerminalDesk},
    staff_accounts::{StaffAccounts, StaffAccountsSetup},
};
use std::{sync::Arc, time::Duration};

/// How many passwords of staff are hashed at a time, for clients at which the login has signed in
/// before, and for others: apart from the passwords of people.
const PASSWORDS_AT_ONCE: usize = 2;
/// How long a check waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, payments: &Payments) -> StaffDesk {
    let Ground { config, clock, db, .. } = *ground;
    let accounts = StaffAccounts::new(StaffAccountsSetup {
        db: db.clone(),
        schools: Arc::clone(&shared.schools),
        counts: TryCounts::new(db.clone(), shared.keys.index.clone()),
        sealer: shared.keys.sealer.clone(),
        jwt: config.keys.jwt.clone(),
        for_strangers: PasswordHasher::new(PASSWORDS_AT_ONCE, TURN_PATIENCE),
        for_clients: PasswordHasher::new(PASSWORDS_AT_ONCE, TURN_PATIENCE),
        clock: Arc::clone(clock),
    });
    StaffDesk {
        db: db.clone(),
        accounts,
        refunds: Arc::new(PaymentRefunds {
            db: db.clone(),
            people: shared.people(),
            payments: payments.clone(),
            outbox: Arc::clone(ground.outbox),
        }),
        clock: Arc::clone(clock),
    }
}

/// Orders as members of staff see them.
pub(super) fn order_desk(staff: &StaffDesk, shared: &Shared) -> OrderDesk {
    OrderDesk {
        db: staff.db.clone(),
        sealer: shared.keys.sealer.clone(),
        refunds: Arc::clone(&staff.refunds),
        clock: Arc::clone(&staff.clock),
    }
}

/// People as members of staff see them.
pub(super) fn people_desk(staff: &StaffDesk, shared: &Shared) -> PeopleDesk {
    PeopleDesk {
        db: staff.db.clone(),
        people: shared.people(),
        schools: Arc::clone(&shared.schools),
        sealer: shared.keys.sealer.clone(),
        passwords: shared.passwords.clone(),
        clock: Arc::clone(&staff.clock),
    }
}

/// What the finance office does about bills.
pub(super) fn bill_desk(staff: &StaffDesk, reconciliation: &Reconciliation) -> BillDesk {
    BillDesk {
        db: staff.db.clone(),
        bills: reconciliation.clone(),
        refunds: Arc::clone(&staff.refunds),
        clock: Arc::clone(&staff.clock),
    }
}

/// What staff do about doors.
pub(super) fn door_desk(staff: &StaffDesk, shared: &Shared) -> DoorDesk {
    let (db, clock) = (staff.db.clone(), Arc::clone(&staff.clock));
    DoorDesk { db, people: shared.people(), clock }
}

/// What staff do about merchants and terminals.
pub(super) fn terminal_desk(staff: &StaffDesk) -> TerminalDesk {
    TerminalDesk { db: staff.db.clone(), clock: Arc::clone(&staff.clock) }
}

/// The pages of all of it.
pub(super) fn console(
    staff: &StaffDesk,
    (orders, people, bills, doors, terminals): (
        &OrderDesk,
        &PeopleDesk,
        &BillDesk,
        &DoorDesk,
        &TerminalDesk,
    ),
    shared: &Shared,
) -> Console {
    Console {
        staff: staff.clone(),
        orders: orders.clone(),
        people: people.clone(),
        bills: bills.clone(),
        doors: doors.clone(),
        cases: CaseDesk { staff: staff.clone() },
        terminals: terminals.clone(),
        schools: Arc::clone(&shared.schools),
        sealer: shared.keys.sealer.clone(),
        clock: Arc::clone(&staff.clock),
    }
}

/// Ends requests that nobody decided, and deletes old sessions.
pub(super) fn start_jobs(context: &JobContext<'_>) {
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("old sessions of staff", move || {
        StaffAccounts::delete_old_sessions(db.clone(), Arc::clone(&clock))
    });
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("overdue approvals", move || {
        approvals::expire_overdue(db.clone(), Arc::clone(&clock))
    });
}
