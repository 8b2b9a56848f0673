//! The arguments of the command line, and the texts of `--help`.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints, as they stand")]

use super::{
    door::{Door, Library},
    staff::Staff,
};
use crate::{
    base::clock::Day,
    orders::fact::Provider,
    terminals::{DoorGroup, MerchantCode, MerchantName, TerminalCode, TerminalKind},
};
use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use std::path::PathBuf;

const CONFIGURATION: &str = "\
Configuration:
  A TOML file; onecard.example.toml shows every key with its meaning. A variable of the environment
  overrides a key: ONECARD__SERVER__LISTEN, ONECARD__DATABASE__URL, ONECARD__KEYS__MASTER.

Examples:
  onecard migrate                              bring the database up to date
  onecard school import schools                take up the policies of every school in a folder
  onecard roster import --school xnec new.csv  take up the people of a school
  onecard merchant add --school xnec --code canteen-1 --name 第一食堂
  onecard terminal add --school xnec --id T1 --kind pos --public-key t1.pem --merchant canteen-1
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
    /// Why it is done, for the audit log
    #[arg(long, global = true, value_name = "TEXT")]
    pub(super) reason: Option<String>,
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
    Migrate(Migrate),
    /// Prove the ledger: every law, and that the sealed history is unaltered
    ///
    /// Checks also the MACs of rows that decide who may act, and the audit log. Prints one line for
    /// each law, and how far the seal reaches. Exits with 1 on any break.
    #[command(after_help = "Examples:\n  onecard verify --anchor /mnt/elsewhere/heads.jsonl\n  \
        onecard verify --close closings.jsonl\n  \
        onecard verify --since closings.jsonl --close closings.jsonl")]
    Verify(Verify),
    /// Schools and their policies
    #[command(subcommand, arg_required_else_help = true)]
    School(School),
    /// The people of a school
    #[command(subcommand, arg_required_else_help = true)]
    Roster(Roster),
    /// The merchants of a school
    #[command(subcommand, arg_required_else_help = true)]
    Merchant(Merchant),
    /// The terminals of a school: tills, gates, library desks, water meters
    #[command(subcommand, arg_required_else_help = true)]
    Terminal(Terminal),
    /// Cards that were lost or found, at the service counter
    #[command(subcommand, arg_required_else_help = true)]
    Card(Card),
    /// Doors, and who may pass them
    #[command(subcommand, arg_required_else_help = true)]
    Door(Door),
    /// A school's library
    #[command(subcommand, arg_required_else_help = true)]
    Library(Library),
    /// The logins of members of staff
    #[command(subcommand, arg_required_else_help = true)]
    Staff(Staff),
    /// Compare a provider's bill of a day with the books
    ///
    /// Fetches the bill and prints each difference with its field, what we have, what the provider
    /// has and what would repair it; then a summary. Fees and coupons are posted; a payment that the
    /// provider has and we do not is asked about, and credited by the provider's answer. Bills are
    /// there from 10:00 of the next day on. Safe to repeat. Exits with 1 where something differs.
    Reconcile(Reconcile),
    /// The keys of payment and sign-in providers
    #[command(subcommand, arg_required_else_help = true)]
    Keys(Keys),
    /// Bring stored data under the present key, so that an older one may go
    ///
    /// First configure the new key with the old one behind it: { id = "k2", key = "base64:…",
    /// previous = [{ id = "k1", key = "base64:…" }] }, and restart the server with it; with several
    /// servers see "Keys" in docs/operations.md. Works in batches beside running servers; may be
    /// stopped, and goes on when it is started again. Says whether the old key may go. Exits with 1
    /// where it may not.
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  \
        onecard rekey mac --reason \"yearly rotation\""
    )]
    Rekey(Rekey),
    /// Print the OpenAPI 3.1 document of the API; needs no configuration
    Openapi,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Signed heads, copied from ledger.heads_file and kept elsewhere: proves also that the history
    /// up to them was neither rebuilt nor cut
    #[arg(long, value_name = "FILE")]
    pub(super) anchor: Option<PathBuf>,
    /// Closing records, written by --close: begins at the newest of each school, so that a day is
    /// checked in seconds; what came before is not read again
    #[arg(long, value_name = "FILE")]
    pub(super) since: Option<PathBuf>,
    /// Where every law holds, sign what stands at the end and append it to FILE, for --since
    #[arg(long, value_name = "FILE")]
    pub(super) close: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The provider, by its section in the configuration
    #[arg(long, value_name = "PROVIDER", value_parser = provider())]
    pub(super) provider: Provider,
    /// The day in Beijing, as in 2026-11-28
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) date: Day,
    /// Write the differences and the summary to FILE as CSV
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// The same as a workbook
    #[arg(long, value_name = "FILE")]
    pub(super) xlsx: Option<PathBuf>,
}

/// Lists the providers in the help and in the error.
fn provider() -> impl TypedValueParser<Value = Provider> {
    PossibleValuesParser::new(Provider::ALL.map(Provider::code))
        .try_map(|code| Provider::from_code(&code).ok_or("no such payment provider"))
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Ask providers a question that changes nothing there: whether they accept the configured keys
    ///
    /// Prints for each provider what that proved, or what is wrong and what to do, in Chinese, as the
    /// console's page 运行状况 does, which shows these results too. Of each provider once in 10 s. Exits
    /// with 1 unless all keys are good: where a provider does not answer, nobody knows.
    #[command(after_help = "Example:\n  onecard keys try --school xnec")]
    Try(KeysTry),
}

#[derive(Debug, Args)]
pub(super) struct KeysTry {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The provider, by its section in the configuration; all of the school without one
    #[arg(value_name = "PROVIDER")]
    pub(super) provider: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Once, after the update to the release with MACs: give rows without one a MAC, as they stand.
    /// Stop every server of the older release before
    #[arg(long)]
    pub(super) first_macs: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Rekey {
    /// Under keys.data, which seals names, ID numbers, phone numbers and second factors
    Data,
    /// Under keys.index, which finds people by ID number
    Index,
    /// Under keys.mac, which authenticates rows that decide who may act and whose money moves
    Mac(RekeyMac),
}

#[derive(Debug, Args)]
pub(super) struct RekeyMac {
    /// Authenticate also rows that are not authentic, as they stand. Look at each first: `verify`
    /// names them
    #[arg(long)]
    pub(super) take_over: bool,
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
pub(super) enum Card {
    /// Report a card as lost
    ///
    /// In force at once, on every server: no code of the person is accepted any more, unless the school's
    /// policy stops the card alone. Safe to repeat. Audited.
    #[command(after_help = "Example:\n  \
        onecard card lost --school xnec --student-no 2301001 --reason \"came with ID card\"")]
    Lost(CardHolder),
    /// Take a report back
    ///
    /// The person enrols the phone again, with the query password. Safe to repeat. Audited.
    #[command(after_help = "Example:\n  \
        onecard card found --school xnec --student-no 2301001 --reason \"came with ID card\"")]
    Found(CardHolder),
}

#[derive(Debug, Args)]
pub(super) struct CardHolder {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The person's 学号 or 工号
    #[arg(long, value_name = "NO")]
    pub(super) student_no: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Roster {
    /// Take up people from a CSV file
    ///
    /// UTF-8 or GBK, with a heading of these columns, in any order:
    /// student_no,name,id_number,phone,kind,department,class_name,valid_until, and chip_number where the
    /// cards' readers tell it.
    /// kind is student, staff or temporary. Safe to repeat. Prints how many rows were read, added,
    /// changed and refused, and for each refused row its line and the reason; removes nobody. Exits
    /// with 1 if a row was refused.
    #[command(after_help = "Example:\n  onecard roster import --school xnec --check students.csv")]
    Import(RosterImport),
}

#[derive(Debug, Args)]
pub(super) struct RosterImport {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// Only say what would be done: nothing is written
    #[arg(long)]
    pub(super) check: bool,
    /// The people
    #[arg(value_name = "FILE.csv")]
    pub(super) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Merchant {
    /// Register a merchant: who sells at tills, and is credited by them
    ///
    /// Safe to repeat; another name renames it. The code is 1 to 32 of a-z, 0-9, hyphen and
    /// underscore, and stays for good: it names the merchant's account in the ledger.
    #[command(after_help = "Example:\n  \
        onecard merchant add --school xnec --code canteen-1 --name 第一食堂")]
    Add(MerchantAdd),
}

#[derive(Debug, Args)]
pub(super) struct MerchantAdd {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The merchant's code within the school
    #[arg(long, value_name = "CODE")]
    pub(super) code: MerchantCode,
    /// The merchant as students know it, 1 to 40 characters
    #[arg(long, value_name = "NAME")]
    pub(super) name: MerchantName,
}

#[derive(Debug, Subcommand)]
pub(super) enum Terminal {
    /// Register a terminal with its public key
    ///
    /// The terminal makes an Ed25519 key pair and keeps the private half; this takes the public
    /// half, as PEM that begins -----BEGIN PUBLIC KEY-----. Its key id on the wire is SCHOOL/ID,
    /// as in xnec/T1. How it signs is in docs/terminal.md.
    ///
    /// Safe to repeat. A terminal that is registered otherwise is left as it is, unless --replace.
    /// A running server sees the change within a second.
    #[command(after_help = "Examples:\n  \
        openssl genpkey -algorithm ed25519 -out t1.key\n  \
        openssl pkey -in t1.key -pubout -out t1.pem\n  \
        onecard terminal add --school xnec --id T1 --kind pos --public-key t1.pem \
        --merchant canteen-1\n  \
        onecard terminal add --school xnec --id G1 --kind gate --public-key g1.pem \
        --door-group 北门")]
    Add(TerminalAdd),
    /// Switch a terminal off: none of its requests is answered any more
    ///
    /// For one that was stolen, or that misbehaves. It stays registered, also for `terminal add
    /// --replace`. Safe to repeat. Nothing is decided for it after the commit, at whatever server.
    #[command(after_help = "Example:\n  onecard terminal disable --school xnec --id T1")]
    Disable(TerminalName),
    /// Switch a terminal on again
    ///
    /// Safe to repeat. Running servers answer it within a second.
    #[command(after_help = "Example:\n  onecard terminal enable --school xnec --id T1")]
    Enable(TerminalName),
}

#[derive(Debug, Args)]
pub(super) struct TerminalName {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The terminal's id within the school
    #[arg(long, value_name = "ID")]
    pub(super) id: TerminalCode,
}

#[derive(Debug, Args)]
pub(super) struct TerminalAdd {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    pub(super) school: String,
    /// The terminal's id within the school: 1 to 64 of A-Z, a-z, 0-9, dot, hyphen and underscore
    #[arg(long, value_name = "ID")]
    pub(super) id: TerminalCode,
    /// What it is for
    #[arg(long, value_enum)]
    pub(super) kind: Kind,
    /// Its Ed25519 public key
    #[arg(long, value_name = "FILE.pem")]
    pub(super) public_key: PathBuf,
    /// Who sells there; a till without a merchant cannot charge
    #[arg(long, value_name = "CODE")]
    pub(super) merchant: Option<MerchantCode>,
    /// The doors that open together
    #[arg(long, value_name = "NAME")]
    pub(super) door_group: Option<DoorGroup>,
    /// Take over what is given even where the terminal is registered otherwise
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// A till
    Pos,
    /// A door or a gate
    Gate,
    /// A library's desk
    Library,
    /// A water meter
    Water,
}

impl From<Kind> for TerminalKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Pos => Self::Pos,
            Kind::Gate => Self::Gate,
            Kind::Library => Self::Library,
            Kind::Water => Self::Water,
        }
    }
}
