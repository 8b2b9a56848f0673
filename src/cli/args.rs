//! The words of the command line.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints, as they stand")]

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const CONFIGURATION: &str = "\
Configuration:
  A TOML file; onecard.example.toml shows every key with its meaning. A variable of the environment
  overrides a key: ONECARD__SERVER__LISTEN, ONECARD__DATABASE__URL, ONECARD__KEYS__MASTER.

Examples:
  onecard migrate                              bring the database up to date
  onecard school import schools                take up the policies of every school in a folder
  onecard roster import --school xnec new.csv  take up the people of a school
  onecard serve                                serve students, terminals and providers
  onecard verify                               prove the ledger

Exit codes: 0 done, 1 failed or refused, 2 wrong usage or configuration.";

/// The server of a campus card, and the tools of its operator.
#[derive(Debug, Parser)]
#[command(name = "onecard", version, after_help = CONFIGURATION)]
pub(super) struct Arguments {
    /// The configuration file; without it ./onecard.toml, where there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve until SIGTERM or Ctrl-C
    ///
    /// Brings the database up to date first if database.auto_migrate is on. Logs to standard
    /// output; the line "ready" names the addresses. On SIGTERM or Ctrl-C it takes no new
    /// connections, finishes the requests in flight (10 seconds at most) and exits with 0.
    ///
    /// Without redis.url a second server on the same database is refused. /healthz, /readyz and the
    /// documented API (/api/docs) are on server.listen, /metrics on server.metrics_listen.
    Serve,
    /// Bring the database up to date
    ///
    /// Safe to repeat, and when several run at once: one migrates, the others wait and find nothing
    /// left to do.
    Migrate,
    /// Prove the ledger: every law, and that the sealed history is unaltered
    ///
    /// Prints one line for each law, and how far the seal reaches. Exits with 1 on any break.
    #[command(after_help = "Example:\n  onecard verify --anchor /mnt/elsewhere/heads.jsonl")]
    Verify(Verify),
    /// Schools and their policies
    #[command(subcommand, arg_required_else_help = true)]
    School(School),
    /// The people of a school
    #[command(subcommand, arg_required_else_help = true)]
    Roster(Roster),
    /// Print the OpenAPI 3.1 document of the API; needs no configuration
    Openapi,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Signed heads, copied from ledger.heads_file and kept elsewhere: proves also that the history
    /// up to them was neither rebuilt nor cut
    #[arg(long, value_name = "FILE")]
    pub(super) anchor: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum School {
    /// Take up schools and their policies from TOML files, CODE.toml each
    ///
    /// Everything is checked before anything is written. Safe to repeat: what the database has
    /// already stays. A running server sees the change within a second.
    #[command(after_help = "Examples:\n  onecard school import schools\n  \
        onecard school import schools/xnec.toml --replace")]
    Import(SchoolImport),
}

#[derive(Debug, Args)]
pub(super) struct SchoolImport {
    /// Files, or folders of files
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Take the files' policies even where the database has a newer one
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Roster {
    /// Take up people from a CSV file
    ///
    /// UTF-8 or GBK, with a heading of these columns, in any order:
    /// student_no,name,id_number,phone,kind,department,class_name,valid_until.
    /// kind is student, staff or temporary. Safe to repeat. Prints how many rows were read, added,
    /// changed and refused, and for each refused row its line and the reason; removes nobody. Exits with 1 if a row was refused.
    #[command(after_help = "Example:\n  onecard roster import --school xnec students.csv")]
    Import(RosterImport),
}

#[derive(Debug, Args)]
pub(super) struct RosterImport {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The people
    #[arg(value_name = "FILE.csv")]
    pub(super) file: PathBuf,
}
