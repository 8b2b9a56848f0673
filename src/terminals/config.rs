//! What a terminal must know before it works: the time, its last number, its school's rules.

use super::{Call, Terminals, call::TerminalAuthError, store, terminal::TerminalKind};
use crate::{
    base::{clock::Timestamp, money::Fen},
    schools::policy::{Limits, OverLimit, Policy},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Of the wire protocol of terminals; rises when a terminal of before would misunderstand it.
const PROTOCOL_VERSION: u32 = 1;

/// What a terminal must know.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConfigView {
    /// To set the terminal's clock by.
    #[schema(value_type = String)]
    server_time: Timestamp,
    #[serde(flatten)]
    rules: Rules,
}

/// All but the time: what the entity tag stands for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Rules {
    terminal: TerminalView,
    /// The highest number that was used; 0 where none was. A terminal that was reset goes on above.
    last_seq: i64,
    /// How long a code is shown before the next.
    step_seconds: u32,
    /// For tills; otherwise `null`.
    till: Option<TillView>,
    /// For doors; otherwise `null`.
    door: Option<DoorView>,
    versions: VersionsView,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct TerminalView {
    school: String,
    id: String,
    kind: TerminalKind,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct TillView {
    /// Who sells here.
    merchant: Option<MerchantView>,
    /// How much may be spent; `null` where the school sets no limit. The server decides: a till
    /// shows this.
    limits: Option<TillLimits>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct MerchantView {
    code: String,
    name: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct TillLimits {
    /// Within one meal.
    #[schema(value_type = Option<i64>)]
    meal_fen: Option<Fen>,
    /// Within one day of Asia/Shanghai.
    #[schema(value_type = Option<i64>)]
    day_fen: Option<Fen>,
    /// What happens beyond.
    over_limit: OverLimit,
    /// `10:00-15:00`, in Asia/Shanghai; what is outside is one more meal.
    meal_windows: Vec<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct DoorView {
    /// The doors that open together.
    group: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct VersionsView {
    /// Of this protocol.
    protocol: u32,
    /// Of the school's policy.
    policy: u32,
}

impl ConfigView {
    /// A weak entity tag: it stands for everything but the time.
    pub(super) fn entity_tag(&self) -> Result<String, serde_json::Error> {
        let rules = serde_json::to_vec(&self.rules)?;
        let digest = Sha256::digest(rules);
        Ok(format!("W/\"{}\"", hex::encode(digest.get(..16).unwrap_or_default())))
    }
}

impl Terminals {
    /// What the caller must know. Its nonce is good once.
    pub async fn config(&self, call: &Call) -> Result<ConfigView, TerminalAuthError> {
        self.once(call).await?;
        let terminal = &call.terminal;
        let school = self.schools.require(terminal.school).await?;
        let last_seq = store::answers::last_seq(&self.db, terminal.id).await?;
        Ok(ConfigView {
            server_time: self.clock.now(),
            rules: Rules {
                terminal: TerminalView {
                    school: terminal.school_code.clone(),
                    id: terminal.code.to_string(),
                    kind: terminal.kind,
                },
                last_seq,
                step_seconds: school.policy.passcode.terms.step.seconds().into(),
                till: till(call, &school.policy),
                door: door(call),
                versions: VersionsView {
                    protocol: PROTOCOL_VERSION,
                    policy: school.policy.version.get(),
                },
            },
        })
    }
}

fn till(call: &Call, policy: &Policy) -> Option<TillView> {
    let merchant = call.terminal.merchant.as_ref();
    (call.terminal.kind == TerminalKind::Pos).then(|| TillView {
        merchant: merchant.map(|merchant| MerchantView {
            code: merchant.code.to_string(),
            name: merchant.name.to_string(),
        }),
        limits: policy.limits.as_ref().map(limits),
    })
}

fn limits(limits: &Limits) -> TillLimits {
    TillLimits {
        meal_fen: limits.meal,
        day_fen: limits.day,
        over_limit: limits.over_limit,
        meal_windows: limits.meal_windows.iter().map(ToString::to_string).collect(),
    }
}

fn door(call: &Call) -> Option<DoorView> {
    let group = call.terminal.door_group.as_ref().map(ToString::to_string);
    matches!(call.terminal.kind, TerminalKind::Gate | TerminalKind::Library)
        .then_some(DoorView { group })
}
