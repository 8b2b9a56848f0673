//! Validation of one row of a roster.

use crate::{
    base::clock::Day,
    schools::{
        id_number::check_id_number,
        person::{PersonKind, STUDENT_NO_FORM, is_student_no},
    },
};
use std::fmt::Write as _;
use zeroize::Zeroizing;

const MAX_NAME: usize = 50;
const MAX_PLACE: usize = 60;

/// A valid row. It is never printed.
pub(super) struct RosterRow {
    pub(super) student_no: String,
    pub(super) name: Zeroizing<String>,
    pub(super) id_number: Option<Zeroizing<String>>,
    pub(super) phone: Option<Zeroizing<String>>,
    pub(super) kind: PersonKind,
    pub(super) department: String,
    pub(super) class_name: String,
    pub(super) valid_until: Option<Day>,
    /// The number of the card's chip.
    pub(super) chip_number: Option<Zeroizing<String>>,
}

impl RosterRow {
    /// The content of the row in a canonical form. The form is unambiguous, since no field contains
    /// control characters.
    pub(super) fn canonical(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(256));
        for field in [
            self.student_no.as_str(),
            &self.name,
            self.id_number.as_deref().map_or("", String::as_str),
            self.phone.as_deref().map_or("", String::as_str),
            self.kind.code(),
            &self.department,
            &self.class_name,
        ] {
            text.push_str(field);
            text.push('\u{1f}');
        }
        if let Some(day) = self.valid_until {
            // Writing to a string cannot fail.
            let _ = write!(text, "{day}");
        }
        // Absent in rosters without the column, whose digests stay as they were.
        if let Some(chip) = &self.chip_number {
            text.push('\u{1f}');
            text.push_str(chip);
        }
        text
    }
}

/// The fields as in the file, without surrounding white space.
pub(super) struct Fields<'a> {
    pub(super) student_no: &'a str,
    pub(super) name: &'a str,
    pub(super) id_number: &'a str,
    pub(super) phone: &'a str,
    pub(super) kind: &'a str,
    pub(super) department: &'a str,
    pub(super) class_name: &'a str,
    pub(super) valid_until: &'a str,
    /// Empty where the file has no such column.
    pub(super) chip_number: &'a str,
}

impl Fields<'_> {
    /// The valid row, or all of its faults.
    pub(super) fn check(&self) -> Result<RosterRow, String> {
        let mut faults = Faults::default();
        let row = RosterRow {
            student_no: faults.of("student_no", student_no(self.student_no)),
            name: faults.of("name", name(self.name)),
            id_number: faults.of("id_number", id_number(self.id_number)),
            phone: faults.of("phone", phone(self.phone)),
            kind: faults.or("kind", kind(self.kind), PersonKind::Student),
            department: faults.of("department", place(self.department)),
            class_name: faults.of("class_name", place(self.class_name)),
            valid_until: faults.of("valid_until", day(self.valid_until)),
            chip_number: faults.of("chip_number", chip_number(self.chip_number)),
        };
        if faults.0.is_empty() { Ok(row) } else { Err(faults.0.join("; ")) }
    }
}

/// The faults of each field.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn of<T: Default>(&mut self, field: &str, value: Result<T, String>) -> T {
        self.or(field, value, T::default())
    }

    fn or<T>(&mut self, field: &str, value: Result<T, String>, otherwise: T) -> T {
        value.unwrap_or_else(|fault| {
            self.0.push(format!("{field}: {fault}"));
            otherwise
        })
    }
}

fn student_no(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("is missing".to_owned())
    } else if is_student_no(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("must be {STUDENT_NO_FORM}"))
    }
}

/// May be empty: no card yet, or a reader that never told it.
fn chip_number(text: &str) -> Result<Option<Zeroizing<String>>, String> {
    if text.is_empty() {
        Ok(None)
    } else if is_chip_number(text) {
        Ok(Some(Zeroizing::new(text.to_ascii_uppercase())))
    } else {
        Err("must be 4 to 20 of 0-9 and A-F".to_owned())
    }
}

/// True if the text can be the number of a chip: digits or hex digits, as readers show it.
pub(super) fn is_chip_number(text: &str) -> bool {
    (4..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn name(text: &str) -> Result<Zeroizing<String>, String> {
    if text.is_empty() {
        return Err("is missing".to_owned());
    }
    bounded(text, MAX_NAME).map(Zeroizing::new)
}

fn place(text: &str) -> Result<String, String> {
    bounded(text, MAX_PLACE)
}

fn bounded(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        Err(format!("must be at most {most} characters"))
    } else if text.contains(char::is_control) {
        Err("holds a control character".to_owned())
    } else if text.contains(char::REPLACEMENT_CHARACTER) {
        Err("holds a character that was lost in an earlier conversion".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// May be empty: some people have none, and come to the counter.
fn id_number(text: &str) -> Result<Option<Zeroizing<String>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = Zeroizing::new(text.to_ascii_uppercase());
    check_id_number(&number).map_err(|fault| fault.to_string())?;
    Ok(Some(number))
}

/// May be empty.
fn phone(text: &str) -> Result<Option<Zeroizing<String>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != 11 || !text.starts_with('1') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("must be 11 digits, the first of them 1".to_owned());
    }
    Ok(Some(Zeroizing::new(text.to_owned())))
}

fn kind(text: &str) -> Result<PersonKind, String> {
    PersonKind::from_code(text).ok_or_else(|| "must be student, staff or temporary".to_owned())
}

/// May be empty: unlimited.
fn day(text: &str) -> Result<Option<Day>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "must be a day, as in 2028-07-31".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Fields<'_> = Fields {
        student_no: "2301001",
        name: "林晓雨",
        id_number: "99010120041102008x",
        phone: "12000000001",
        kind: "student",
        department: "信息工程学院",
        class_name: "软件2301",
        valid_until: "2030-07-31",
        chip_number: "",
    };

    #[test]
    fn a_valid_row_is_normalised() {
        let row = GOOD.check().ok().unwrap();
        assert_eq!(row.id_number.as_ref().unwrap().as_str(), "99010120041102008X");
        assert_eq!(row.valid_until.unwrap().to_string(), "2030-07-31");
        let empty = Fields {
            id_number: "",
            phone: "",
            department: "",
            class_name: "",
            valid_until: "",
            kind: "staff",
            ..GOOD
        };
        let empty = empty.check().ok().unwrap();
        assert!(empty.id_number.is_none() && empty.phone.is_none() && empty.valid_until.is_none());
        assert_ne!(*row.canonical(), *empty.canonical());
    }

    #[test]
    fn every_fault_is_named_without_values() {
        let long = "长".repeat(61);
        let cases = [
            (Fields { student_no: "", ..GOOD }, "student_no: is missing"),
            (Fields { student_no: "２３０１", ..GOOD }, "student_no: must be"),
            (Fields { student_no: "230100123010012301001", ..GOOD }, "student_no: must be"),
            (Fields { name: "", ..GOOD }, "name: is missing"),
            (Fields { name: &long, ..GOOD }, "name: must be at most 50"),
            (Fields { name: "林\u{7}", ..GOOD }, "name: holds a control"),
            (Fields { name: "林\u{fffd}雨", ..GOOD }, "name: holds a character that was lost"),
            (Fields { id_number: "990101200503170027", ..GOOD }, "id_number: the check digit"),
            (Fields { id_number: "990101200502300026", ..GOOD }, "id_number: the date of birth"),
            (Fields { id_number: "9.90101E+17", ..GOOD }, "id_number: must be 17 digits"),
            (Fields { phone: "+8612000000001", ..GOOD }, "phone: must be 11 digits"),
            (Fields { phone: "22000000001", ..GOOD }, "phone: must be 11 digits"),
            (Fields { kind: "Student", ..GOOD }, "kind: must be student"),
            (Fields { kind: "", ..GOOD }, "kind: must be student"),
            (Fields { department: &long, ..GOOD }, "department: must be at most 60"),
            (Fields { class_name: "软件\t2301", ..GOOD }, "class_name: holds a control"),
            (Fields { valid_until: "2030-7-31", ..GOOD }, "valid_until: must be a day"),
            (Fields { valid_until: "2030/07/31", ..GOOD }, "valid_until: must be a day"),
            (Fields { valid_until: "2030-02-30", ..GOOD }, "valid_until: must be a day"),
            (Fields { valid_until: "1970-01-01", ..GOOD }, "valid_until: must be a day"),
        ];
        for (fields, fault) in cases {
            let reason = fields.check().err().unwrap();
            assert!(reason.starts_with(fault), "{reason}, not {fault}");
            assert!(!reason.contains(';'), "{reason}");
        }
        let two = Fields { name: "", phone: "1", ..GOOD }.check().err().unwrap();
        assert_eq!(two, "name: is missing; phone: must be 11 digits, the first of them 1");
    }
}
