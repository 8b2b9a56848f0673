//! The configuration of a terminal: time, last sequence number, rules of its school.

use super::{Call, Terminals, call::TerminalAuthError, store, terminal::TerminalKind};
use crate::{
    base::{clock::Timestamp, money::Fen},
    schools::policy::{DoorCode, Limits, OverLimit, Policy, WhenUndecided},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The version of the terminal protocol, increased by incompatible changes.
const PROTOCOL_VERSION: u32 = 1;

/// The configuration of a terminal.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConfigView {
    /// For setting the terminal's clock.
    #[schema(value_type = String)]
    server_time: Timestamp,
    #[serde(flatten)]
    rules: Rules,
}

/// Everything but the time: the entity tag covers this.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Rules {
    terminal: TerminalView,
    /// The highest number used so far, 0 if none. A terminal that was reset continues above it.
    last_seq: i64,
    /// How long one code is shown.
    step_seconds: u32,
    /// For tills, and for library desks with a merchant; otherwise `null`.
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
    /// The till's merchant.
    merchant: Option<MerchantView>,
    /// Spending limits; `null` if the school sets none. For display only: the server decides.
    limits: Option<TillLimits>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct MerchantView {
    code: String,
    name: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct TillLimits {
    /// Per meal.
    #[schema(value_type = Option<i64>)]
    meal_fen: Option<Fen>,
    /// Per day in Asia/Shanghai.
    #[schema(value_type = Option<i64>)]
    day_fen: Option<Fen>,
    /// What happens above a limit.
    over_limit: OverLimit,
    /// `10:00-15:00` in Asia/Shanghai; the time outside all windows counts as one more meal.
    meal_windows: Vec<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct DoorView {
    /// The group of doors that open together.
    group: Option<String>,
    /// The kinds of codes that the server accepts here. For display only: the server decides.
    accepts: Vec<DoorCode>,
    /// How long one showing of a code may be read again at this door and is answered alike.
    double_read_seconds: u64,
    /// What to do when the server does not decide: no answer, or one that is not 200. Never open.
    when_undecided: WhenUndecided,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct VersionsView {
    /// The version of this protocol.
    protocol: u32,
    /// The version of the school's policy.
    policy: u32,
}

impl ConfigView {
    /// A weak entity tag over everything but the time.
    pub(super) fn entity_tag(&self) -> Result<String, serde_json::Error> {
        let rules = serde_json::to_vec(&self.rules)?;
        let digest = Sha256::digest(rules);
        Ok(format!("W/\"{}\"", hex::encode(digest.get(..16).unwrap_or_default())))
    }
}

impl Terminals {
    /// The configuration for a request, whose nonce must be new.
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
                door: door(call, &school.policy),
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
    let sells = match call.terminal.kind {
        TerminalKind::Pos => true,
        TerminalKind::Library => merchant.is_some(),
        TerminalKind::Gate | TerminalKind::Water => false,
    };
    sells.then(|| TillView {
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

fn door(call: &Call, policy: &Policy) -> Option<DoorView> {
    let group = call.terminal.door_group.as_deref();
    let doors = &policy.doors;
    let rules = match call.terminal.kind {
        TerminalKind::Gate => doors.rules(group),
        TerminalKind::Library => doors.desk_rules(group),
        TerminalKind::Pos | TerminalKind::Water => return None,
    };
    Some(DoorView {
        group: group.map(ToOwned::to_owned),
        accepts: rules.accepts.to_vec(),
        double_read_seconds: doors.double_read().as_secs(),
        when_undecided: doors.when_undecided,
    })
}
