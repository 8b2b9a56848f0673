//! What explains the postings of charges: law that every charge has exactly one posting, every
//! reversed charge also has exactly one reverse posting, and every such posting is exactly what its
//! charge says.

use super::postings::{self, Parties, SPENT, SPENT_BACK};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    cards::charges::{self, Act, Charge},
    ledger::{
        transfer::{Kind, Record, Transfer},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
    terminals::{MerchantCode, MerchantId, merchant_codes},
};
use async_trait::async_trait;
use std::collections::HashMap;
use uuid::Uuid;

/// The most rows that are named.
const NAMED: usize = 1000;

/// Charges, as `verify` asks about them.
#[derive(Clone, Copy, Debug)]
pub struct ChargesExplain;

#[async_trait]
impl Explains for ChargesExplain {
    fn title(&self) -> &'static str {
        "charges and postings"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[SPENT, SPENT_BACK]
    }

    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        let acts = transfers.iter().filter_map(|record| act_of(&record.reference)).collect();
        let charges = charges::find_all(tx.into(), acts).await?;
        let merchants = charges.iter().map(|charge| MerchantId::from_uuid(charge.merchant));
        let merchants = merchant_codes(tx.into(), merchants).await?;
        let charges: HashMap<Act, Charge> =
            charges.into_iter().map(|charge| (charge.act, charge)).collect();
        let explain = |record: &&Record| {
            let act = act_of(&record.reference)?;
            charges.get(&act).map(|charge| compare(record, charge, &merchants))
        };
        let nothing = || Explanation::Nothing("posted, and not charged".to_owned());
        Ok(transfers.iter().map(|record| explain(record).unwrap_or_else(nothing)).collect())
    }

    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError> {
        tx.allow_scans(true).await?;
        let counted = charges::count_by_school(tx.into()).await?;
        tx.allow_scans(false).await?;
        let counts = |(school, [all, reversed]): (SchoolId, [u64; 2])| {
            [((school, SPENT), all), ((school, SPENT_BACK), reversed)]
        };
        Ok(counted.into_iter().flat_map(counts).collect())
    }

    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = charges::page_after(tx.into(), after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.act);
            let reversed: Vec<_> = page.iter().filter(|c| c.reversed_at.is_some()).collect();
            let all: Vec<_> = page.iter().collect();
            found.extend(missing(tx, SPENT, &all, "charged, and not posted").await?);
            let what = "taken back, and not posted back";
            found.extend(missing(tx, SPENT_BACK, &reversed, what).await?);
            if found.len() >= NAMED {
                break;
            }
        }
        found.truncate(NAMED);
        Ok(found)
    }

    async fn contradictions(
        &self,
        _tx: &Tx,
        _since: Option<Timestamp>,
    ) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }
}

/// Those of the charges whose act was not posted under this kind.
async fn missing(
    tx: &Tx,
    kind: Kind,
    charges: &[&Charge],
    what: &str,
) -> Result<Vec<String>, DbError> {
    let of = charges.iter().map(|charge| (charge.school, postings::reference(charge.act)));
    let missing = not_posted(tx, kind, of).await?;
    Ok(missing.iter().map(|reference| format!("charge {reference}: {what}")).collect())
}

/// Compares a posting with what its charge would post.
fn compare(
    record: &Record,
    charge: &Charge,
    merchants: &HashMap<MerchantId, MerchantCode>,
) -> Explanation {
    let payee = merchants.get(&MerchantId::from_uuid(charge.merchant));
    let Some(payee) = payee.and_then(|code| postings::merchant_account(code).ok()) else {
        return Explanation::Nothing("the merchant of its charge does not exist".to_owned());
    };
    let (school, person) = (charge.school, charge.person);
    let parties = Parties { school, person, act: charge.act, payee: &payee };
    let expected: Option<Transfer> = if record.kind == SPENT.name() {
        Some(postings::spent(&parties, &charge.drawn, charge.at))
    } else {
        charge.reversed_at.map(|at| postings::spent_back(&parties, &charge.drawn, at))
    };
    let Some(expected) = expected else {
        return Explanation::Nothing("posted back, and not taken back".to_owned());
    };
    match record.differences(&expected).as_deref() {
        Ok([]) => Explanation::Row,
        Ok(fields) => {
            Explanation::Nothing(format!("differs from its charge in {}", fields.join(", ")))
        }
        Err(error) => Explanation::Nothing(format!("its charge cannot be posted: {error}")),
    }
}

/// The act of a reference, if it has the form of [`postings::reference`].
fn act_of(reference: &str) -> Option<Act> {
    let (terminal, seq) = reference.split_once(':')?;
    let act = (Uuid::try_parse(terminal).ok()?, seq.parse().ok()?);
    (postings::reference(act) == reference).then_some(act)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_act_in_one_form_only() {
        let act = (Uuid::from_u128(0xAB), 17);
        assert_eq!(act_of(&postings::reference(act)), Some(act));
        let digits = "000000000000000000000000000000ab";
        for other in ["", "x:1", &format!("{digits}:017"), &format!("{}:17", digits.to_uppercase())]
        {
            assert_eq!(act_of(other), None, "{other}");
        }
        assert_eq!(act_of(&format!("{}:17", act.0)), None);
    }
}
