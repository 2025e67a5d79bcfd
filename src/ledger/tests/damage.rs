//! Flip, drop, repeat, reorder, truncate, forge: found, with the first bad record.

use super::*;

const RECORDS: u64 = 100;

fn flip(dir: &Path, name: &str, at: usize, bit: u32) {
    let path = path(dir, name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

/// Which record, or head, each byte of a file of lines belongs to.
fn owners(dir: &Path, name: &str) -> Vec<u64> {
    let bytes = std::fs::read(path(dir, name)).unwrap();
    let mut line = 0;
    let mut owners = Vec::new();
    for byte in bytes {
        owners.push(line);
        line += u64::from(byte == b'\n');
    }
    owners
}

fn expect_bad(dir: &Path, record: u64, what: &str) -> Damage {
    let found = damage(dir);
    assert_eq!(found.record(), Some(record), "{what}: {found}");
    assert!(found.to_string().contains(&format!("record {record} ")), "{what}: {found}");
    found
}

#[test]
fn every_bit_of_a_record_counts() {
    let whole = written(RECORDS);
    let owners = owners(whole.path(), "forecasts.jsonl");
    // One bit of every byte of a record; of the last one, which has nothing after it, and of all others a sample.
    let record = |n: u64| (0..owners.len()).filter(|at| owners[*at] == n).collect::<Vec<_>>();
    let last = record(RECORDS - 1).into_iter().step_by(11);
    let every = record(7).into_iter().chain(last).chain((0..owners.len()).step_by(797));
    let newline = owners.len() - 1;
    let chosen = every.map(|at| (at, (at % 8) as u32)).chain((0..8).map(|bit| (newline, bit)));
    let dir = copy(whole.path());
    let file = path(dir.path(), "forecasts.jsonl");
    let bytes = std::fs::read(&file).unwrap();
    let mut tried = 0;
    for (at, bit) in chosen {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        std::fs::write(&file, &flipped).unwrap();
        // As a writer opens it: the same as `verify`, but for the signatures of all heads but the last.
        let scanned = scan(&Files::new(dir.path()), Signatures::Last, None, None);
        let Err(LedgerError::Damaged(found)) = scanned else { panic!("byte {at} bit {bit}: not found") };
        assert_eq!(found.record(), Some(owners[at]), "byte {at} bit {bit}: {found}");
        let is_cut = matches!(found, Damage::Truncated { .. });
        assert_eq!(is_cut, at == newline, "byte {at} bit {bit}: {found}");
        tried += 1;
    }
    assert!(tried > 1_400, "{tried}");
    for (at, bit) in [(0, 0), (bytes.len() / 2, 3), (newline, 7)] {
        std::fs::write(&file, &bytes).unwrap();
        flip(dir.path(), "forecasts.jsonl", at, bit);
        expect_bad(dir.path(), owners[at], "verify");
    }
}

/// The bits of one record by themselves, without the rest of the ledger: all of them.
#[test]
fn a_line_with_any_bit_flipped_is_no_record() {
    let line = Entry::seal(0, forecast(0), Digest::ZERO).line().into_bytes();
    assert!(Entry::parse(&line).is_ok());
    for at in 0..line.len() {
        for bit in 0..8 {
            let mut flipped = line.clone();
            flipped[at] ^= 1 << bit;
            assert!(Entry::parse(&flipped).is_err(), "byte {at} bit {bit}");
        }
        assert!(Entry::parse(&line[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn every_bit_of_a_head_and_of_the_checkpoint_counts() {
    let dir = written(3);
    let owners = owners(dir.path(), "heads.jsonl");
    for (at, owner) in owners.iter().enumerate() {
        let bit = (at % 8) as u32;
        flip(dir.path(), "heads.jsonl", at, bit);
        expect_bad(dir.path(), *owner, &format!("heads, byte {at} bit {bit}"));
        flip(dir.path(), "heads.jsonl", at, bit);
    }
    let length = std::fs::metadata(path(dir.path(), "checkpoint")).unwrap().len() as usize;
    for at in 0..length {
        for bit in [0, 2, 7] {
            flip(dir.path(), "checkpoint", at, bit);
            assert!(verify(dir.path()).is_err(), "checkpoint, byte {at} bit {bit}");
            flip(dir.path(), "checkpoint", at, bit);
        }
    }
    assert_eq!(verify(dir.path()).unwrap().count, 3);
}

#[test]
fn dropped_repeated_and_moved_records_are_named() {
    let whole = written(RECORDS);
    let records = lines(whole.path(), "forecasts.jsonl");
    let heads = lines(whole.path(), "heads.jsonl");
    for n in (0..RECORDS - 1).step_by(11) {
        let at = n as usize;
        let mut dropped = records.clone();
        dropped.remove(at);
        let mut swapped = records.clone();
        swapped.swap(at, at + 1);
        let mut doubled = records.clone();
        doubled.insert(at + 1, records[at].clone());
        for (what, lines, bad, found) in
            [("drop", dropped, n, n + 1), ("swap", swapped, n, n + 1), ("repeat", doubled, n + 1, n)]
        {
            let dir = copy(whole.path());
            put_lines(dir.path(), "forecasts.jsonl", &lines);
            assert_eq!(expect_bad(dir.path(), bad, what), Damage::OutOfOrder { record: bad, found });
        }
        // With its head, as one who knows the files would do it.
        let dir = copy(whole.path());
        let mut fewer = heads.clone();
        fewer.remove(at);
        put_lines(dir.path(), "heads.jsonl", &fewer);
        expect_bad(dir.path(), n, "a head dropped");
        let mut dropped = records.clone();
        dropped.remove(at);
        put_lines(dir.path(), "forecasts.jsonl", &dropped);
        expect_bad(dir.path(), n, "a record dropped with its head");
    }
}

/// What an interrupted write can leave is the next record or its beginning, and nothing else.
#[test]
fn what_no_write_leaves_behind_is_damage_after_the_last_record_too() {
    let whole = written(5);
    let bytes = |name: &str| std::fs::read(path(whole.path(), name)).unwrap();
    let (records, heads) = (bytes("forecasts.jsonl"), bytes("heads.jsonl"));
    let last = lines(whole.path(), "forecasts.jsonl").pop().unwrap() + "\n";
    for (name, before, added) in [
        ("forecasts.jsonl", &records, last.as_str()),
        ("forecasts.jsonl", &records, "\n"),
        ("forecasts.jsonl", &records, "{}\n"),
        ("forecasts.jsonl", &records, "more"),
        ("forecasts.jsonl", &records, "{\"schema\":1,\"sequence\":4"),
        ("forecasts.jsonl", &records, "{\"schema\":1,\"sequence\":51"),
        ("heads.jsonl", &heads, "more"),
        ("heads.jsonl", &heads, "{\"schema\":1,\"count\":7"),
    ] {
        let dir = copy(whole.path());
        std::fs::write(path(dir.path(), name), [before, added.as_bytes()].concat()).unwrap();
        expect_bad(dir.path(), 5, added);
        // Nobody was told of it, and so it does not keep the owner from going on.
        assert_eq!(Ledger::open(dir.path(), hour(9)).unwrap().set_aside().len(), 1, "{added}");
        assert_eq!(verify(dir.path()).unwrap().count, 5);
    }
    for (name, before, begun) in [
        ("forecasts.jsonl", &records, "{\"schema\":1,\"seq"),
        ("forecasts.jsonl", &records, "{\"schema\":1,\"sequence\":5,\"input_root\":\"ab"),
        ("heads.jsonl", &heads, "{\"schema\":1,\"count\":6,\"ha"),
    ] {
        let dir = copy(whole.path());
        std::fs::write(path(dir.path(), name), [before, begun.as_bytes()].concat()).unwrap();
        assert_eq!(verify(dir.path()).unwrap().count, 5, "{begun}");
    }
}

/// What is listed, shown, exported or replayed is what was signed, without `verify` having been asked.
#[test]
fn a_record_sealed_anew_is_given_to_nobody() {
    let whole = written(9);
    let reader = Reader::open(whole.path()).unwrap();
    for forged in [0, 4, 8] {
        let dir = copy(whole.path());
        let mut records = lines(whole.path(), "forecasts.jsonl");
        let mut entry = reader.entry(forged).unwrap();
        entry.body.answer.regimes = vec![2];
        let entry = Entry::seal(forged, entry.body, entry.previous);
        records[forged as usize] = entry.line();
        put_lines(dir.path(), "forecasts.jsonl", &records);
        let reader = Reader::open(dir.path()).unwrap();
        let found =
            Damage::Rebuilt { record: forged, signed: head_of(whole.path(), forged), found: entry.hash };
        let refused = |error: LedgerError| match error {
            LedgerError::Damaged(damage) => damage,
            other => panic!("{other}"),
        };
        assert_eq!(refused(reader.entry(forged).unwrap_err()), found);
        assert_eq!(refused(reader.read(..).unwrap_err()), found);
        // With its head written anew as well, but for the signature.
        let mut heads = lines(whole.path(), "heads.jsonl");
        let at = forged as usize;
        heads[at] = heads[at].replace(&head_of(whole.path(), forged).to_string(), &entry.hash.to_string());
        put_lines(dir.path(), "heads.jsonl", &heads);
        let found = refused(reader.entry(forged).unwrap_err());
        assert!(matches!(found, Damage::Head { .. }), "{found}");
    }
}

fn head_of(dir: &Path, record: u64) -> Digest {
    Reader::open(dir).unwrap().entry(record).unwrap().hash
}

#[test]
fn a_cut_end_is_noticed_at_every_record() {
    let whole = written(RECORDS);
    let records = lines(whole.path(), "forecasts.jsonl");
    let heads = lines(whole.path(), "heads.jsonl");
    let dir = copy(whole.path());
    for kept in 0..RECORDS {
        put_lines(dir.path(), "forecasts.jsonl", &records[..kept as usize]);
        assert_eq!(
            expect_bad(dir.path(), kept, "records cut"),
            Damage::Truncated { record: kept, count: RECORDS }
        );
        assert!(matches!(Ledger::open(dir.path(), hour(0)), Err(LedgerError::Damaged(_))), "not written on");
    }
    for kept in (0..RECORDS).step_by(7) {
        let dir = copy(whole.path());
        put_lines(dir.path(), "heads.jsonl", &heads[..kept as usize]);
        let found = damage(dir.path());
        if kept > 0 {
            assert_eq!(found, Damage::HeadsTruncated { record: kept, count: RECORDS }, "heads cut");
        }
        // Records and heads both: the checkpoint knows.
        put_lines(dir.path(), "forecasts.jsonl", &records[..kept as usize]);
        let found = damage(dir.path());
        if kept > 0 {
            assert_eq!(found, Damage::HeadsTruncated { record: kept, count: RECORDS }, "both cut");
        }
        assert!(matches!(Ledger::open(dir.path(), hour(0)), Err(LedgerError::Damaged(_))), "not written on");
    }
}

/// All three cut to an older state are a true older ledger; only a head kept elsewhere tells.
#[test]
fn a_ledger_rolled_back_as_a_whole_is_found_by_a_kept_head_alone() {
    let dir = written(5);
    let older = copy(dir.path());
    write_into(dir.path(), 5..9);
    let kept = Reader::open(dir.path()).unwrap().head().unwrap().unwrap().hash;
    assert_eq!(verify(older.path()).unwrap().count, 5);
    let expected = Expected::head(&kept.to_string()).unwrap();
    let found = Reader::open(older.path()).unwrap().verify(&expected).unwrap_err();
    assert!(matches!(found, LedgerError::Damaged(Damage::NotInChain { count: 5, .. })), "{found}");
}

#[test]
fn a_kept_head_is_found_at_its_place() {
    let dir = written(9);
    let reader = Reader::open(dir.path()).unwrap();
    let hash = reader.entry(3).unwrap().hash;
    for text in [hash.to_string(), format!("4:{hash}")] {
        assert_eq!(reader.verify(&Expected::head(&text).unwrap()).unwrap().expected, Some(4));
    }
    let elsewhere = reader.verify(&Expected::head(&format!("5:{hash}")).unwrap()).unwrap_err();
    assert!(
        matches!(elsewhere, LedgerError::Damaged(Damage::OtherPlace { stated: 5, found: 4, .. })),
        "{elsewhere}"
    );
    for text in ["", "4", "4:", "x:00", &hash.to_string()[1..], &hash.to_string().to_uppercase()] {
        assert!(matches!(Expected::head(text), Err(LedgerError::NoHead { .. })), "{text:?}");
    }
}

/// Who has the files but not the key can rebuild the chain of hashes, and is found by the heads.
#[test]
fn a_chain_rebuilt_without_the_key_is_named_from_the_first_changed_record() {
    let whole = written(12);
    let reader = Reader::open(whole.path()).unwrap();
    for changed in [0, 5, 11] {
        let dir = copy(whole.path());
        let mut previous = Digest::ZERO;
        let mut forged = Vec::new();
        for mut entry in reader.read(..).unwrap() {
            if entry.sequence == changed {
                entry.body.answer.regimes = vec![2];
            }
            let entry = Entry::seal(entry.sequence, entry.body, previous);
            previous = entry.hash;
            forged.push(entry.line());
        }
        put_lines(dir.path(), "forecasts.jsonl", &forged);
        let found = expect_bad(dir.path(), changed, "rebuilt");
        assert!(matches!(found, Damage::Rebuilt { .. }), "{found}");
        assert!(matches!(Ledger::open(dir.path(), hour(0)), Err(LedgerError::Damaged(_))));
    }
    // One record replaced, sealed anew, the next ones left as they were, and the heads taken away.
    let dir = copy(whole.path());
    let mut records = lines(whole.path(), "forecasts.jsonl");
    let mut entry = reader.entry(4).unwrap();
    entry.body.answer.regimes = vec![2];
    records[4] = Entry::seal(4, entry.body, entry.previous).line();
    put_lines(dir.path(), "forecasts.jsonl", &records);
    assert!(matches!(expect_bad(dir.path(), 4, "replaced"), Damage::Rebuilt { .. }));
}

/// Records that somebody adds at the end are neither believed nor signed.
#[test]
fn records_added_without_the_key_are_not_signed_by_the_next_start() {
    let dir = written(3);
    let last = Reader::open(dir.path()).unwrap().entry(2).unwrap();
    let mut records = lines(dir.path(), "forecasts.jsonl");
    let one = Entry::seal(3, forecast(3), last.hash);
    let two = Entry::seal(4, forecast(4), one.hash);
    records.extend([one.line(), two.line()]);
    put_lines(dir.path(), "forecasts.jsonl", &records);
    assert_eq!(expect_bad(dir.path(), 3, "two added"), Damage::Unsigned { record: 3, unsigned: 2 });
    assert!(matches!(Ledger::open(dir.path(), hour(0)), Err(LedgerError::Damaged(_))));
    // One alone looks like an interrupted write, and is treated like one.
    put_lines(dir.path(), "forecasts.jsonl", &records[..4]);
    let verified = verify(dir.path()).unwrap();
    assert_eq!((verified.count, verified.unfinished), (3, one.line().len() as u64 + 1));
    let ledger = Ledger::open(dir.path(), hour(0)).unwrap();
    assert_eq!((ledger.head().unwrap().count, ledger.set_aside().len()), (3, 1));
}

/// Who makes a whole new ledger, with a key of his own, is found by what was kept elsewhere.
#[test]
fn a_ledger_rebuilt_with_another_key_is_found_by_head_or_key() {
    let (true_one, forged) = (written(6), written(6));
    let kept = Reader::open(true_one.path()).unwrap().head().unwrap().unwrap();
    // The forger's record 2 says something else.
    let records = Reader::open(true_one.path()).unwrap().read(..).unwrap();
    let forged_dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(forged_dir.path(), hour(0)).unwrap();
    for mut entry in records {
        if entry.sequence == 2 {
            entry.body.answer.regime = Some(7);
        }
        ledger.append(entry.body, hour(entry.sequence)).unwrap();
    }
    drop(ledger);
    assert_eq!(verify(forged_dir.path()).unwrap().count, 6, "by itself it is sound");
    let reader = Reader::open(forged_dir.path()).unwrap();
    let found = reader.verify(&Expected::head(&kept.hash.to_string()).unwrap()).unwrap_err();
    assert!(matches!(found, LedgerError::Damaged(Damage::NotInChain { count: 6, .. })), "{found}");
    // The same records under another key have the same hashes: the key tells.
    let by_key = Expected { public_key: Some(kept.public_key), head: None };
    assert!(Reader::open(true_one.path()).unwrap().verify(&by_key).is_ok());
    for dir in [forged.path(), forged_dir.path()] {
        let found = Reader::open(dir).unwrap().verify(&by_key).unwrap_err();
        assert!(
            matches!(found, LedgerError::Damaged(Damage::OtherKey { record: 0, line: 1, .. })),
            "{found}"
        );
    }
}

#[test]
fn a_replaced_key_is_named_wherever_it_begins() {
    let (dir, other) = (written(6), written(6));
    let theirs = lines(other.path(), "heads.jsonl");
    let mut heads = lines(dir.path(), "heads.jsonl");
    heads[4..].clone_from_slice(&theirs[4..]);
    put_lines(dir.path(), "heads.jsonl", &heads);
    let found = expect_bad(dir.path(), 4, "heads by another key");
    assert!(matches!(found, Damage::OtherKey { line: 5, .. }), "{found}");

    let dir = written(2);
    std::fs::copy(path(other.path(), "key"), path(dir.path(), "key")).unwrap();
    assert!(matches!(damage(dir.path()), Damage::KeyReplaced { .. }));

    let dir = written(6);
    std::fs::copy(path(other.path(), "checkpoint"), path(dir.path(), "checkpoint")).unwrap();
    assert!(matches!(damage(dir.path()), Damage::Checkpoint { .. }));
}

#[test]
fn an_old_or_missing_checkpoint_is_noticed() {
    let dir = written(3);
    let old = std::fs::read(path(dir.path(), "checkpoint")).unwrap();
    write_into(dir.path(), 3..6);
    std::fs::write(path(dir.path(), "checkpoint"), old).unwrap();
    let found = damage(dir.path());
    assert!(found.to_string().contains("old one"), "{found}");
    std::fs::remove_file(path(dir.path(), "checkpoint")).unwrap();
    let found = damage(dir.path());
    assert!(found.to_string().contains("missing"), "{found}");
}

/// A head whose signature is right and whose Merkle root is not: the holder of the key lied.
#[test]
fn a_signed_root_that_is_not_the_records_is_named() {
    let dir = written(3);
    let key = Key::load(&path(dir.path(), "key"), false).unwrap();
    let mut heads = lines(dir.path(), "heads.jsonl");
    let head = Head::parse(heads[1].as_bytes()).unwrap();
    heads[1] = Head::sign(&key, 2, head.hash, Digest::of(b"another"), head.signed_at).line();
    put_lines(dir.path(), "heads.jsonl", &heads);
    let found = expect_bad(dir.path(), 1, "root");
    assert!(found.to_string().contains("Merkle root"), "{found}");
}

#[test]
fn an_anchor_is_signed_and_speaks_of_a_head_that_is_there() {
    let dir = written(4);
    let reader = Reader::open(dir.path()).unwrap();
    let head = reader.head().unwrap().unwrap();
    let txid = Digest::of(b"a transaction");
    let anchor = reader.note_anchor(&head, "regtest", txid, hour(5)).unwrap();
    write_into(dir.path(), 4..6);
    let later = reader.note_anchor(&reader.head().unwrap().unwrap(), "main", txid, hour(7)).unwrap();
    assert_eq!(reader.anchors().unwrap(), [anchor.clone(), later.clone()]);
    assert_eq!(verify(dir.path()).unwrap().anchors, [anchor, later]);
    let bytes = std::fs::read(path(dir.path(), "anchors.jsonl")).unwrap();
    for at in (0..bytes.len() - 1).step_by(5) {
        let spoilt = copy(dir.path());
        flip(spoilt.path(), "anchors.jsonl", at, (at % 7) as u32);
        let found = damage(spoilt.path());
        assert!(matches!(found, Damage::Anchor { .. }), "byte {at}: {found}");
    }
    // A note that was being written is no note, and does not spoil the next one.
    let torn = copy(dir.path());
    std::fs::write(path(torn.path(), "anchors.jsonl"), &bytes[..bytes.len() - 20]).unwrap();
    assert_eq!(verify(torn.path()).unwrap().anchors.len(), 1);
    let reader = Reader::open(torn.path()).unwrap();
    reader.note_anchor(&head, "signet", txid, hour(9)).unwrap();
    assert_eq!(verify(torn.path()).unwrap().anchors.len(), 2);
}
