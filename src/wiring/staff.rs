//! Members of staff: sign-in, and what needs two persons.

use super::{Ground, JobContext, refund_desk::PaymentRefunds, shared::Shared};
use crate::{
    approvals,
    base::crypto::hasher::PasswordHasher,
    console::{Console, WORK_CALLBACK},
    exports::{ExportDesk, Exports},
    key_trials::{KeyTrialSet, KeyTrials},
    passwords::TryCounts,
    payments::Payments,
    policies,
    reconciliation::Reconciliation,
    roster_imports::RosterDesk,
    staff::{
        BillDesk, CaseDesk, DoorDesk, OrderDesk, PeopleDesk, StaffDesk, TerminalDesk, TodayDesk,
    },
    staff_accounts::{StaffAccounts, StaffAccountsSetup},
    stored_files::StoredFiles,
    work_login::{WorkDirectories, WorkLogins, WorkTurns},
};
use std::{sync::Arc, time::Duration};

/// How many passwords of staff are hashed at a time, for clients at which the login has signed in
/// before, and for others: apart from the passwords of people.
const PASSWORDS_AT_ONCE: usize = 2;
/// How long a check waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn build(
    ground: &Ground<'_>,
    shared: &Shared,
    payments: &Payments,
    trials: KeyTrialSet,
) -> StaffDesk {
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
        trials: KeyTrials {
            db: db.clone(),
            schools: Arc::clone(&shared.schools),
            set: Arc::new(trials),
            clock: Arc::clone(clock),
        },
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
    ground: &Ground<'_>,
    (orders, people, bills, doors, terminals): (
        &OrderDesk,
        &PeopleDesk,
        &BillDesk,
        &DoorDesk,
        &TerminalDesk,
    ),
    (staff, shared, rosters): (&StaffDesk, &Shared, &RosterDesk),
    directories: WorkDirectories,
) -> Console {
    let public_url = ground.config.server.public_url.to_string();
    Console {
        work: WorkLogins {
            accounts: staff.accounts.clone(),
            schools: Arc::clone(&shared.schools),
            directories: Arc::new(directories),
            sealer: shared.keys.sealer.clone(),
            kv: Arc::clone(ground.kv),
            clock: Arc::clone(&staff.clock),
            redirect_uri: format!("{}{WORK_CALLBACK}", public_url.trim_end_matches('/')),
            turns: WorkTurns::default(),
        },
        staff: staff.clone(),
        orders: orders.clone(),
        people: people.clone(),
        bills: bills.clone(),
        doors: doors.clone(),
        cases: CaseDesk { staff: staff.clone() },
        today: TodayDesk {
            staff: staff.clone(),
            people: people.clone(),
            bills: bills.clone(),
            terminals: terminals.clone(),
            rosters: rosters.clone(),
            clock: Arc::clone(&staff.clock),
        },
        terminals: terminals.clone(),
        rosters: rosters.clone(),
        schools: Arc::clone(&shared.schools),
        sealer: shared.keys.sealer.clone(),
        clock: Arc::clone(&staff.clock),
    }
}

/// The lists of these pages as files.
pub(super) fn export_desk(console: &Console, staff: &StaffDesk) -> ExportDesk {
    let (db, clock) = (staff.db.clone(), Arc::clone(&staff.clock));
    let files =
        StoredFiles { db: db.clone(), sealer: console.sealer.clone(), clock: Arc::clone(&clock) };
    let exports = Exports { db, files, clock, wake: Arc::default() };
    ExportDesk { exports, lists: Arc::new(console.clone()), accounts: staff.accounts.clone() }
}

/// Writes what was refused, works on exports, ends requests that nobody decided, and deletes old sessions and files.
pub(super) fn start_jobs(exports: &ExportDesk, context: &JobContext<'_>) {
    let accounts = exports.accounts.clone();
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("refusals of staff", move || {
        accounts.clone().keep_refusals(db.clone(), Arc::clone(&clock))
    });
    let exports = exports.clone();
    context.jobs.spawn("exports", move || exports.clone().run());
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("old sessions of staff", move || {
        StaffAccounts::delete_old_sessions(db.clone(), Arc::clone(&clock))
    });
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context
        .jobs
        .spawn("old files", move || StoredFiles::delete_old(db.clone(), Arc::clone(&clock)));
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context.jobs.spawn("policies that begin", {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        move || policies::keep_in_force(db.clone(), Arc::clone(&clock))
    });
    context.jobs.spawn("overdue approvals", move || {
        approvals::expire_overdue(db.clone(), Arc::clone(&clock))
    });
}
