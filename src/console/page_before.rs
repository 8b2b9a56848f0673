//! Where somebody goes on after the sign-in or the second factor: to the page that was asked for, or that a form stands
//! on.
//!
//! Invariant: it is a page that can be asked for. What a form did not get to do is not done on the way back.

use super::{
    PAGES, Page,
    browser::next_of,
    way_back::{after, leading_back},
};
use actix_web::{
    HttpRequest,
    http::{Method, Uri, header},
};
use uuid::Uuid;

const FIRST: &str = "/staff";
/// Where one comes in. What was typed is shown at these addresses, as the answer to their forms.
const ENTRANCES: [&str; 3] = ["/staff/sign-in", "/staff/second-factor", "/staff/auth/"];

/// The page that a request leads back to; that of a form with the way back that the form carries.
pub(super) fn page_before(request: &HttpRequest, back: &str) -> String {
    if request.method() == Method::GET {
        let asked = request.uri().path_and_query().map(ToString::to_string);
        return next_of(asked.as_deref());
    }
    let referer = request.headers().get(header::REFERER).and_then(|page| page.to_str().ok());
    let page = referer.and_then(|page| page.parse::<Uri>().ok());
    let page = page.and_then(|page| page.path_and_query().map(ToString::to_string));
    let page = page.as_deref().unwrap_or_else(|| request.path());
    next_of(Some(&stood_on(page, request.path(), &after(back, ""))))
}

/// The page that a form stands on. Where that page was the answer to a form, it is at an address that has no page, or
/// one without the way back.
fn stood_on(page: &str, form: &str, back: &str) -> String {
    let (path, fields) = page.split_once('?').unwrap_or((page, ""));
    if !fields.is_empty() && is_page(path) {
        return page.to_owned();
    }
    let path = nearest(if is_entrance(path) { form } else { path });
    if is_entrance(path) {
        return FIRST.to_owned();
    }
    let within = back.strip_prefix(path);
    if within.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
        back.to_owned()
    } else {
        leading_back(path, back)
    }
}

fn is_entrance(path: &str) -> bool {
    ENTRANCES.iter().any(|entrance| path.starts_with(entrance))
}

/// The page at an address, or at the nearest one above it.
fn nearest(path: &str) -> &str {
    let mut at = path;
    while !is_page(at) {
        match at.rsplit_once('/') {
            Some((above, _)) => at = above,
            None => return FIRST,
        }
    }
    at
}

/// Whether an address can be asked for. Which handler it has is decided by the first path that fits it.
fn is_page(path: &str) -> bool {
    let Some(below) = path.strip_prefix(FIRST) else { return false };
    let found = PAGES.iter().find(|Page(_, at, _)| fits(at, below));
    let is_shown = |Page(_, found, _): &Page| {
        PAGES.iter().any(|Page(method, at, _)| *method == "get" && at == found)
    };
    found.is_some_and(is_shown)
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let is_same = |named| parts.next().is_some_and(|part| fits_part(named, part));
    pattern.split('/').all(is_same) && parts.next().is_none()
}

/// Whether a part of an address is what the path has there: most of what it leaves open are ids.
fn fits_part(named: &str, part: &str) -> bool {
    match named {
        "{act}" | "{kind}" | "{provider}" | "{seq}" => !part.is_empty(),
        named if named.starts_with('{') => part.parse::<Uuid>().is_ok(),
        named => named == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const ID: &str = "019a0000-0000-7000-8000-000000000001";

    /// The page before a form, by where it was sent, the page that it stood on, and its way back; `ID` for an id.
    fn before(form: &str, page: Option<&str>, back: &str) -> String {
        let [form, back] = [form, back].map(|text| text.replace("ID", ID));
        let mut request = TestRequest::post().uri(&form);
        if let Some(page) = page {
            let page = format!("https://card.example.cn{}", page.replace("ID", ID));
            request = request.insert_header((header::REFERER, page));
        }
        page_before(&request.to_http_request(), &back).replace(ID, "ID")
    }

    #[test]
    fn an_answer_to_a_form_leads_to_the_page_above_it() {
        let cases = [
            ("/staff/approvals/refund/ID/approve", "/staff/approvals/refund/ID"),
            ("/staff/staff-requests/ID/reject", "/staff/staff-requests/ID"),
            ("/staff/staff/ID/roles", "/staff/staff/ID"),
            ("/staff/staff/ID/disable", "/staff/staff/ID/disable"),
            ("/staff/staff/add", "/staff/staff/add"),
            ("/staff/cases/ID/resolve", "/staff/cases/ID"),
            ("/staff/doors/rights", "/staff/doors"),
            ("/staff/doors/log", "/staff/doors/log"),
            ("/staff/reconciliation/run", "/staff/reconciliation"),
            ("/staff/reconciliation/ID/run", "/staff/reconciliation/ID"),
            ("/staff/reconciliation/differences/ID/repair", "/staff/reconciliation"),
            ("/staff/messages/ID/retry", "/staff/messages"),
            ("/staff/policy/propose", "/staff/policy"),
            ("/staff/account/sessions/ID/end", "/staff/account"),
            ("/staff/health/providers/alipay/try", "/staff/health"),
            ("/staff/second-factor", "/staff"),
            ("/staff/sign-out", "/staff"),
        ];
        for (form, page) in cases {
            assert_eq!(before(form, Some(form), ""), page, "{form}");
            assert_eq!(before(form, None, "//evil.example/staff/"), page, "{form}");
        }
    }

    #[test]
    fn the_way_back_survives() {
        let repair = "/staff/reconciliation/differences/ID/repair";
        let approve = "/staff/approvals/refund/ID/approve";
        let cases = [
            (approve, approve, "/staff/approvals?state=open#a1"),
            (repair, repair, "/staff/reconciliation/ID?ended=true#d1"),
            ("/staff/reconciliation/ID/run", "/staff/reconciliation", "/staff/reconciliation#d1"),
            ("/staff/people/search", "/staff/people?of=sealed", ""),
            ("/staff/people/ID/adjust", "/staff/sign-in", "/staff/people?of=sealed"),
            ("/staff/people/ID/adjust", "/elsewhere", ""),
        ];
        let pages = [
            "/staff/approvals/refund/ID?back=/staff/approvals%3Fstate%3Dopen%23a1",
            "/staff/reconciliation/ID?ended=true#d1",
            "/staff/reconciliation#d1",
            "/staff/people?of=sealed",
            "/staff/people/ID/adjust?back=/staff/people%3Fof%3Dsealed",
            "/staff",
        ];
        for ((form, page, back), found) in cases.into_iter().zip(pages) {
            assert_eq!(before(form, Some(page), back), found, "{form}");
        }
    }

    #[test]
    fn what_was_asked_for_is_asked_for_again() {
        let request = TestRequest::get().uri("/staff/orders?day=2026-11-28").to_http_request();
        assert_eq!(page_before(&request, ""), "/staff/orders?day=2026-11-28");
    }
}
