//! The files as a stranger reads them, with nothing of ours: plain text, BLAKE3, SHA-256, ed25519.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Raw, Verifier, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::*;

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The Merkle tree hash of RFC 6962 §2.1, word for word.
fn merkle_tree_hash(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => sha256(&[&[0], leaf]),
        _ => {
            let (left, right) = leaves.split_at(largest_power_below(leaves.len()));
            sha256(&[&[1], &merkle_tree_hash(left), &merkle_tree_hash(right)])
        }
    }
}

fn largest_power_below(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

/// The root that an audit path leads to, RFC 6962 §2.1.1 backwards.
fn root_by_path(leaf: [u8; 32], index: usize, count: usize, path: &[[u8; 32]]) -> [u8; 32] {
    let Some((top, below)) = path.split_last() else { return sha256(&[&[0], &leaf]) };
    let k = largest_power_below(count);
    if index < k {
        sha256(&[&[1], &root_by_path(leaf, index, k, below), top])
    } else {
        sha256(&[&[1], top, &root_by_path(leaf, index - k, count - k, below)])
    }
}

fn unhex32(value: &Value) -> [u8; 32] {
    let text = value.as_str().unwrap();
    let bytes: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

#[test]
fn a_stranger_verifies_records_and_heads_with_common_tools() {
    let dir = written(23);
    let mut previous = "0".repeat(64);
    let mut leaves = Vec::new();
    let heads = lines(dir.path(), "heads.jsonl");
    for (n, line) in lines(dir.path(), "forecasts.jsonl").iter().enumerate() {
        // The last 75 bytes are the seal.
        let (before, seal) = line.split_at(line.len() - 75);
        let hash = blake3::hash(before.as_bytes()).to_hex().to_string();
        assert_eq!(seal, format!(",\"hash\":\"{hash}\"}}"));
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (record["sequence"].as_u64(), record["previous"].as_str()),
            (Some(n as u64), Some(&previous[..]))
        );
        let inputs = record["body"]["inputs"].as_array().unwrap();
        let mut rows = String::new();
        for pair in inputs {
            rows.extend([pair[0].as_str().unwrap(), " ", pair[1].as_str().unwrap(), "\n"]);
        }
        assert_eq!(record["input_root"], blake3::hash(rows.as_bytes()).to_hex().to_string());
        let bits = u64::from_str_radix(inputs[0][1].as_str().unwrap(), 16).unwrap();
        assert_eq!(f64::from_bits(bits).to_bits(), (-3.25 + n as f64 / 7.0).to_bits());

        leaves.push(unhex32(&record["hash"]));
        let head: Value = serde_json::from_str(&heads[n]).unwrap();
        assert_eq!(head["count"], n + 1);
        assert_eq!(head["hash"], hash);
        assert_eq!(unhex32(&head["root"]), merkle_tree_hash(&leaves));
        let words = |name: &str| head[name].as_str().unwrap().to_owned();
        let text =
            format!("vigie ledger head 1\n{}\n{hash}\n{}\n{}\n", n + 1, words("root"), words("signed_at"));
        let key = VerifyingKey::from_bytes(&unhex32(&head["public_key"])).unwrap();
        let signature = words("signature");
        let halves = [&signature[..64], &signature[64..]].map(|half| unhex32(&half.into())).concat();
        key.verify(text.as_bytes(), &Raw::from_slice(&halves).unwrap()).unwrap();
        previous = hash;
    }
}

#[test]
fn the_checkpoint_is_a_signed_note_of_c2sp() {
    for count in [1, 2, 7, 8, 23] {
        let dir = written(count);
        let note = std::fs::read_to_string(path(dir.path(), "checkpoint")).unwrap();
        let lines: Vec<&str> = note.split('\n').collect();
        let [origin, size, root, "", signature, ""] = lines[..] else { panic!("{note:?}") };
        let key = Reader::open(dir.path()).unwrap().head().unwrap().unwrap().public_key;
        assert!(origin.starts_with("vigie/ledger/") && !origin.contains([' ', '+']), "{origin}");
        assert_eq!(size, count.to_string());
        let records = Reader::open(dir.path()).unwrap().read(..).unwrap();
        let leaves: Vec<[u8; 32]> = records.iter().map(|entry| *entry.hash.as_bytes()).collect();
        assert_eq!(STANDARD.decode(root).unwrap(), merkle_tree_hash(&leaves));
        let encoded = signature.strip_prefix(&format!("— {origin} ")).unwrap();
        let bytes = STANDARD.decode(encoded).unwrap();
        let id = sha256(&[origin.as_bytes(), b"\n\x01", key.as_bytes()]);
        assert_eq!((bytes.len(), &bytes[..4]), (68, &id[..4]));
        let text = format!("{origin}\n{size}\n{root}\n");
        let verifying = VerifyingKey::from_bytes(key.as_bytes()).unwrap();
        verifying.verify(text.as_bytes(), &Raw::from_slice(&bytes[4..]).unwrap()).unwrap();
        // And ours reads it back.
        let read = Checkpoint::parse(&note, &key).unwrap();
        assert_eq!((read.count, read.root.as_bytes().to_vec()), (count, merkle_tree_hash(&leaves).to_vec()));
    }
}

#[test]
fn a_checkpoint_bears_other_signatures_beside_but_not_instead() {
    let (key, other) = (Key::of_seed(1), Key::of_seed(2));
    let note = Checkpoint::sign(&key, 5, Digest::of(b"root"));
    let witnessed = format!("{note}\u{2014} witness.example/w1 {}\n", STANDARD.encode([7; 76]));
    assert_eq!(Checkpoint::parse(&witnessed, &key.public()).unwrap().count, 5);
    for (what, text) in [
        ("another ledger's", Checkpoint::sign(&other, 5, Digest::of(b"root"))),
        ("unsigned", note.rsplit_once('\u{2014}').unwrap().0.to_owned()),
        ("a witness alone", {
            let mut lines: Vec<&str> = witnessed.lines().collect();
            lines.remove(4);
            lines.join("\n") + "\n"
        }),
        ("another count", note.replacen("\n5\n", "\n6\n", 1)),
        ("a leading zero", note.replacen("\n5\n", "\n05\n", 1)),
        ("an extension", note.replacen("\n\n", "\nmore\n\n", 1)),
        ("cut", note.trim_end().to_owned()),
        ("empty", String::new()),
    ] {
        assert!(Checkpoint::parse(&text, &key.public()).is_err(), "{what}: {text:?}");
    }
}

#[test]
fn a_proof_of_inclusion_holds_by_an_independent_reading() {
    for count in [1, 2, 3, 5, 8, 13, 100] {
        let dir = written(count);
        let reader = Reader::open(dir.path()).unwrap();
        for sequence in (0..count).step_by(1 + count as usize / 9) {
            let proof = reader.proof(sequence).unwrap();
            assert!(proof.holds());
            let text = proof.to_text();
            let (top, note) = text.split_once("\n\n").unwrap();
            let mut top = top.lines();
            assert_eq!(top.next(), Some("c2sp.org/tlog-proof@v1"));
            let leaf = top.next().unwrap().strip_prefix("extra ").unwrap();
            let leaf: [u8; 32] = STANDARD.decode(leaf).unwrap().try_into().unwrap();
            assert_eq!(leaf, *reader.entry(sequence).unwrap().hash.as_bytes());
            assert_eq!(top.next(), Some(&format!("index {sequence}")[..]));
            let path: Vec<[u8; 32]> =
                top.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
            let root = STANDARD.decode(note.lines().nth(2).unwrap()).unwrap();
            assert_eq!(root_by_path(leaf, sequence as usize, count as usize, &path).to_vec(), root);
            // Another record, place or path does not.
            let Checkpoint { root, .. } = proof.checkpoint;
            let ours = |hash, index, path: &[Digest]| is_included(hash, index, path, count, root);
            assert!(ours(proof.hash, sequence, &proof.path));
            assert!(!ours(Digest::of(b"forged"), sequence, &proof.path));
            assert!(!ours(proof.hash, count, &proof.path));
            if count > 1 {
                assert!(!ours(proof.hash, sequence ^ 1, &proof.path));
                assert!(!ours(proof.hash, sequence, &proof.path[1..]));
            }
        }
        assert!(matches!(reader.proof(count), Err(LedgerError::NoSuchRecord { .. })));
    }
}

/// Formats that strangers rely on do not move by accident. A change here is a new schema.
#[test]
fn the_bytes_of_a_record_and_a_head_are_these() {
    let entry = Entry::seal(0, forecast(1), Digest::ZERO);
    let zeros = "0".repeat(64);
    let hashes =
        ["config", "artefact", "code"].map(|word| blake3::hash(word.as_bytes()).to_hex().to_string());
    let [config, artefact, code] = &hashes;
    let expected = format!(
        concat!(
            r#"{{"schema":1,"sequence":0,"input_root":"{root}","body":{{"decided_at":"2026-01-01T01:00:00.000000Z","#,
            r#""known_at":"2026-01-01T00:59:59.000000Z","target":"vol-24h","asset":"BTC","horizon":"24h","#,
            r#""until":"2026-01-02T01:00:00.000000Z","inputs":[["level","c008db6db6db6db7"],["har_22","bfe0000000000000"]],"#,
            r#""config":"{config}","model":{{"id":"vol-24h-btc-1","hash":"{artefact}"}},"code":"{code}","#,
            r#""answer":{{"regime":1,"probability":{{"bits":"3fd0000000000000","value":0.25}},"#,
            r#""low":{{"bits":"3fc999999999999a","value":0.2}},"high":{{"bits":"3fd5555555555555","value":0.3333333333333333}},"#,
            r#""regimes":[0,1],"base":{{"bits":"3fd0000000000000","value":0.25}},"markov":{{"bits":"3fd3333333333333","value":0.3}},"#,
            r#""margin_only":{{"bits":"3fd3333333333334","value":0.30000000000000004}},"abstained":null}}}},"previous":"{zeros}""#,
        ),
        zeros = zeros,
        config = config,
        artefact = artefact,
        code = code,
        root = blake3::hash(b"level c008db6db6db6db7\nhar_22 bfe0000000000000\n").to_hex(),
    );
    let line = entry.line();
    assert_eq!(&line[..line.len() - 75], expected);

    let key = Key::of_seed(7);
    let head = Head::sign(&key, 3, Digest::of(b"last"), Digest::of(b"root"), hour(1));
    assert_eq!(
        head.line(),
        format!(
            concat!(
                r#"{{"schema":1,"count":3,"hash":"{}","root":"{}","signed_at":"2026-01-01T01:00:00.000000Z","#,
                r#""public_key":"ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","signature":"{}"}}"#
            ),
            Digest::of(b"last"),
            Digest::of(b"root"),
            head.signature
        )
    );
    assert_eq!(Checkpoint::sign(&key, 0, Digest::ZERO).lines().next(), Some("vigie/ledger/ea4a6c63e29c520a"));
}

#[test]
fn a_public_key_is_read_in_both_its_spellings() {
    let key = Key::of_seed(7).public();
    for text in [key.to_string(), key.verifier()] {
        assert_eq!(text.parse::<PublicKey>().unwrap(), key, "{text}");
    }
    let verifier = key.verifier();
    let other_name = verifier.replacen("vigie", "wigie", 1);
    for text in ["", "ea4a", &key.to_string().to_uppercase(), &other_name, &verifier[..verifier.len() - 1]] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}

#[test]
fn what_is_exported_reads_back() {
    let dir = written(6);
    let reader = Reader::open(dir.path()).unwrap();
    let mut jsonl = Vec::new();
    assert_eq!(reader.export(Form::Jsonl, &mut jsonl).unwrap(), 6);
    assert_eq!(jsonl, std::fs::read(path(dir.path(), "forecasts.jsonl")).unwrap());
    let mut csv = Vec::new();
    assert_eq!(reader.export(Form::Csv, &mut csv).unwrap(), 6);
    let csv = String::from_utf8(csv).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
    for (row, entry) in rows[1..].iter().zip(reader.read(..).unwrap()) {
        let probability = row[column("probability")];
        match entry.body.answer.probability {
            Some(exact) => assert_eq!(probability.parse::<f64>().unwrap().to_bits(), exact.bits()),
            None => assert_eq!((probability, row[column("abstained")]), ("", "outside the training density")),
        }
        assert_eq!(row[column("hash")], entry.hash.to_string());
    }
}
