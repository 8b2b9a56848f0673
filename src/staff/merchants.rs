//! Merchants as members of staff see and change them.

use super::terminals::{StaffTerminalError, TakingTerminal, TerminalDesk, read};
use crate::{
    audit::AuditLine,
    base::{
        db::{Keyset, Source},
        ids::SchoolId,
        money::Fen,
    },
    cards::charges::{self, Taken},
    staff_accounts::{StaffAct, StaffMember},
    terminals::{
        MerchantId, NewMerchant, RegistryError, desk,
        listing::{ListedMerchant, MerchantFilter, OwnedTerminal, TerminalFilter},
    },
};
use serde::Deserialize;

/// Which merchants somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MerchantQuery {
    /// `on` or `off`.
    pub state: Option<String>,
    /// A part of the code or of the name; up to 60 characters.
    pub text: Option<String>,
}

/// A merchant with what it took today.
#[derive(Clone, Debug)]
pub struct TakingMerchant {
    /// The merchant.
    pub listed: ListedMerchant,
    /// How many terminals it has.
    pub terminals: usize,
    /// How many charges, less those that were reversed.
    pub charges: u64,
    /// What they come to.
    pub taken: Fen,
}

/// A merchant with its terminals.
#[derive(Clone, Debug)]
pub struct MerchantDetail {
    /// The merchant.
    pub one: TakingMerchant,
    /// Its terminals, those that were silent the longest first; the first [`TerminalDesk::OF_MERCHANT`].
    pub terminals: Vec<TakingTerminal>,
    /// What was done to it, newest first.
    pub log: Vec<AuditLine>,
}

/// A merchant to be added, as it was typed.
#[derive(Clone, Debug)]
pub struct MerchantAsk {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl MerchantQuery {
    /// The filter that is asked for.
    pub fn filter(&self, school: SchoolId) -> Result<MerchantFilter, StaffTerminalError> {
        let state = |text: &str| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        let enabled = read("state", self.state.as_deref(), state)?;
        let short = |text: &str| (text.chars().count() <= 60).then(|| text.to_owned());
        let text = read("text", self.text.as_deref(), short)?;
        Ok(MerchantFilter { school, only: None, enabled, text })
    }
}

impl TerminalDesk {
    /// So many terminals are shown with a merchant.
    pub const OF_MERCHANT: u16 = 100;

    /// A page of merchants with what they took today: three queries.
    pub async fn merchants(
        &self,
        filter: &MerchantFilter,
        page: Keyset,
    ) -> Result<Vec<TakingMerchant>, StaffTerminalError> {
        let found = filter.page(&self.db, page).await?;
        let ids: Vec<MerchantId> = found.iter().map(|one| one.merchant.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let today = self.clock.now().day();
        let owned = filter.terminals(&self.db, &ids, today).await?;
        let terminals = owned.iter().map(|owned| owned.terminal).collect();
        let taken = charges::taken(Source::Db(&self.db), terminals, today).await?;
        Ok(found.into_iter().map(|one| taking(one, &owned, &taken)).collect())
    }

    /// A merchant of the member's school, with its terminals and its log.
    pub async fn merchant(
        &self,
        member: &StaffMember,
        id: MerchantId,
    ) -> Result<MerchantDetail, StaffTerminalError> {
        let filter =
            MerchantFilter { school: member.school, only: Some(id), enabled: None, text: None };
        let one = Keyset { beyond: None, descending: true, most: 1 };
        let one = self.merchants(&filter, one).await?.pop().ok_or(RegistryError::NotFound)?;
        let code = &one.listed.merchant.code;
        let all = TerminalFilter::all(member.school, self.clock.now());
        let filter = TerminalFilter { merchant: code.parse().ok(), ..all };
        let page = Keyset { beyond: None, descending: true, most: Self::OF_MERCHANT };
        let terminals = self.page(&filter, page).await?;
        let subject = format!("merchant {code}");
        let log = AuditLine::about(&self.db, member.school, &subject, Self::SHOWN).await?;
        Ok(MerchantDetail { one, terminals, log })
    }

    /// Adds a merchant.
    pub async fn add_merchant(
        &self,
        member: &StaffMember,
        ask: &MerchantAsk,
    ) -> Result<MerchantId, StaffTerminalError> {
        let new = NewMerchant {
            school: member.school,
            code: ask.code.trim().parse().map_err(|_| StaffTerminalError::Invalid("/code"))?,
            name: ask.name.trim().parse().map_err(|_| StaffTerminalError::Invalid("/name"))?,
        };
        let now = self.clock.now();
        self.act(member, (StaffAct::ChangeTerminals, &ask.reason), async |tx| {
            Ok(desk::add_merchant(tx, &new, now).await?)
        })
        .await
    }

    /// Switches a merchant off or on; one that is so already stays so. Off, none of its terminals charges
    /// after the commit.
    pub async fn switch_merchant(
        &self,
        member: &StaffMember,
        (merchant, enabled): (MerchantId, bool),
        reason: &str,
    ) -> Result<(), StaffTerminalError> {
        let now = self.clock.now();
        let act = if enabled { StaffAct::ChangeTerminals } else { StaffAct::StopTerminals };
        self.act(member, (act, reason), async |tx| {
            desk::switch_merchant(tx, (member.school, merchant), enabled, now).await?;
            Ok(())
        })
        .await
    }
}

fn taking(listed: ListedMerchant, owned: &[OwnedTerminal], taken: &[Taken]) -> TakingMerchant {
    let id = listed.merchant.id;
    let of_it = || taken.iter().filter(|taken| taken.merchant == id.uuid());
    TakingMerchant {
        terminals: owned.iter().filter(|owned| owned.merchant == Some(id)).count(),
        charges: of_it().map(|taken| taken.charges).sum(),
        taken: of_it().fold(Fen::ZERO, |sum, one| sum.plus(one.amount).unwrap_or(sum)),
        listed,
    }
}
