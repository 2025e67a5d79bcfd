//! A ledger is written: what is acknowledged is there, what is not is set aside, one writer at a time.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn what_is_appended_is_there_for_a_reader_in_order_and_signed() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path(), hour(0)).unwrap();
    assert_eq!(ledger.head(), None);
    let mut previous = Digest::ZERO;
    for n in 0..12 {
        let entry = ledger.append(forecast(n), hour(n)).unwrap();
        assert_eq!((entry.sequence, entry.previous, &entry.body), (n, previous, &forecast(n)));
        previous = entry.hash;
        // A reader sees it at once, beside the writer.
        let reader = Reader::open(dir.path()).unwrap();
        let head = reader.head().unwrap().unwrap();
        assert_eq!((head.count, head.hash, head.signed_at), (n + 1, entry.hash, hour(n)));
        assert_eq!(Some(&head), ledger.head());
        assert_eq!(reader.entry(n).unwrap(), entry);
        assert_eq!(reader.verify(&Expected::default()).unwrap().count, n + 1);
    }
    let reader = ledger.reader();
    let some: Vec<u64> = reader.read(3..=5).unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(some, [3, 4, 5]);
    assert!(matches!(reader.entry(12), Err(LedgerError::NoSuchRecord { sequence: 12, count: 12 })));
    let verified = reader.verify(&Expected::default()).unwrap();
    assert_eq!((verified.count, verified.abstained, verified.unfinished), (12, 2, 0));
    assert_eq!(verified.span, Some((hour(0), hour(11))));
}

#[test]
fn a_ledger_goes_on_where_it_ended() {
    let whole = written(7);
    let parts = tempfile::tempdir().unwrap();
    std::fs::copy(path(whole.path(), "key"), path(parts.path(), "key")).unwrap();
    for n in 0..7 {
        write_into(parts.path(), n..n + 1);
    }
    assert_eq!(lines(whole.path(), "forecasts.jsonl"), lines(parts.path(), "forecasts.jsonl"));
    assert_eq!(
        lines(whole.path(), "heads.jsonl"),
        lines(parts.path(), "heads.jsonl"),
        "ed25519 is deterministic"
    );
    assert_eq!(lines(whole.path(), "checkpoint"), lines(parts.path(), "checkpoint"));
}

#[test]
fn the_key_is_the_owner_s_alone_and_every_ledger_has_its_own() {
    let (one, two) = (written(1), written(1));
    let mode = std::fs::metadata(path(one.path(), "key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_ne!(lines(one.path(), "key"), lines(two.path(), "key"));
    std::fs::set_permissions(path(one.path(), "key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Ledger::open(one.path(), hour(1)).unwrap_err();
    assert!(matches!(refused, LedgerError::KeyExposed { mode: 0o640, .. }), "{refused}");
    assert!(refused.to_string().contains("640") && refused.to_string().contains("chmod 600"), "{refused}");
}

#[test]
fn without_its_key_a_ledger_is_read_but_not_written() {
    let dir = written(3);
    let key = path(dir.path(), "key");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(verify(dir.path()).unwrap().count, 3);
    assert!(matches!(Ledger::open(dir.path(), hour(3)), Err(LedgerError::KeyMissing { .. })));
    std::fs::write(&key, "not a key\n").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Ledger::open(dir.path(), hour(3)), Err(LedgerError::KeyUnreadable { .. })));
    std::fs::copy(path(written(1).path(), "key"), &key).unwrap();
    let refused = Ledger::open(dir.path(), hour(3)).unwrap_err();
    assert!(matches!(refused, LedgerError::Damaged(Damage::KeyReplaced { .. })), "{refused}");
}

#[test]
fn a_second_writer_is_told_who_writes() {
    let dir = tempfile::tempdir().unwrap();
    let first = Ledger::open(dir.path(), hour(0)).unwrap();
    let refused = Ledger::open(dir.path(), hour(1)).unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, LedgerError::Locked { .. }), "{said}");
    assert!(
        said.contains(&format!("process {}", std::process::id())) && said.contains("2026-01-01"),
        "{said}"
    );
    drop(first);
    Ledger::open(dir.path(), hour(1)).unwrap();
}

#[test]
fn a_directory_without_a_ledger_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(dir.path()), Err(LedgerError::NotALedger { .. })));
    assert!(matches!(Reader::open(&dir.path().join("no")), Err(LedgerError::NotALedger { .. })));
    // Opened to write, but nothing said yet.
    let ledger = Ledger::open(dir.path(), hour(0)).unwrap();
    let verified = ledger.reader().verify(&Expected::default()).unwrap();
    assert_eq!((verified.count, verified.head), (0, None));
    assert_eq!(ledger.reader().read(..).unwrap(), []);
}

/// A crash between any two bytes of an append: acknowledged records stay, the rest is set aside, and it goes on.
#[test]
fn a_write_cut_anywhere_is_set_aside_and_nothing_acknowledged_is_lost() {
    let before = written(4);
    let after = copy(before.path());
    write_into(after.path(), 4..5);
    let bytes = |dir: &Path, name: &str| std::fs::read(path(dir, name)).unwrap();
    let old = bytes(before.path(), "forecasts.jsonl").len();
    let new = bytes(after.path(), "forecasts.jsonl");
    // The record's bytes, then the head's; the checkpoint is replaced as a whole, last.
    let cuts = (old + 1..new.len()).step_by(37).chain([new.len() - 1, new.len()]).map(|cut| (cut, None));
    let heads = bytes(after.path(), "heads.jsonl");
    let old_heads = bytes(before.path(), "heads.jsonl").len();
    let torn_heads = (old_heads + 1..heads.len()).step_by(41).chain([heads.len() - 1]);
    let mut tried = 0;
    for (records, head) in cuts.chain(torn_heads.map(|cut| (new.len(), Some(cut)))) {
        let dir = copy(before.path());
        std::fs::write(path(dir.path(), "forecasts.jsonl"), &new[..records]).unwrap();
        if let Some(cut) = head {
            std::fs::write(path(dir.path(), "heads.jsonl"), &heads[..cut]).unwrap();
        }
        let seen = verify(dir.path()).unwrap();
        assert_eq!((seen.count, seen.unfinished), (4, (records - old) as u64), "{records} {head:?}");
        let mut ledger = Ledger::open(dir.path(), hour(9)).unwrap();
        let aside = ledger.set_aside().to_vec();
        assert_eq!(aside[0].bytes, (records - old) as u64);
        assert_eq!(std::fs::read(&aside[0].to).unwrap(), new[old..records]);
        assert_eq!(aside.len(), 1 + usize::from(head.is_some()));
        assert_eq!(ledger.append(forecast(4), hour(4)).unwrap().sequence, 4);
        assert_eq!(bytes(dir.path(), "forecasts.jsonl"), new);
        assert_eq!(verify(dir.path()).unwrap().count, 5);
        tried += 1;
    }
    assert!(tried > 30, "{tried}");

    // Record and head were written, the checkpoint not: that was as good as acknowledged.
    let dir = copy(after.path());
    std::fs::copy(path(before.path(), "checkpoint"), path(dir.path(), "checkpoint")).unwrap();
    assert_eq!(verify(dir.path()).unwrap().count, 5);
    let ledger = Ledger::open(dir.path(), hour(9)).unwrap();
    assert_eq!((ledger.set_aside(), ledger.head().unwrap().count), (&[][..], 5));
    assert_eq!(lines(dir.path(), "checkpoint"), lines(after.path(), "checkpoint"));
}

#[test]
fn what_is_false_or_unreadable_is_refused_with_the_field_and_leaves_no_trace() {
    type Spoil = fn(&mut Body);
    let dir = written(1);
    let mut ledger = Ledger::open(dir.path(), hour(0)).unwrap();
    let cases: [(&str, Spoil); 14] = [
        ("known_at", |body| body.known_at = hour(2)),
        ("until", |body| body.until = body.decided_at),
        ("target", |body| body.target = String::new()),
        ("asset", |body| body.asset = "B\nTC".to_owned()),
        ("horizon", |body| body.horizon = String::new()),
        ("model.id", |body| body.model.id = String::new()),
        ("one word", |body| body.inputs[0].0 = "two words".to_owned()),
        ("two inputs", |body| body.inputs[1].0 = "level".to_owned()),
        ("probability is 1.5", |body| body.answer.probability = Some(1.5.into())),
        ("markov is NaN", |body| body.answer.markov = Some(f64::NAN.into())),
        ("low 0.9", |body| body.answer.low = Some(0.9.into())),
        ("abstains (tired)", |body| body.answer.abstained = Some("tired".to_owned())),
        ("neither", |body| body.answer.probability = None),
        ("without a reason", |body| {
            body.answer.probability = None;
            body.answer.abstained = Some(String::new());
        }),
    ];
    for (says, spoil) in cases {
        let mut body = forecast(1);
        spoil(&mut body);
        let refused = ledger.append(body, hour(1)).unwrap_err();
        assert!(
            matches!(refused, LedgerError::Body(_)) && refused.to_string().contains(says),
            "{says}: {refused}"
        );
    }
    assert_eq!(verify(dir.path()).unwrap().count, 1);
    // A refusal is not a failed write.
    assert_eq!(ledger.append(forecast(1), hour(1)).unwrap().sequence, 1);
}

#[test]
fn after_a_failed_write_nothing_more_is_acknowledged() {
    let dir = written(2);
    let mut ledger = Ledger::open(dir.path(), hour(2)).unwrap();
    // The checkpoint's place is taken by something that no file replaces.
    std::fs::remove_file(path(dir.path(), "checkpoint")).unwrap();
    std::fs::create_dir(path(dir.path(), "checkpoint")).unwrap();
    let failed = ledger.append(forecast(2), hour(2)).unwrap_err();
    assert!(matches!(&failed, LedgerError::Io { path, .. } if path.ends_with("checkpoint")), "{failed}");
    assert!(matches!(ledger.append(forecast(3), hour(3)), Err(LedgerError::Stopped { .. })));
    drop(ledger);
    std::fs::remove_dir(path(dir.path(), "checkpoint")).unwrap();
    std::fs::copy(path(written(1).path(), "checkpoint"), path(dir.path(), "checkpoint")).unwrap();
    assert!(matches!(damage(dir.path()), Damage::Checkpoint { .. }), "another ledger's checkpoint");
}

#[test]
fn a_ledger_is_sound_at_every_moment_that_somebody_reads_it() {
    let dir = written(1);
    let place = dir.path().to_owned();
    let writer = std::thread::spawn(move || write_into(&place, 1..120));
    let (mut seen, mut readings) = (0, 0);
    while !writer.is_finished() || readings < 3 {
        let reader = Reader::open(dir.path()).unwrap();
        let verified = reader.verify(&Expected::default()).unwrap();
        assert!(verified.count >= seen, "{} after {seen}", verified.count);
        seen = verified.count;
        assert!(reader.proof(0).unwrap().holds());
        assert!(reader.read(..).unwrap().len() as u64 >= seen);
        readings += 1;
    }
    writer.join().unwrap();
    assert_eq!(verify(dir.path()).unwrap().count, 120);
}
