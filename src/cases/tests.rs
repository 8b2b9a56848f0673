//! Who may do what to a case, on rows of every state.

use super::{
    CaseAct, CaseEnd, CaseFacts, CaseHolder, CaseId, CaseKind, CaseRefusal, CaseWorker, FoundCase,
    IDLE,
};
use crate::base::{clock::Timestamp, ids::SchoolId};
use CaseAct::{Release, Resolve, Take, TakeOver};
use std::{collections::BTreeSet, time::Duration};

const NOW: Timestamp = Timestamp::from_seconds(1_796_000_000);

fn worker(login: &str, staff_no: &str) -> CaseWorker {
    CaseWorker { login: login.to_owned(), staff_no: staff_no.to_owned() }
}

fn held(by: CaseWorker, active_at: Timestamp) -> CaseHolder {
    CaseHolder { by, since: active_at, active_at }
}

fn case() -> FoundCase {
    FoundCase {
        id: CaseId::new(NOW),
        school: SchoolId::from_number(1),
        kind: Some(CaseKind::NoOrder),
        is_money: true,
        subject: "no_order:wechat_pay:m:t:1".to_owned(),
        detail: String::new(),
        facts: CaseFacts::default(),
        opened_at: NOW,
        holder: None,
        end: None,
        version: 7,
    }
}

/// The result of an act: whose it is then, or whether it has ended, or was so before.
fn outcome(of: &FoundCase, act: CaseAct<'_>, by: &CaseWorker, version: i64) -> String {
    match of.after(act, (by, version), NOW) {
        Ok(None) => "same".to_owned(),
        Ok(Some(next)) if next.end.is_some() => "ended".to_owned(),
        Ok(Some(next)) => {
            assert_eq!(next.version, of.version + 1);
            next.holder.map_or_else(|| "free".to_owned(), |held| held.by.login)
        }
        Err(CaseRefusal::Over) => "over".to_owned(),
        Err(CaseRefusal::Held(held)) => format!("held by {}", held.by.login),
        Err(CaseRefusal::NotTaken) => "not taken".to_owned(),
        Err(CaseRefusal::Changed) => "changed".to_owned(),
    }
}

#[test]
fn who_took_it_has_it() {
    let (li, wang) = (worker("li", "1"), worker("wang", "2"));
    let free = case();
    let own = FoundCase { holder: Some(held(worker("li2", "1"), NOW)), ..case() };
    let just = NOW.minus(IDLE).plus(Duration::from_micros(1));
    let busy = FoundCase { holder: Some(held(wang.clone(), just)), ..case() };
    let idle = FoundCase { holder: Some(held(wang.clone(), NOW.minus(IDLE))), ..case() };
    let end = |by, text: &str| Some(CaseEnd { at: NOW, by, text: text.to_owned() });
    let by_itself = FoundCase { end: end(None, ""), ..own.clone() };
    let by_li = FoundCase { end: end(Some(li.clone()), "done"), ..own.clone() };
    let by_wang = FoundCase { end: end(Some(wang), "done"), ..own.clone() };
    let acts = [Take, Release, TakeOver, Resolve("done")];
    let table = [
        ("free", &free, ["li", "same", "li", "not taken"]),
        ("own, by another login", &own, ["same", "free", "same", "ended"]),
        ("another's", &busy, ["held by wang", "held by wang", "li", "held by wang"]),
        ("another's, idle", &idle, ["li", "held by wang", "li", "held by wang"]),
        ("ended by itself", &by_itself, ["over", "over", "over", "over"]),
        ("ended by li", &by_li, ["over", "over", "over", "same"]),
        ("ended by wang", &by_wang, ["over", "over", "over", "over"]),
    ];
    for (what, of, expected) in table {
        for (act, expected) in acts.into_iter().zip(expected) {
            assert_eq!(outcome(of, act, &li, 7), expected, "{what}: {act:?}");
            // An old page changes nothing, and is told what is wrong first.
            let stale =
                if ["li", "free", "ended"].contains(&expected) { "changed" } else { expected };
            assert_eq!(outcome(of, act, &li, 6), stale, "{what}, from an old page: {act:?}");
        }
    }
    assert_eq!(outcome(&by_li, Resolve("other"), &li, 7), "over");
}

#[test]
fn a_subject_names_the_transaction() {
    let of =
        |subject: &str, is_money| FoundCase { subject: subject.to_owned(), is_money, ..case() };
    let (one, two) = (of("no_order:wechat_pay:m:t:1", true), of("refund_over:alipay:m:t", true));
    assert_eq!(one.reference(), Some(("wechat_pay", "m", "t:1")));
    assert_eq!(two.reference(), Some(("alipay", "m", "t")));
    assert_eq!(of("refunded_at_provider:alipay:t", true).reference(), None);
    assert_eq!(of("0123456789abcdef0123456789abcdef", false).reference(), None);
}

#[test]
fn codes_differ_and_are_read_back() {
    let codes: BTreeSet<_> = CaseKind::ALL.map(CaseKind::code).into_iter().collect();
    assert_eq!(codes.len(), CaseKind::ALL.len());
    for kind in CaseKind::ALL {
        assert_eq!(CaseKind::from_code(kind.code()), Some(kind));
    }
}
