//! Who asked, as somebody types it: a login or a 工号, which stands in no address.

use super::{Asked, Desk, Wanted};
use crate::{
    approvals::ApprovalQuery,
    console::{
        Console,
        browser::{Needs, Sent},
        frame::{PageError, sent_to},
        list::Place,
        sealed::sealed,
    },
};
use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;

/// A list that is searched.
pub(in crate::console) trait Searched: 'static {
    /// Who may.
    type Needs: Needs;
    /// Which it is where the form does not say.
    const DESK: Desk;
}

/// Who is looked for, and the filter around it.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct SearchForm {
    by: String,
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(default)]
    state: String,
    #[serde(default)]
    mine: String,
    #[serde(default)]
    sort: String,
}

/// Sends the browser to the list, with who is looked for sealed.
pub(in crate::console) async fn search<L: Searched>(
    sent: Sent<L::Needs, SearchForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let of = sealed(&console, &seat.member, &form.by)?;
    let desk = form.wanted.desk.map_or(L::DESK, |_| form.wanted.desk());
    let query = ApprovalQuery { state: Some(form.state), mine: Some(form.mine), by: None };
    let asked = Asked::of(&seat.member, &console, (desk, of), (query, Place::default()))?;
    let sort = if form.sort == "oldest" { "oldest" } else { "" };
    Ok(sent_to(&asked.list().with("sort", sort).to_string(), None))
}
