//! From an entry of the log to what it is about.

use crate::staff_accounts::{StaffAct, StaffRoles};
use uuid::Uuid;

/// The page of what an entry is about, for whom it is open.
pub(super) fn path(subject: &str, detail: &str, roles: &StaffRoles) -> Option<String> {
    let (what, id) = subject.split_once(' ')?;
    let id: Uuid = id.parse().ok()?;
    let (reads, page) = match what {
        "approval" => of_request(detail)?,
        "order" => (StaffAct::ReadOrders, "orders"),
        "case" => (StaffAct::ReadCases, "cases"),
        "person" => (StaffAct::ReadPeople, "people"),
        "roster" => (StaffAct::ReadRoster, "roster-imports"),
        _ => return None,
    };
    roles.has(reads).then(|| format!("/staff/{page}/{id}"))
}

/// Of a request, by its kind: the beginning of what the log says of it.
fn of_request(detail: &str) -> Option<(StaffAct, &'static str)> {
    Some(match detail.split_once(' ')?.0 {
        "refund" | "refund_end" => (StaffAct::ReadRefunds, "approvals/refund"),
        "bill_repair" => (StaffAct::ReadBills, "approvals/bill"),
        "adjust_up" | "adjust_down" => (StaffAct::ReadAdjustments, "adjustments"),
        "password_reset" => (StaffAct::ReadPasswordResets, "password-resets"),
        "staff_roles" | "staff_factor" => (StaffAct::ReadStaff, "staff-requests"),
        "policy_change" => (StaffAct::ReadPolicy, "policy/requests"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{approvals::ApprovalKind, staff_accounts::StaffRole};

    const ID: &str = "01931c7e-0000-7000-8000-000021c08f3a";

    #[test]
    fn each_leads_to_its_own_page() {
        let all = StaffRoles::new(StaffRole::ALL);
        for (subject, detail, page) in [
            ("approval", "refund of ORDER, 500 fen", Some("approvals/refund")),
            ("approval", "refund_end of ORDER, 500 fen", Some("approvals/refund")),
            ("approval", "bill_repair of ROW, 1 fen", Some("approvals/bill")),
            ("approval", "adjust_down of PERSON, 1 fen", Some("adjustments")),
            ("approval", "password_reset of PERSON, 0 fen", Some("password-resets")),
            ("approval", "staff_factor of STAFF, 0 fen", Some("staff-requests")),
            ("approval", "policy_change of SCHOOL, 0 fen", Some("policy/requests")),
            ("approval", "of a newer release", None),
            ("order", "", Some("orders")),
            ("case", "", Some("cases")),
            ("person", "", Some("people")),
            ("roster", "", Some("roster-imports")),
            ("staff", "", None),
        ] {
            let found = path(&format!("{subject} {ID}"), detail, &all);
            assert_eq!(found, page.map(|page| format!("/staff/{page}/{ID}")), "{subject} {detail}");
        }
        assert_eq!(path("order x", "", &all), None);
        let admin = StaffRoles::new([StaffRole::Admin]);
        assert_eq!(path(&format!("order {ID}"), "", &admin), None, "not open to the member");
    }

    #[test]
    fn each_kind_of_request_has_a_page() {
        for kind in ApprovalKind::ALL {
            assert!(of_request(&format!("{} of", kind.code())).is_some(), "{}", kind.code());
        }
    }
}
