//! How long after exec `vigie demo` has drawn its first frame, on a real pseudo-terminal.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its result and fails where it stands"
)]

use std::io::{Read, Write};
use std::time::Instant;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const RUNS: usize = 11;

fn main() {
    let mut millis: Vec<f64> = (0..RUNS).map(|_| first_frame()).collect();
    millis.sort_by(f64::total_cmp);
    println!(
        "first frame of `vigie demo`: median {:.0} ms, least {:.0}, most {:.0} ({RUNS} runs)",
        millis[RUNS / 2],
        millis[0],
        millis[RUNS - 1]
    );
}

fn first_frame() -> f64 {
    let pair = native_pty_system().openpty(PtySize { rows: 60, cols: 200, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vigie"));
    command.arg("demo");
    command.env("TERM", "xterm-256color");
    let mut reader = pair.master.try_clone_reader().unwrap();
    let started = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 8_192];
    while !seen.windows(9).any(|window| window == b"SIMULATED") {
        let read = reader.read(&mut buffer).unwrap();
        assert!(read > 0, "the demo ended early");
        seen.extend_from_slice(&buffer[..read]);
    }
    let elapsed = started.elapsed().as_secs_f64() * 1e3;
    pair.master.take_writer().unwrap().write_all(b"q").unwrap();
    child.wait().unwrap();
    elapsed
}
