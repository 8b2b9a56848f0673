//! Which logins members of staff list.

use super::{ListedStaff, StaffId, StaffRole, store::listing as store};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset},
    ids::SchoolId,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{collections::HashMap, fmt};
use uuid::Uuid;

/// Which logins somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StaffQuery {
    /// With this role.
    pub role: Option<String>,
    /// `on` or `off`.
    pub state: Option<String>,
    /// `signed_in` for those first that signed in last; otherwise by login.
    pub by: Option<String>,
}

/// The place of a login in a list: what it was listed by, as it was then. Who signs in meanwhile moves in the list, and
/// no place with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaffPlace {
    /// When it last signed in, in microseconds; 0 for never.
    pub signed_in_at: i64,
    /// The login.
    pub id: StaffId,
}

impl StaffPlace {
    /// That of a login.
    pub fn of(one: &ListedStaff) -> Self {
        Self { signed_in_at: one.signed_in_at.map_or(0, Timestamp::micros), id: one.id }
    }
}

impl fmt::Display for StaffPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.signed_in_at, self.id.uuid().simple())
    }
}

impl<'de> Deserialize<'de> for StaffPlace {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text.split_once('.');
        let place = parts.and_then(|(at, id)| {
            let id = StaffId::from_uuid(id.parse().ok()?);
            Some(Self { signed_in_at: at.parse().ok()?, id })
        });
        place.ok_or_else(|| D::Error::custom("not a place in a list"))
    }
}

/// Which logins of a school.
#[derive(Clone, Debug)]
pub struct StaffFilter {
    /// The school.
    pub school: SchoolId,
    /// With this role.
    pub role: Option<StaffRole>,
    /// That are accepted, or that are not.
    pub enabled: Option<bool>,
    /// In the order of the last sign-in, not of the logins.
    pub by_sign_in: bool,
}

impl StaffQuery {
    /// The filter that is asked for; or the name of what is wrong.
    pub fn filter(&self, school: SchoolId) -> Result<StaffFilter, &'static str> {
        fn text(field: Option<&String>) -> &str {
            field.map(|text| text.trim()).unwrap_or_default()
        }
        Ok(StaffFilter {
            school,
            role: match text(self.role.as_ref()) {
                "" => None,
                role => Some(role.parse().map_err(|_| "role")?),
            },
            enabled: match text(self.state.as_ref()) {
                "" => None,
                "on" => Some(true),
                "off" => Some(false),
                _ => return Err("state"),
            },
            by_sign_in: match text(self.by.as_ref()) {
                "" | "login" => false,
                "signed_in" => true,
                _ => return Err("by"),
            },
        })
    }
}

impl ListedStaff {
    /// The logins of a school with these ids: a query.
    pub async fn names(
        db: &Db,
        school: SchoolId,
        ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, String>, DbError> {
        store::names(db, school, ids).await
    }
}

impl StaffFilter {
    /// All of a school, by login.
    pub const fn all(school: SchoolId) -> Self {
        Self { school, role: None, enabled: None, by_sign_in: false }
    }

    /// A page of them, in one query.
    pub async fn page(
        &self,
        db: &Db,
        page: Keyset<StaffPlace>,
    ) -> Result<Vec<ListedStaff>, DbError> {
        let found = store::page(db, self, page).await?;
        Ok(found.into_iter().map(ListedStaff::from).collect())
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count(db, self, most).await
    }
}
