//! The report: what was checked, what is broken, and how far each school is sealed.

use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    ledger::{closing::Closing, seal::Head, transfer::TransferId},
};
use std::fmt;
use uuid::Uuid;

/// The most breaks that are listed for each law; the rest are only counted.
const NAMED: usize = 1000;

/// A law of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// Seals follow each other without a gap, each with the right hash, up to the head.
    Chain,
    /// Every transfer's digest matches its row and its legs.
    Transfers,
    /// Every transfer is in one batch, sealed or unsealed, whose count and digest match.
    Batches,
    /// Every account matches its path, and is touched only by transfers of its school and person.
    Accounts,
    /// Every balance is the sum of its legs.
    Balances,
    /// All accounts of a school sum to zero.
    ZeroSum,
    /// No person's debt exceeds what facts debited.
    Debts,
    /// Every signed head is still in the history.
    Anchor,
    /// Every closing record is signed, and its seal is still in the history.
    Closing,
    /// Every transfer is of a kind that a room registered.
    Kinds,
    /// What a room posts is explained by its rows; the title of its line.
    Room(&'static str),
}

impl Law {
    const fn title(self) -> &'static str {
        match self {
            Self::Chain => "chain of seals",
            Self::Transfers => "digests of transfers",
            Self::Batches => "batches",
            Self::Accounts => "chart of accounts",
            Self::Balances => "balances",
            Self::ZeroSum => "sum of a school",
            Self::Debts => "debts",
            Self::Anchor => "signed heads",
            Self::Closing => "closing records",
            Self::Kinds => "kinds of transfer",
            Self::Room(title) => title,
        }
    }
}

/// The subject of a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// One seal.
    Seal {
        /// The school.
        school: SchoolId,
        /// Its position.
        position: i64,
    },
    /// All seals from `first` to `last`.
    Seals {
        /// The school.
        school: SchoolId,
        /// The first position.
        first: i64,
        /// The last position.
        last: i64,
    },
    /// The `seal_head` row of a school.
    Head(SchoolId),
    /// A transfer or its legs.
    Transfer(TransferId),
    /// A batch.
    Batch(Uuid),
    /// An account, by its key.
    Account(Uuid),
    /// A person.
    Person(PersonId),
    /// A whole school.
    School(SchoolId),
    /// A line of a file of signed lines, from 1.
    Line(u64),
    /// A file of signed lines.
    File,
    /// A row of a room; the text names it.
    Row,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal { school, position } => {
                write!(f, "seal {position} of school {}", school.number())
            }
            Self::Seals { school, first, last } => {
                write!(f, "seals {first} to {last} of school {}", school.number())
            }
            Self::Head(school) => write!(f, "head of school {}", school.number()),
            Self::Transfer(id) => write!(f, "transfer {id}"),
            Self::Batch(id) => write!(f, "batch {id}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Person(id) => write!(f, "person {id}"),
            Self::School(school) => write!(f, "school {}", school.number()),
            Self::Line(line) => write!(f, "line {line}"),
            Self::File => f.write_str("the file"),
            Self::Row => f.write_str("row"),
        }
    }
}

/// One violation of a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The subject.
    pub subject: Subject,
    /// What is wrong, in words.
    pub what: String,
}

/// The result for one law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The law.
    pub law: Law,
    /// What was checked, in words with counts.
    pub checked: String,
    /// The first thousand breaks.
    pub named: Vec<Break>,
    /// How many breaks there are.
    pub total: u64,
}

impl Finding {
    pub(super) fn new(law: Law) -> Self {
        Self { law, checked: String::new(), named: Vec::new(), total: 0 }
    }

    pub(super) fn report(&mut self, subject: Subject, what: impl Into<String>) {
        self.total += 1;
        if self.named.len() < NAMED {
            self.named.push(Break { subject, what: what.into() });
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, checked, named, total } = self;
        let verdict = if *total == 0 { "ok" } else { "BROKEN" };
        write!(f, "{verdict:<7} {:<22} {checked}", law.title())?;
        match total {
            0 => writeln!(f)?,
            n => writeln!(f, "; {}", counted(*n, "break"))?,
        }
        for Break { subject, what } in named {
            writeln!(f, "          {subject}: {what}")?;
        }
        let unnamed = total - u64::try_from(named.len()).unwrap_or(0);
        if unnamed > 0 {
            writeln!(f, "          and {} more", grouped(unnamed))?;
        }
        Ok(())
    }
}

/// The end of a school's sealed history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The school.
    pub school: SchoolId,
    /// The school's last seal.
    pub head: Head,
    /// When the last seal was made.
    pub sealed_at: Timestamp,
}

/// The result of `verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The findings, one for each law.
    pub findings: Vec<Finding>,
    /// The end of the sealed history of each school.
    pub reaches: Vec<Reach>,
    /// How many batches are unsealed, over all schools.
    pub waiting: u64,
    /// What stands at the last seal of each school; good to be signed if the report is clean.
    pub closings: Vec<Closing>,
}

impl Report {
    /// True if no law is broken.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.total == 0)
    }

    /// The lines below those of the laws.
    pub const fn reach(&self) -> ReachLines<'_> {
        ReachLines(self)
    }

    /// The finding about a law; `None` if the law was not checked.
    pub fn finding(&self, law: Law) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.law == law)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| finding.fmt(f))?;
        self.reach().fmt(f)
    }
}

/// The lines below those of the laws: how far each school is sealed, and what waits.
#[derive(Clone, Copy, Debug)]
pub struct ReachLines<'a>(&'a Report);

impl fmt::Display for ReachLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Reach { school, head, sealed_at } in &self.0.reaches {
            let (school, hash) = (school.number(), hex::encode(head.hash));
            let (position, at) = (head.position, sealed_at.to_rfc3339());
            writeln!(f, "sealed  school {school} up to seal {position} of {at}")?;
            writeln!(f, "        {hash}")?;
        }
        writeln!(f, "waiting {} not sealed yet", counted(self.0.waiting, "batch"))
    }
}

/// `12,345`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 seal`, `12,345 seals`, `0 batches`.
pub(super) fn counted(n: u64, what: &str) -> String {
    let ending = match n {
        1 => "",
        _ if what.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{} {what}{ending}", grouped(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut chain = Finding::new(Law::Chain);
        chain.checked = "school 1: 12,345 seals".into();
        let reach = Reach {
            school: SchoolId::from_number(1),
            head: Head { position: 12_345, hash: [0x3f; 32] },
            sealed_at: Timestamp::from_seconds(1_767_232_800),
        };
        Report { findings: vec![chain], reaches: vec![reach], waiting: 1, closings: vec![] }
    }

    #[test]
    fn a_clean_report_has_one_line_for_each_law() {
        assert!(report().is_clean());
        let expected = "ok      chain of seals         school 1: 12,345 seals\n\
             sealed  school 1 up to seal 12345 of 2026-01-01T10:00:00+08:00\n        \
             3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f\n\
             waiting 1 batch not sealed yet\n";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn breaks_are_named_up_to_a_bound_and_counted_beyond() {
        let mut report = report();
        for position in 1..=1002 {
            let seal = Subject::Seal { school: SchoolId::from_number(1), position };
            report.findings[0].report(seal, "the hash does not fit");
        }
        assert!(!report.is_clean());
        let printed = report.to_string();
        assert!(
            printed.starts_with(
                "BROKEN  chain of seals         school 1: 12,345 seals; 1,002 breaks\n"
            )
        );
        assert!(printed.contains("\n          seal 1000 of school 1: the hash does not fit\n"));
        assert!(printed.contains("\n          and 2 more\n"));
        assert!(!printed.contains("seal 1001"));
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(grouped(n), text);
        }
    }
}
