//! Reconciliation on both databases: a day from the payment to its closed bill over the provider's
//! own protocol, wrong files, and made bills in which every kind of difference is found.

mod alipay;
mod asked;
mod command;
mod journey;
mod killed;
mod kinds;
mod meanwhile;
mod mornings;
pub mod office;
mod refunds;
pub mod repairs;
mod waiting;
mod whole;
