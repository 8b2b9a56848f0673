//! Looks up a code that a terminal read under a sequence number.

use super::{
    known,
    seq::{NumberedRequest, SeqCheck, check_seq},
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source},
    },
    passcode::{Codes, ScanOutcome, ScanPlace},
};

/// A code that a terminal read.
#[derive(Clone, Copy, Debug)]
pub struct CodeRead<'a> {
    /// Where.
    pub place: ScanPlace<'a>,
    /// The request with its number.
    pub asked: &'a NumberedRequest,
    /// What the scanner read.
    pub text: &'a str,
}

/// The outcome of looking a code up.
#[derive(Clone, Debug)]
pub enum LookedUp {
    /// The request has to be decided by this.
    Found(ScanOutcome),
    /// The code fits nobody, and the request is not the first of its number or nonce. Never
    /// [`SeqCheck::First`].
    Before(SeqCheck),
}

impl CodeRead<'_> {
    /// How a request relates to what was stored under its number and nonce.
    pub async fn kept(db: &Db, asked: &NumberedRequest) -> Result<SeqCheck, DbError> {
        Ok(check_seq(asked, &known(Source::Db(db), &[asked]).await?))
    }

    /// Finds out whose code it is, and counts a failed scan, unless the request is a repeat.
    pub async fn look_up(
        &self,
        codes: &Codes,
        db: &Db,
        now: Timestamp,
    ) -> Result<LookedUp, DbError> {
        let (found, missed) = codes.find(&self.place, self.text, now).await?;
        let Some(missed) = missed else { return Ok(LookedUp::Found(found)) };
        match Self::kept(db, self.asked).await? {
            SeqCheck::First => {
                codes.share(missed, now).await;
                Ok(LookedUp::Found(found))
            }
            // A retry after a lost answer is not another scan attempt; other content is.
            SeqCheck::Repeat(answer) => {
                codes.forgive(&missed);
                Ok(LookedUp::Before(SeqCheck::Repeat(answer)))
            }
            before @ (SeqCheck::Conflict | SeqCheck::NonceReused) => Ok(LookedUp::Before(before)),
        }
    }
}
