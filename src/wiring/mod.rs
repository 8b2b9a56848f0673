//! The composition of the journeys: one file for each says how it is built from the configuration
//! and which background jobs it runs. `shared` holds what several journeys use, `providers` is the
//! only file that names provider modules.

mod access;
pub mod authority;
mod cardlife;
mod devices;
mod feed;
mod identity;
mod keyring;
mod outbox;
mod overview;
mod payments;
pub mod proof;
mod providers;
mod reconciliation;
mod refund_desk;
mod roster_imports;
mod shared;
mod spend;
mod staff;
mod terminals;
mod topup;

pub use providers::{ProviderSettings, Settings};

use crate::{
    access::Access,
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        jobs::Jobs,
        kv::Kv,
    },
    cardlife::CardLife,
    config::Config,
    console::Console,
    devices::Devices,
    exports::ExportDesk,
    feed::Feed,
    identity::Identities,
    keyring::DoorKeys,
    overview::Overview,
    passcode::Codes,
    passwords::Passwords,
    payments::Payments,
    reconciliation::Reconciliation,
    roster_imports::RosterDesk,
    schools::Schools,
    spend::Spending,
    staff::{BillDesk, DoorDesk, OrderDesk, PeopleDesk, StaffDesk, TerminalDesk},
    terminals::Terminals,
    topup::TopUps,
};
use providers::{ProviderJobs, Providers};
use shared::Shared;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

/// What handlers ask for: the journeys, and the rooms that several of them share.
#[derive(Clone, Debug)]
pub struct Journeys {
    /// Sign-in, sessions and bindings.
    pub identities: Identities,
    /// Orders, payments and callbacks.
    pub payments: Payments,
    /// Providers' bills.
    pub reconciliation: Reconciliation,
    /// Top-ups.
    pub topups: TopUps,
    /// The card and its statement.
    pub overview: Overview,
    /// Events, as they happen.
    pub feed: Feed,
    /// Schools and their policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// Tills, doors, desks and meters.
    pub terminals: Terminals,
    /// Charges at tills.
    pub spending: Spending,
    /// Doors and library desks.
    pub access: Access,
    /// The owners of codes.
    pub codes: Codes,
    /// Phones that show codes.
    pub devices: Devices,
    /// Lost and found cards.
    pub card_life: CardLife,
    /// Doors that people open from the phone.
    pub door_keys: DoorKeys,
    /// What members of staff do.
    pub staff: StaffDesk,
    /// Orders as members of staff see them.
    pub order_desk: OrderDesk,
    /// People as members of staff see them.
    pub people_desk: PeopleDesk,
    /// What the finance office does about bills.
    pub bill_desk: BillDesk,
    /// What members of staff do about doors.
    pub door_desk: DoorDesk,
    /// What members of staff do about merchants and terminals.
    pub terminal_desk: TerminalDesk,
    /// Rosters that members of staff upload.
    pub rosters: RosterDesk,
    /// The pages of staff.
    pub console: Console,
    /// Their lists as files.
    pub exports: ExportDesk,
    provider_jobs: ProviderJobs,
}

/// What the journeys are built on.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The server's own settings.
    pub config: &'a Config,
    /// The settings of providers.
    pub providers: &'a ProviderSettings,
    /// Tells the time.
    pub clock: &'a Arc<dyn Clock>,
    /// The connection pool of the requests.
    pub db: &'a Db,
    /// The key-value store.
    pub kv: &'a Arc<dyn Kv>,
    /// The client for calls to providers.
    pub http: &'a reqwest::Client,
    /// The threads that lanes run on.
    pub threads: &'a LocalPoolHandle,
    /// The connection pool of the lanes.
    pub lane_db: &'a Db,
    /// Wakes the sealer after postings.
    pub sealer: &'a Arc<Notify>,
    /// Wakes the outbox after a commit that enqueued something.
    pub outbox: &'a Arc<Notify>,
}

/// What background jobs are started with.
#[derive(Debug)]
pub struct JobContext<'a> {
    /// Runs the jobs until the server stops.
    pub jobs: &'a Jobs,
    /// The connection pool of the jobs.
    pub db: &'a Db,
    /// Tells the time.
    pub clock: &'a Arc<dyn Clock>,
}

impl Journeys {
    /// Builds the journeys.
    pub fn build(ground: &Ground<'_>) -> Self {
        let shared = Shared::build(ground);
        let kept = (ground.kv, &shared.keys.sealer);
        let providers = Providers::build(ground.providers, ground.http, ground.clock, kept);
        let through = payments::Through {
            gateways: providers.gateways(ground.config),
            messengers: providers.messengers(),
        };
        let bills = providers.bills();
        let payments = payments::build(ground, &shared, through);
        let reconciliation = reconciliation::build(ground, &shared, &payments, bills);
        let staff = staff::build(ground, &shared, &payments, providers.key_trials());
        let order_desk = staff::order_desk(&staff, &shared);
        let people_desk = staff::people_desk(&staff, &shared);
        let bill_desk = staff::bill_desk(&staff, &reconciliation);
        let door_desk = staff::door_desk(&staff, &shared);
        let terminal_desk = staff::terminal_desk(&staff);
        let rosters = roster_imports::build(ground, &shared);
        let desks = (&order_desk, &people_desk, &bill_desk, &door_desk, &terminal_desk);
        let directories = providers.work_directories();
        let console = staff::console(ground, desks, (&staff, &shared, &rosters), directories);
        Self {
            provider_jobs: providers.jobs(),
            identities: identity::build(ground, &shared, providers.apps(ground.clock)),
            topups: topup::build(ground, &shared, &payments),
            exports: staff::export_desk(&console, &staff),
            console,
            order_desk,
            people_desk,
            bill_desk,
            door_desk,
            terminal_desk,
            rosters,
            reconciliation,
            payments,
            overview: overview::build(ground, &shared),
            feed: feed::build(ground),
            terminals: terminals::build(ground, &shared),
            spending: spend::build(ground, &shared),
            access: access::build(ground, &shared),
            devices: devices::build(ground, &shared),
            card_life: cardlife::build(ground, &shared),
            door_keys: keyring::build(ground, &shared, providers.locks()),
            staff,
            schools: shared.schools,
            passwords: shared.passwords,
            codes: shared.codes,
        }
    }

    /// Trusts the keys that providers sign with: for commands that speak to providers and start no jobs.
    pub async fn ready_keys(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        self.provider_jobs.ready_keys(db, now).await
    }

    /// Starts the background jobs of all journeys.
    pub fn start_jobs(&self, context: &JobContext<'_>) {
        shared::start_jobs(self, context);
        payments::start_jobs(&self.payments, context);
        outbox::start_jobs(self, context);
        reconciliation::start_jobs(&self.reconciliation, context);
        feed::start_jobs(&self.feed, context);
        access::start_jobs(&self.access, context);
        keyring::start_jobs(&self.door_keys, context);
        terminals::start_jobs(&self.terminals, context);
        staff::start_jobs(&self.exports, context);
        roster_imports::start_jobs(&self.rosters, context);
        self.provider_jobs.start(context);
    }
}
