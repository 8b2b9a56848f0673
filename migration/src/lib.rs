//! Numbered migrations. Each leaves the release before it working: additions only; what a release
//! no longer uses is dropped one release later.

mod columns;
mod m0001_ledger;
mod m0002_schools;
mod m0003_identities;
mod m0004_orders;
mod m0005_tries;
mod m0006_looks;
mod m0009_account_version;
mod m0010_terminals;
mod m0011_codes;
mod m0012_charges;
mod m0013_events;
mod m0014_challenge_claims;
mod m0015_raced_table;
mod m0018_seal_batches;
mod m0020_evidence;
mod m0022_row_macs;
mod m0023_audit;
mod m0024_alipay;
mod m0025_outbox;
mod m0026_refunds;
mod m0027_staff;
mod m0028_bills;
mod m0030_refund_ends;
mod m0031_phones;
mod m0032_platform_certificates;
mod m0033_loss_reports;
mod m0034_doors;
mod m0035_key_ring;
mod m0036_refunds_of_a_trade;
mod m0037_outbox_lanes;
mod m0038_bill_repairs;
mod m0039_order_desk;
mod m0040_recovery_codes;
mod m0041_leading_numbers;
mod m0042_people_desk;
mod m0043_case_desk;
mod m0044_terminal_desk;
mod m0045_staff_changes;
mod m0046_roster_imports;
mod m0047_policies;
mod m0048_keys_and_work_ids;
mod m0049_counter_desk;
mod m0050_stored_files;
mod m0051_lists;
mod m0052_mornings;
mod m0054_slips;
mod m0055_narrow_lists;
mod m0056_door_results;
mod m0057_standing;
mod m0058_refusals;
mod m0059_log_indexes;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait};

/// What `m0043_case_desk` reads out of the texts of cases that were opened before, for tests.
pub fn case_facts(is_postgres: bool) -> impl Iterator<Item = &'static str> {
    m0043_case_desk::facts(is_postgres)
}

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(m0001_ledger::Migration),
            Box::new(m0002_schools::Migration),
            Box::new(m0003_identities::Migration),
            Box::new(m0004_orders::Migration),
            Box::new(m0005_tries::Migration),
            Box::new(m0009_account_version::Migration),
            Box::new(m0006_looks::Migration),
            Box::new(m0010_terminals::Migration),
            Box::new(m0013_events::Migration),
            Box::new(m0011_codes::Migration),
            Box::new(m0012_charges::Migration),
            Box::new(m0014_challenge_claims::Migration),
            Box::new(m0015_raced_table::Migration),
            Box::new(m0018_seal_batches::Migration),
            Box::new(m0020_evidence::Migration),
            Box::new(m0022_row_macs::Migration),
            Box::new(m0023_audit::Migration),
            Box::new(m0024_alipay::Migration),
            Box::new(m0025_outbox::Migration),
            Box::new(m0026_refunds::Migration),
            Box::new(m0027_staff::Migration),
            Box::new(m0028_bills::Migration),
            Box::new(m0032_platform_certificates::Migration),
            Box::new(m0033_loss_reports::Migration),
            Box::new(m0030_refund_ends::Migration),
            Box::new(m0031_phones::Migration),
            Box::new(m0036_refunds_of_a_trade::Migration),
            Box::new(m0037_outbox_lanes::Migration),
            Box::new(m0034_doors::Migration),
            Box::new(m0038_bill_repairs::Migration),
            Box::new(m0040_recovery_codes::Migration),
            Box::new(m0041_leading_numbers::Migration),
        ];
        migrations.extend(of_the_console());
        migrations
    }
}

/// The later ones, from the console of staff on.
fn of_the_console() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0035_key_ring::Migration),
        Box::new(m0039_order_desk::Migration),
        Box::new(m0042_people_desk::Migration),
        Box::new(m0045_staff_changes::Migration),
        Box::new(m0049_counter_desk::Migration),
        Box::new(m0043_case_desk::Migration),
        Box::new(m0044_terminal_desk::Migration),
        Box::new(m0046_roster_imports::Migration),
        Box::new(m0050_stored_files::Migration),
        Box::new(m0051_lists::Migration),
        Box::new(m0047_policies::Migration),
        Box::new(m0048_keys_and_work_ids::Migration),
        Box::new(m0052_mornings::Migration),
        Box::new(m0054_slips::Migration),
        Box::new(m0055_narrow_lists::Migration),
        Box::new(m0056_door_results::Migration),
        Box::new(m0057_standing::Migration),
        Box::new(m0058_refusals::Migration),
        Box::new(m0059_log_indexes::Migration),
    ]
}
