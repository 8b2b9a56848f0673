//! The first money journey, over real connections on both databases: a student signs in, binds,
//! tops up by WeChat Pay, and what may go wrong on the way.
//!
//! `ONECARD_LONG=1` kills the server a hundred times instead of eight; `ONECARD_SEED` repeats a run
//! whose seed was printed.

mod alipay;
mod alipay_traps;
mod bad_input;
mod callbacks;
mod disagreeing;
mod effects;
mod forged;
mod orders;
mod purposes;
mod redis_gone;
mod refund_facts;
mod refund_faults;
pub mod refunds;
mod sigkill;
mod statement;
mod storm;
mod sweep;
mod top_up;
mod tries;
mod two_servers;
mod wechat_pay_traps;
pub mod write_points;
