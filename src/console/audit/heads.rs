//! 链头: where the chains of the log and of the school's ledger end, to be noted or printed.

use crate::{
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, shown},
        words,
    },
    staff::guard::ReadAudit,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;

const HERE: (&str, &str) = ("/staff/audit", "链头");

/// The end of a chain as the page shows it.
struct Head {
    chain: &'static str,
    position: i64,
    at: String,
    /// In hexadecimal digits.
    hash: String,
}

#[derive(Template)]
#[template(path = "console/audit_heads.html")]
struct HeadsPage {
    frame: Frame,
    heads: Vec<Head>,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadAudit>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let heads = console.staff.chain_heads(&seat.member).await?;
    let log = heads.log.map(|head| Head {
        chain: "记录（各学校同一条链）",
        position: head.position,
        at: words::when(head.at),
        hash: head.hash,
    });
    let ledger = heads.ledger;
    let sealed = ledger.hash.zip(ledger.sealed_at).map(|(hash, at)| Head {
        chain: "本校的账本",
        position: ledger.position,
        at: words::when(at),
        hash: hex::encode(hash),
    });
    let heads = log.into_iter().chain(sealed).collect();
    shown(&HeadsPage { frame: Frame::of(&seat, &console, HERE).await?, heads })
}
