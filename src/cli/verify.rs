//! `verify`: checks the ledger and prints the report for an auditor.

use super::{CommandError, args, open, up_to_date_database};
use crate::{
    base::crypto::heads::{HeadKeyError, HeadSigner},
    config::Config,
    ledger::verify::{Anchor, verify},
    payments, spend,
};
use std::process::ExitCode;

pub(super) async fn run(
    config: &Config,
    arguments: &args::Verify,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?;
    let report = match &arguments.anchor {
        None => verify(&db, None).await?,
        Some(path) => {
            let (mut lines, trusted) = (open(path)?, trusted(config)?);
            verify(&db, Some(Anchor { lines: &mut lines, trusted: &trusted })).await?
        }
    };
    let payments = payments::audit::audit(&db).await?;
    let charges = spend::audit::audit(&db).await?;
    print!("{payments}{charges}{report}");
    let clean = report.is_clean() && payments.is_clean() && charges.is_clean();
    println!("{}", if clean { "every law holds" } else { "THE LEDGER IS BROKEN" });
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The public keys that heads are or were signed with.
fn trusted(config: &Config) -> Result<Vec<[u8; 32]>, HeadKeyError> {
    let keys = config.keys.master.all();
    keys.map(|key| Ok(HeadSigner::from_master(key.key())?.public_key())).collect()
}
