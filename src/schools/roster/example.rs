//! Examples of what an import would change, masked.

use super::{Decided, Indexed, RosterError, RosterImport};
use crate::{
    base::{crypto::seal::SealError, db::Tx},
    schools::{
        person::{Person, mask_name},
        store,
    },
};
use secrecy::ExposeSecret;
use std::fmt;

/// So many are given.
pub(super) const MOST: usize = 10;

/// Somebody whose data would change.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RosterExample {
    /// The line of the file.
    pub line: u64,
    /// 学号 or 工号.
    pub student_no: String,
    /// The name that is stored, masked.
    pub name: String,
    /// The columns that change, with what is stored and what the row says. Names are masked, of phones there
    /// are the last digits, and of what identifies a person or a card nothing.
    pub changes: Vec<[String; 3]>,
}

impl fmt::Debug for RosterExample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RosterExample").field("line", &self.line).finish_non_exhaustive()
    }
}

impl RosterImport<'_> {
    /// The first of the people whose data would change.
    pub(super) async fn examples(
        &self,
        tx: &Tx,
        decided: &Decided<'_>,
    ) -> Result<Vec<RosterExample>, RosterError> {
        let first = decided.changed.iter().take(MOST);
        let ids: Vec<_> = first.clone().map(|(_, stored)| stored.id.uuid()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let people = store::authentic_people(tx, ids).await?;
        let example = |(from, stored): &(&Indexed, store::OnRoster)| {
            let person = people.iter().find(|person| person.id == stored.id)?;
            Some(self.example(from, person))
        };
        Ok(first.filter_map(example).collect::<Result<_, SealError>>()?)
    }

    fn example(&self, from: &Indexed, person: &Person) -> Result<RosterExample, SealError> {
        let (sealer, row) = (&self.keys.sealer, &from.row);
        let name = person.name(sealer)?;
        let phone = person.phone(sealer)?;
        let phone = phone.as_ref().map_or("", |phone| phone.expose_secret());
        let id_number = person.id_number(sealer)?;
        let id_number = id_number.as_ref().map_or("", |number| number.expose_secret());
        let chip = person.chip_number(sealer)?;
        let chip = chip.as_ref().map_or("", |chip| chip.expose_secret());
        let new_phone = row.phone.as_deref().map_or("", String::as_str);
        let new_number = row.id_number.as_deref().map_or("", String::as_str);
        // A row without a chip leaves it as it is.
        let new_chip = row.chip_number.as_deref().map_or(chip, String::as_str);
        let masked = [mask_name(name.expose_secret()), mask_name(&row.name)];
        let day = |day: Option<_>| day.map(|day: crate::base::clock::Day| day.to_string());
        let days = [person.valid_until, row.valid_until].map(|last| day(last).unwrap_or_default());
        let mut changes = Changes::default();
        changes.add("name", name.expose_secret() != row.name.as_str(), masked.clone());
        changes.add("id_number", id_number != new_number, [String::new(), String::new()]);
        changes.add("phone", phone != new_phone, [phone, new_phone].map(last_digits));
        changes.text("kind", [person.kind.code(), row.kind.code()]);
        changes.text("department", [&person.department, &row.department]);
        changes.text("class_name", [&person.class_name, &row.class_name]);
        changes.text("valid_until", [&days[0], &days[1]]);
        changes.add("chip_number", chip != new_chip, [String::new(), String::new()]);
        let [name, _] = masked;
        let student_no = row.student_no.clone();
        Ok(RosterExample { line: from.line, student_no, name, changes: changes.0 })
    }
}

/// The columns that change.
#[derive(Default)]
struct Changes(Vec<[String; 3]>);

impl Changes {
    fn add(&mut self, column: &str, differs: bool, [before, after]: [String; 2]) {
        if differs {
            self.0.push([column.to_owned(), before, after]);
        }
    }

    fn text(&mut self, column: &str, [before, after]: [&str; 2]) {
        self.add(column, before != after, [before.to_owned(), after.to_owned()]);
    }
}

/// The last four digits of a phone number.
fn last_digits(phone: &str) -> String {
    phone.get(phone.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}
