//! What a new school has still to do before people pay.

use super::store;
use crate::base::{
    db::{Db, DbError},
    ids::SchoolId,
};

/// One of the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolTask {
    /// What.
    pub word: &'static str,
    /// How.
    pub hint: &'static str,
    /// Whether it is done.
    pub done: bool,
}

impl SchoolTask {
    /// All of them, in their order, by what there is.
    pub async fn of(db: &Db, school: SchoolId) -> Result<Vec<Self>, DbError> {
        let store::tasks::Started { people, terminals, approvers, paid } =
            store::tasks::started(db, school).await?;
        let task = |word, hint, done| Self { word, hint, done };
        Ok(vec![
            task("密钥试用", "在“运行状况”里试用各支付平台的密钥", paid),
            task("花名册", "导入学生和教职工", people),
            task("终端", "登记收款机、门禁", terminals),
            task("两位复核人", "至少两位财务人员，工号不同", approvers >= 2),
            task("一分钱试付", "用自己的手机充值 0.01 元", paid),
        ])
    }
}
