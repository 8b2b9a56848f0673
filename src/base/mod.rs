//! Building blocks that every other room uses. Nothing here knows about campuses.

pub mod clock;
pub mod crypto;
pub mod csv_file;
pub mod db;
pub mod http;
pub mod http_client;
pub mod ids;
pub mod job_runs;
pub mod jobs;
pub mod kv;
pub mod lane;
pub mod money;
pub mod names;
pub mod outbox;
pub mod table_file;
pub mod telemetry;
pub mod tokens;
pub mod write_point;
