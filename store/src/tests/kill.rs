//! A writer killed with SIGKILL, again and again: what it acknowledged is there, once, in order.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::StoreError;

/// The child's half: a test only so that the test binary can run itself. It reads the directory from
/// standard input, appends without end, and prints each number once it is durable.
#[test]
#[ignore = "run by a_killed_writer_loses_nothing_it_acknowledged"]
fn write_until_killed() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let dir = line.trim();
    if dir.is_empty() {
        return;
    }
    // Small segments, so that some kills hit a seal.
    let options = StoreOptions { segment_bytes: 60_000, ..patient() };
    let (mut store, recovery) = Store::open(Path::new(dir), options, clock()).unwrap();
    let mut out = std::io::stdout();
    let mut number = recovery.last_seq;
    loop {
        for _ in 0..10 {
            number += 1;
            assert_eq!(append_frame(&mut store, number), number);
        }
        let durable = store.flush().unwrap();
        writeln!(out, "durable {durable}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(9);
    let mut acknowledged = 0;
    for cycle in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kill::write_until_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{}", dir.path().display()).unwrap();
        drop(stdin);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let acks_wanted = 1 + dice.below(40);
        let mut acks = 0;
        while acks < acks_wanted {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "cycle {cycle}: the child ended by itself");
            if let Some(durable) = line.trim().strip_prefix("durable ") {
                acknowledged = durable.parse().unwrap();
                acks += 1;
            }
        }
        if cycle == 0 {
            let refused = Store::open(dir.path(), patient(), clock());
            let Err(StoreError::Locked { holder, .. }) = refused else {
                panic!("a second writer was let in: {refused:?}");
            };
            assert_eq!(holder.pid, Some(child.id()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Acknowledgements that were on their way count too.
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        for line in rest.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            if let Some(durable) = line.trim().strip_prefix("durable ") {
                acknowledged = durable.parse().unwrap();
            }
        }
        let found = numbers(dir.path());
        let last = found.len() as u64;
        assert_eq!(found, (1..=last).collect::<Vec<_>>(), "cycle {cycle}: in order, each once");
        assert!(last >= acknowledged, "cycle {cycle}: {last} found, {acknowledged} acknowledged");
    }
    let (mut store, recovery) = open(dir.path());
    assert!(recovery.last_seq >= acknowledged && recovery.quarantined.is_empty());
    store.seal().unwrap();
    assert_eq!(numbers(dir.path()), (1..=recovery.last_seq).collect::<Vec<_>>());
    store.close().unwrap();
}
