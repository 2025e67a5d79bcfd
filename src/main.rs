//! `vigie`: arguments in, exit code out.

use std::process::ExitCode;

/// Frames are made on one thread and freed on another, which glibc's allocator pays for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vigie::run()
}
