//! Notices to a person's identities about actions by the person's other identities.

use super::{BoundTo, IdentityId, Platform};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx},
};
use std::time::Duration;
use uuid::Uuid;

crate::uuid_id! {
    /// A notice to an identity.
    NoticeId
}

/// How long notices are shown and stored.
pub const NOTICES_KEPT: Duration = Duration::from_hours(90 * 24);
/// The number of notices shown, the newest ones.
pub const SHOWN_NOTICES: u16 = 20;

/// The subject of a notice.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Another identity was bound to the person.
    Bound,
    /// Another identity changed the query password.
    PasswordChanged,
    /// A device that shows payment codes was enrolled.
    CodeDevice,
    /// The card was reported lost.
    LossReported,
    /// The report was taken back.
    LossCancelled,
    /// A member of staff ended a binding of the person.
    BindingEnded,
    /// A member of staff ended a device that shows payment codes.
    DeviceEnded,
    /// Two members of staff gave the person a slip with another query password.
    PasswordReset,
}

impl NoticeKind {
    const ALL: [Self; 8] = [
        Self::Bound,
        Self::PasswordChanged,
        Self::CodeDevice,
        Self::LossReported,
        Self::LossCancelled,
        Self::BindingEnded,
        Self::DeviceEnded,
        Self::PasswordReset,
    ];

    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::PasswordChanged => "password_changed",
            Self::CodeDevice => "code_device",
            Self::LossReported => "loss_reported",
            Self::LossCancelled => "loss_cancelled",
            Self::BindingEnded => "binding_ended",
            Self::DeviceEnded => "device_ended",
            Self::PasswordReset => "password_reset",
        }
    }

    /// Tells all identities that are bound to a person what a member of staff did there.
    pub async fn tell(
        self,
        tx: &Tx,
        of: BoundTo,
        platform: Platform,
        now: Timestamp,
    ) -> Result<(), DbError> {
        // No identity did it.
        let nobody = IdentityId::from_uuid(Uuid::nil());
        notify_others(tx, NoticeOrigin { by: nobody, of, platform }, self, now).await
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The id.
    pub id: NoticeId,
    /// What happened.
    pub kind: NoticeKind,
    /// The platform on which it happened.
    pub platform: Platform,
    /// When.
    pub at: Timestamp,
}

impl Notice {
    /// The text in Chinese.
    pub fn text(&self) -> String {
        let place = match self.platform {
            Platform::Wechat => "微信小程序",
            Platform::Alipay => "支付宝小程序",
            Platform::Portal => "网页",
        };
        match self.kind {
            NoticeKind::Bound => {
                format!("您的校园卡刚在{place}上被绑定。若非本人操作，请尽快修改查询密码并挂失。")
            }
            NoticeKind::PasswordChanged => {
                format!("您的查询密码刚在{place}上被修改。若非本人操作，请尽快到服务窗口处理。")
            }
            NoticeKind::CodeDevice => {
                format!(
                    "您的付款码刚在{place}的另一台设备上启用。\
                     若非本人操作，请尽快修改查询密码并挂失。"
                )
            }
            NoticeKind::LossReported => {
                format!("您的校园卡刚在{place}上挂失。若非本人操作，请修改查询密码并解挂。")
            }
            NoticeKind::BindingEnded => {
                format!(
                    "学校工作人员刚解除了您的校园卡在{place}上的绑定。如有疑问，请到服务窗口询问。"
                )
            }
            NoticeKind::DeviceEnded => {
                format!("学校工作人员刚停用了{place}的一台设备上的付款码。需要时请重新启用。")
            }
            NoticeKind::PasswordReset => {
                "学校服务窗口刚重置了您的查询密码，须用纸条上的一次性密码登录并改密。\
                 若非本人办理，请尽快到服务窗口处理。"
                    .to_owned()
            }
            NoticeKind::LossCancelled => {
                format!("您的校园卡刚在{place}上解挂。若非本人操作，请尽快挂失并修改查询密码。")
            }
        }
    }
}

/// The identity that acted, the person concerned, and the platform.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoticeOrigin {
    pub(super) by: IdentityId,
    pub(super) of: BoundTo,
    pub(super) platform: Platform,
}

/// Writes a notice to each other identity of the person, and deletes their expired notices.
pub(super) async fn notify_others(
    tx: &Tx,
    origin: NoticeOrigin,
    kind: NoticeKind,
    now: Timestamp,
) -> Result<(), DbError> {
    let others = super::store::other_identities(tx, origin.of.person, origin.by).await?;
    notify(tx, &others, origin, kind, now).await
}

/// Writes a notice to these identities, and deletes their expired notices.
pub(super) async fn notify(
    tx: &Tx,
    to: &[Uuid],
    origin: NoticeOrigin,
    kind: NoticeKind,
    now: Timestamp,
) -> Result<(), DbError> {
    super::store::delete_notices(tx, to, now.minus(NOTICES_KEPT)).await?;
    super::store::insert_notices(tx, to, origin, kind, now).await
}
