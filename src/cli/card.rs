//! `card lost` and `card found`: what the service counter does for a person who comes in.

use super::{CommandError, args::CardHolder, up_to_date_database};
use crate::{
    base::{
        clock::{Clock, SystemClock},
        db::{Actor, Db},
    },
    cardlife::counter,
    config::Config,
    schools::{People, Person, PersonKeys, School, Schools},
};
use std::{process::ExitCode, sync::Arc};

pub(super) async fn lost(
    config: &Config,
    holder: &CardHolder,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let Desk { db, keys, school, person } = Desk::open(config, holder, by).await?;
    let is_new = counter::lost(&db, &school, &person, &keys.sealer, SystemClock.now()).await?;
    Ok(say(if is_new { "lost" } else { "unchanged" }, holder))
}

pub(super) async fn found(
    config: &Config,
    holder: &CardHolder,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let Desk { db, school, person, .. } = Desk::open(config, holder, by).await?;
    let was_lost = counter::found(&db, &school, &person, SystemClock.now()).await?;
    Ok(say(if was_lost { "found" } else { "unchanged" }, holder))
}

fn say(done: &str, CardHolder { school, student_no }: &CardHolder) -> ExitCode {
    println!("{done:<9}  {school}/{student_no}");
    ExitCode::SUCCESS
}

/// The person whom a command is about.
struct Desk {
    db: Db,
    keys: PersonKeys,
    school: Arc<School>,
    person: Person,
}

impl Desk {
    async fn open(config: &Config, holder: &CardHolder, by: Actor) -> Result<Self, CommandError> {
        let CardHolder { school: code, student_no } = holder;
        let db = up_to_date_database(config).await?.acting_as(by);
        let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
        let school = Schools::new(db.clone(), Arc::new(SystemClock)).by_code(code).await?;
        let school = school.ok_or_else(|| CommandError::NoSchool(code.clone()))?;
        let people = People::new(db.clone(), keys.index.clone());
        let person = people.find_by_student_no(school.id, student_no).await?;
        let person = person.ok_or_else(|| CommandError::NoPerson {
            school: code.clone(),
            student_no: student_no.clone(),
        })?;
        Ok(Self { db, keys, school, person })
    }
}
