//! Events on both databases: numbered without a gap, none missed, old ones forgotten; and told to
//! those who wait for them over real connections.

mod feed;
mod rows;
mod support;
mod waiting;
