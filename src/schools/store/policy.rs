//! The row of a school, for whoever replaces its policy.

use super::MAX_SCHOOLS;
use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx},
        ids::SchoolId,
    },
    schools::policy::{Policy, StoredPolicy},
};
use entity::school;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::LockType,
};

/// A school with the policy that is in force.
#[derive(Debug)]
pub struct StoredSchool {
    /// The school.
    pub id: SchoolId,
    /// The number of the policy.
    pub version: i64,
    /// Which of the kept versions it is; 0 where none was kept yet.
    pub seq: i64,
    /// As stored.
    pub json: String,
    /// `None` where it cannot be read.
    pub policy: Option<StoredPolicy>,
    /// When it was replaced.
    pub updated_at: Timestamp,
}

impl StoredSchool {
    /// The most schools of a deployment.
    pub const MOST: usize = MAX_SCHOOLS;

    /// Locks the row of a school, by its code.
    pub async fn find(tx: &Tx, code: &str) -> Result<Option<Self>, DbError> {
        Self::locked(tx, school::Entity::find().filter(school::Column::Code.eq(code))).await
    }

    /// Locks the row of a school.
    pub async fn hold(tx: &Tx, id: SchoolId) -> Result<Option<Self>, DbError> {
        Self::locked(tx, school::Entity::find_by_id(id.number())).await
    }

    /// Reads the row of a school.
    pub async fn read(db: &Db, id: SchoolId) -> Result<Option<Self>, DbError> {
        let found = school::Entity::find_by_id(id.number()).one(db.conn()).await?;
        Ok(found.map(Self::of))
    }

    /// Which kept version is in force at each school.
    pub async fn in_force(db: &Db) -> Result<Vec<(SchoolId, i64)>, DbError> {
        let found: Vec<(i64, i64)> = school::Entity::find()
            .select_only()
            .columns([school::Column::Id, school::Column::PolicySeq])
            .order_by_asc(school::Column::Id)
            .limit(u64::try_from(MAX_SCHOOLS).ok())
            .into_tuple()
            .all(db.conn())
            .await?;
        Ok(found.into_iter().map(|(id, seq)| (SchoolId::from_number(id), seq)).collect())
    }

    /// Replaces the policy by the kept version `seq`, or adds the school with it. What is stored may have
    /// keys that this release does not know.
    pub async fn put(
        tx: &Tx,
        stored: Option<&Self>,
        (policy, json, seq): (&Policy, &str, i64),
        now: Timestamp,
    ) -> Result<SchoolId, DbError> {
        let row = school::ActiveModel {
            id: NotSet,
            code: Set(policy.code.to_string()),
            name: Set(policy.name.to_string()),
            policy_version: Set(i64::from(policy.version.get())),
            policy: Set(json.to_owned()),
            updated_at: Set(now.micros()),
            policy_seq: Set(seq),
        };
        let Some(stored) = stored else {
            let added = school::Entity::insert(row).exec(tx.conn()).await?;
            return Ok(SchoolId::from_number(added.last_insert_id));
        };
        let updated = school::Entity::update_many()
            .set(row)
            .filter(school::Column::Id.eq(stored.id.number()))
            .filter(school::Column::PolicyVersion.eq(stored.version))
            .filter(school::Column::UpdatedAt.eq(stored.updated_at.micros()))
            .exec(tx.conn())
            .await?;
        match updated.rows_affected {
            1 => Ok(stored.id),
            _ => Err(DbError::Raced { table: "school" }),
        }
    }

    async fn locked(tx: &Tx, found: Select<school::Entity>) -> Result<Option<Self>, DbError> {
        let found = if tx.has_row_locks() { found.lock(LockType::NoKeyUpdate) } else { found };
        Ok(found.one(tx.conn()).await?.map(Self::of))
    }

    fn of(row: school::Model) -> Self {
        Self {
            id: SchoolId::from_number(row.id),
            version: row.policy_version,
            seq: row.policy_seq,
            policy: StoredPolicy::parse(&row.policy).ok(),
            json: row.policy,
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}
