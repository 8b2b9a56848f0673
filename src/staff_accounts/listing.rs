//! Which logins members of staff list.

use super::{ListedStaff, StaffRole, store::listing as store};
use crate::base::{
    db::{Db, DbError, Keyset},
    ids::SchoolId,
};
use serde::Deserialize;

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

impl StaffFilter {
    /// All of a school, by login.
    pub const fn all(school: SchoolId) -> Self {
        Self { school, role: None, enabled: None, by_sign_in: false }
    }

    /// A page of them, in one query. A place in the list is a login's id.
    pub async fn page(&self, db: &Db, page: Keyset) -> Result<Vec<ListedStaff>, DbError> {
        let found = store::page(db, self, page).await?;
        Ok(found.into_iter().map(ListedStaff::from).collect())
    }

    /// How many there are, among the first `most`.
    pub async fn count(&self, db: &Db, most: u32) -> Result<u64, DbError> {
        store::count(db, self, most).await
    }
}
