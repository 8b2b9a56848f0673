//! Import of policy files. Everything is read and checked before anything is written, and all of
//! it is written in one transaction.

use super::{HeldPolicy, book};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx, TxError},
    },
    schools::{
        StoredSchool,
        policy::{Policy, PolicyError},
    },
};
use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What an import did to one school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The file.
    pub path: PathBuf,
    /// The school.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The policy's version.
    pub version: u32,
    /// What the import did.
    pub outcome: ImportOutcome,
}

/// What an import did with a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The school is new.
    Added,
    /// Its policy was replaced.
    Changed,
    /// The database held the same policy.
    Unchanged,
}

/// A problem of a file. Printed as `file:line: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The file or folder.
    pub path: PathBuf,
    /// Counted from 1; `None` for a problem of the whole file.
    pub line: Option<usize>,
    /// For the operator.
    pub reason: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.reason)
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Every problem, at least one.
    #[error("nothing was imported:\n  {}", lines(.0))]
    Files(Vec<FileProblem>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for ImportError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Files(_) => None,
        }
    }
}

fn lines(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

/// Imports policy files, and those in folders. A school whose file says the same as the database is
/// left unchanged. Refused unless `replace`: an older version, the same version with other content,
/// and a file that would drop keys which a newer release has stored.
pub async fn import_schools(
    db: &Db,
    paths: &[PathBuf],
    replace: bool,
    now: Timestamp,
) -> Result<Vec<Imported>, ImportError> {
    let policies = read_all(paths).map_err(ImportError::Files)?;
    db.in_tx(async |tx| write_all(tx, &policies, replace, now).await).await
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Policy)>, Vec<FileProblem>> {
    let mut problems = Vec::new();
    let mut policies: BTreeMap<String, (PathBuf, Policy)> = BTreeMap::new();
    for path in files(paths, &mut problems) {
        match read(&path) {
            Ok(policy) => match policies.get(&*policy.code) {
                Some((first, _)) => {
                    let reason = format!("the school stands in {} already", first.display());
                    problems.push(problem(&path, reason));
                }
                None => {
                    policies.insert(policy.code.to_string(), (path, policy));
                }
            },
            Err(problem) => problems.push(problem),
        }
    }
    if policies.len() > StoredSchool::MOST {
        problems.push(FileProblem {
            path: PathBuf::new(),
            line: None,
            reason: format!("more than {} schools", StoredSchool::MOST),
        });
    }
    if problems.is_empty() { Ok(policies.into_values().collect()) } else { Err(problems) }
}

/// The files that `paths` name, and the `*.toml` of the folders among them.
fn files(paths: &[PathBuf], problems: &mut Vec<FileProblem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match policy_files(path) {
            Ok(found) if found.is_empty() => problems.push(problem(path, "holds no *.toml file")),
            Ok(found) => files.extend(found),
            Err(error) => problems.push(unreadable(path, &error)),
        }
    }
    files
}

fn policy_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn read(path: &Path) -> Result<Policy, FileProblem> {
    let size = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(problem(path, format!("is longer than {MAX_FILE_BYTES} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let policy = Policy::parse(&text).map_err(|PolicyError { line, reason }| FileProblem {
        path: path.to_owned(),
        line: Some(line),
        reason,
    })?;
    if path.file_stem().is_none_or(|stem| *stem != *policy.code) {
        let reason = format!("is the policy of {0}, and must be named {0}.toml", policy.code);
        return Err(problem(path, reason));
    }
    Ok(policy)
}

fn problem(path: &Path, reason: impl Into<String>) -> FileProblem {
    FileProblem { path: path.to_owned(), line: None, reason: reason.into() }
}

fn unreadable(path: &Path, error: &io::Error) -> FileProblem {
    problem(path, format!("cannot be read: {error}"))
}

async fn write_all(
    tx: &Tx,
    policies: &[(PathBuf, Policy)],
    replace: bool,
    now: Timestamp,
) -> Result<Vec<Imported>, ImportError> {
    let (mut done, mut problems) = (Vec::with_capacity(policies.len()), Vec::new());
    for (path, policy) in policies {
        let held = match StoredSchool::find(tx, &policy.code).await? {
            Some(row) => Some(HeldPolicy::of_row(tx, row, now).await?),
            None => None,
        };
        match decide(policy, held.as_ref(), replace) {
            Err(reason) => problems.push(problem(path, reason)),
            Ok(outcome) => {
                if outcome != ImportOutcome::Unchanged {
                    match held {
                        Some(held) => held.replace(policy).await?,
                        None => book::add_school(tx, policy, now).await?,
                    }
                    audit::record(tx, &entry(policy, outcome), now).await?;
                }
                done.push(imported(path, policy, outcome));
            }
        }
    }
    if problems.is_empty() { Ok(done) } else { Err(ImportError::Files(problems)) }
}

fn entry(policy: &Policy, outcome: ImportOutcome) -> Entry {
    let act = match outcome {
        ImportOutcome::Added => AuditAct::SchoolAdded,
        ImportOutcome::Changed | ImportOutcome::Unchanged => AuditAct::SchoolChanged,
    };
    let (subject, detail) =
        (format!("school {}", &*policy.code), format!("policy version {}", policy.version));
    Entry { act, school: None, subject, detail }
}

fn decide(
    policy: &Policy,
    held: Option<&HeldPolicy<'_>>,
    replace: bool,
) -> Result<ImportOutcome, String> {
    let Some(held) = held else { return Ok(ImportOutcome::Added) };
    let stored = held.row();
    let readable = stored.policy.as_ref();
    let ignored = readable.map_or(&[][..], |stored| &stored.ignored);
    // Compared as values: a comment in the file, or a field that got a default, is no change.
    let same = readable.is_some_and(|stored| stored.policy == *policy);
    let version = i64::from(policy.version.get());
    match stored.version.cmp(&version) {
        _ if same && (ignored.is_empty() || !replace) => Ok(ImportOutcome::Unchanged),
        _ if replace => Ok(ImportOutcome::Changed),
        _ if !held.coming.is_empty() => Err(format!(
            "would take the place of version {}, which is to begin on {}; raise the version then, or \
             use --replace",
            held.newest.version, held.newest.from
        )),
        Ordering::Less if ignored.is_empty() => Ok(ImportOutcome::Changed),
        Ordering::Less => Err(format!(
            "would drop what a newer release has stored ({}); import it with that release, or use \
             --replace",
            ignored.join(", ")
        )),
        Ordering::Equal => Err(format!(
            "is version {version} as in the database, with other content; raise the version, or \
             use --replace"
        )),
        Ordering::Greater => Err(format!(
            "is version {version}, and the database has the newer {}; raise the version, or use \
             --replace",
            stored.version
        )),
    }
}

fn imported(path: &Path, policy: &Policy, outcome: ImportOutcome) -> Imported {
    Imported {
        path: path.to_owned(),
        code: policy.code.to_string(),
        name: policy.name.to_string(),
        version: policy.version.get(),
        outcome,
    }
}
