//! `vigie`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigie::run()
}
