//! `staff add`, `list`, `disable`, `enable` and `reset-factor`: logins of members of staff.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints, as they stand")]

use super::{CommandError, open, terminal::school_of, up_to_date_database};
use crate::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        db::Actor,
    },
    config::Config,
    passwords::TryCounts,
    schools::PersonKeys,
    staff_accounts::{
        ListedStaff, NewStaff, Slip, StaffClasses, StaffLogin, StaffNo, StaffRegistry, StaffRole,
        StaffRoles, WorkId,
    },
};
use clap::{Args, Subcommand};
use secrecy::SecretString;
use std::{
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};
use zeroize::Zeroizing;

/// The most bytes that are read of a password.
const MAX_PASSWORD_BYTES: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum Staff {
    /// Add a login; prints the secret of the second factor for the first sign-in
    ///
    /// Reads the password from standard input, or from the first line of a file; it has at least 10
    /// characters. The printed secret goes into an authenticator app and is good for the first sign-in
    /// only, which replaces it by one that nobody else has seen, and the password as well. With the printed
    /// code strangers who guess cannot delay that sign-in. Neither is shown again.
    ///
    /// Two logins with one --staff-no are one person: who asks for a refund under one of them cannot
    /// approve it under the other.
    ///
    /// Roles: card_office (asks for refunds), finance (asks for and approves refunds), auditor (reads),
    /// admin (members of staff and policies), network_center, counsellor. Rights add up.
    #[command(after_help = "Examples:\n  \
        onecard staff add --school xnec --login li --staff-no 1001 --role finance < password.txt\n  \
        onecard staff add --school xnec --login wang --staff-no 1002 --role card_office auditor \
        --password-file password.txt")]
    Add(StaffAdd),
    /// List the logins of a school
    List(StaffSchool),
    /// Switch a login off: its sessions end, and it cannot sign in
    ///
    /// Safe to repeat. Running servers refuse it within a second.
    Disable(StaffName),
    /// Switch a login on again
    Enable(StaffName),
    /// Replace a lost second factor; prints the secret for the next sign-in
    ///
    /// Ends the login's sessions, and the waits after wrong attempts. Hand the secret over in person:
    /// with the password it signs in.
    #[command(after_help = "Example:\n  \
        onecard staff reset-factor --school xnec --login li --reason \"phone lost\"")]
    ResetFactor(StaffName),
    /// Link a login with a userid of the school's WeCom, which signs it in beside the password
    ///
    /// The same second factor follows. Capitals and small letters of the userid are the same. Without --userid
    /// the link ends. Ends the login's sessions where something changes.
    #[command(after_help = "Example:\n  \
        onecard staff link-wecom --school xnec --login li --userid LiNa")]
    LinkWecom(StaffLink),
    /// Give a counsellor classes: only their people are shown to the login
    ///
    /// They replace the ones from before; without --class none is left. Written as in the roster.
    #[command(after_help = "Example:\n  \
        onecard staff set-classes --school xnec --login zhao --class 护理2301 护理2302")]
    SetClasses(StaffClassesGiven),
}

#[derive(Debug, Args)]
pub(super) struct StaffClassesGiven {
    #[command(flatten)]
    name: StaffName,
    /// The class
    #[arg(long, value_name = "NAME", num_args = 1..)]
    class: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct StaffLink {
    #[command(flatten)]
    name: StaffName,
    /// The userid, as WeCom's console shows it
    #[arg(long, value_name = "ID")]
    userid: Option<WorkId>,
}

#[derive(Debug, Args)]
pub(super) struct StaffAdd {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    school: String,
    /// The name under which the member of staff signs in: 1 to 32 of a-z, 0-9, dot, hyphen and
    /// underscore; capitals are refused
    #[arg(long, value_name = "NAME")]
    login: StaffLogin,
    /// The staff number (工号): 1 to 32 of A-Z, 0-9 and hyphen; lower case is refused, so w17 is W17
    #[arg(long, value_name = "NO")]
    staff_no: StaffNo,
    /// What the login may do
    #[arg(long, value_name = "ROLE", required = true, num_args = 1..)]
    role: Vec<StaffRole>,
    /// Take the password from the first line of this file in place of standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct StaffSchool {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    school: String,
}

#[derive(Debug, Args)]
pub(super) struct StaffName {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    school: String,
    /// The login
    #[arg(long, value_name = "NAME")]
    login: StaffLogin,
}

pub(super) async fn run(
    config: &Config,
    what: &Staff,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
    let counts = TryCounts::new(db.clone(), keys.index);
    let registry = StaffRegistry { db, sealer: keys.sealer, counts };
    let now = SystemClock.now();
    match what {
        Staff::Add(arguments) => add(&registry, arguments, now).await?,
        Staff::List(StaffSchool { school }) => {
            let id = school_of(&registry.db, school).await?;
            registry.list(id).await?.iter().for_each(show);
        }
        Staff::Disable(name) => switch(&registry, name, false, now).await?,
        Staff::Enable(name) => switch(&registry, name, true, now).await?,
        Staff::ResetFactor(StaffName { school, login }) => {
            let id = school_of(&registry.db, school).await?;
            let slip = registry.reset_factor(id, login, now).await?;
            println!("reset      {school}/{login}");
            print(&slip, school);
        }
        Staff::LinkWecom(StaffLink { name: StaffName { school, login }, userid }) => {
            let id = school_of(&registry.db, school).await?;
            let changed = registry.link((id, login), userid.as_ref(), now).await?;
            say(changed, school, login);
        }
        Staff::SetClasses(StaffClassesGiven { name: StaffName { school, login }, class }) => {
            let classes = StaffClasses::new(class.iter().map(String::as_str));
            let classes = classes.ok_or(CommandError::Classes)?;
            let id = school_of(&registry.db, school).await?;
            say(registry.set_classes((id, login), &classes, now).await?, school, login);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(changed: bool, school: &str, login: &StaffLogin) {
    let done = if changed { "changed  " } else { "unchanged" };
    println!("{done}  {school}/{login}");
}

async fn add(
    registry: &StaffRegistry,
    arguments: &StaffAdd,
    now: Timestamp,
) -> Result<(), CommandError> {
    let StaffAdd { school, login, staff_no, role, password_file } = arguments;
    let new = NewStaff {
        school: school_of(&registry.db, school).await?,
        login: login.clone(),
        staff_no: staff_no.clone(),
        roles: StaffRoles::new(role.iter().copied()),
        password: password(password_file.as_ref())?,
    };
    let roles = new.roles.to_string();
    let slip = registry.add(new, now).await?;
    println!("added      {school}/{login}  no. {staff_no}  {roles}");
    print(&slip, school);
    Ok(())
}

async fn switch(
    registry: &StaffRegistry,
    StaffName { school, login }: &StaffName,
    enabled: bool,
    now: Timestamp,
) -> Result<(), CommandError> {
    let id = school_of(&registry.db, school).await?;
    // Boxed: the change of a row of authority is most of its callers' futures.
    let changed = Box::pin(registry.switch(id, login, enabled, now)).await?;
    let said = if changed { "changed" } else { "unchanged" };
    let state = if enabled { "enabled" } else { "disabled" };
    println!("{said:<9}  {school}/{login}  {state}");
    Ok(())
}

/// The first line of the file, or of standard input.
fn password(file: Option<&PathBuf>) -> Result<SecretString, CommandError> {
    let mut text = Zeroizing::new(String::new());
    match file {
        Some(path) => {
            let read = open(path)?.take(MAX_PASSWORD_BYTES).read_to_string(&mut text);
            read.map_err(|cause| CommandError::File { path: path.clone(), cause })?;
        }
        None => {
            io::stdin().take(MAX_PASSWORD_BYTES).read_to_string(&mut text)?;
        }
    }
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

fn print(slip: &Slip, school: &str) {
    println!("for the first sign-in, which replaces it; not shown again:");
    println!("  secret   {}", slip.secret().as_str());
    println!("  address  {}", slip.otpauth_uri(school).as_str());
    println!("  code     {}", slip.first_code().as_str());
}

fn show(staff: &ListedStaff) {
    let ListedStaff { login, staff_no, roles, enabled, enrolled, signed_in_at, .. } = staff;
    let state = if *enabled { "enabled" } else { "disabled" };
    let factor = if *enrolled { "own factor" } else { "printed factor" };
    let last = signed_in_at.map_or_else(|| "never".to_owned(), Timestamp::to_rfc3339);
    println!("{login}  no. {staff_no}  {roles}  {state}  {factor}  last sign-in {last}");
}
