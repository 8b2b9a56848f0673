//! The program `onecard`.

use std::process::ExitCode;

fn main() -> ExitCode {
    onecard::cli::run()
}
