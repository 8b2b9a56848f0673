//! Row types, one file for each table.
//!
//! Instants are microseconds since 1970 UTC, days are counted from 1970-01-01, amounts are fen. The
//! ledger's tables have no row types: its `store.rs` writes them in bulk with raw SQL.

pub mod approval;
pub mod binding;
pub mod device;
pub mod event;
pub mod idempotency_key;
pub mod identity;
pub mod identity_phone;
pub mod merchant;
pub mod notice;
pub mod notification;
pub mod orders;
pub mod password_try;
pub mod payment;
pub mod person;
pub mod policy_proposal;
pub mod policy_version;
pub mod refund;
pub mod review_case;
pub mod school;
pub mod session;
pub mod staff_change;
pub mod staff_member;
pub mod staff_session;
pub mod terminal;
pub mod terminal_answer;
