//! The arrows between crates, and the habits that no lint holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const OURS: [&str; 7] = ["feeds", "market", "models", "simulator", "store", "vigie", "widgets"];

/// Every package of the workspace with its normal dependencies, as cargo sees them.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            // Cargo writes no kind for a normal dependency.
            let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            (name(package), normal.map(name).collect())
        })
        .collect()
}

#[test]
fn library_crates_meet_only_in_market() {
    let arrows = arrows();
    assert_eq!(arrows.keys().map(String::as_str).collect::<Vec<_>>(), OURS);
    for (crate_name, dependencies) in &arrows {
        let ours: Vec<&str> =
            dependencies.iter().map(String::as_str).filter(|name| OURS.contains(name)).collect();
        match crate_name.as_str() {
            "vigie" => {}
            "market" | "simulator" => assert_eq!(ours, [""; 0], "{crate_name}"),
            _ => assert!(ours.iter().all(|name| *name == "market"), "{crate_name} depends on {ours:?}"),
        }
    }
}

#[test]
fn heavy_crates_stay_in_their_rooms() {
    let rooms: [(&str, &[&str]); 8] = [
        ("polars", &["store"]),
        ("ndarray", &["models"]),
        ("linfa", &["models"]),
        ("plotters", &["vigie"]),
        ("ratatui", &["vigie", "widgets"]),
        ("tokio-tungstenite", &["feeds", "simulator"]),
        ("reqwest", &["feeds"]),
        ("rand", &["models", "simulator"]),
    ];
    for (crate_name, dependencies) in arrows() {
        for (heavy, allowed) in rooms {
            if dependencies.contains(heavy) {
                assert!(allowed.contains(&crate_name.as_str()), "{crate_name} must not depend on {heavy}");
            }
        }
    }
}

/// Every Rust file opens by saying which question it answers, and `mod.rs` is not used.
#[test]
fn every_file_opens_with_its_question() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> =
        OURS.iter().filter(|name| **name != "vigie").map(|name| root.join(name)).collect();
    folders.extend([root.join("src"), root.join("tests"), root.join("benches")]);
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("//! "), "{} does not open with its question", path.display());
                assert!(!path.ends_with("mod.rs"), "{}: write foo.rs beside foo/", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "only {seen} files seen");
}

/// The README's two commands share one build of the heavy crates only if nothing that the tests pull in
/// changes the features of what the demo is built from.
#[test]
fn the_demo_and_the_tests_are_one_build() {
    let features = |edges: &[&str]| -> BTreeMap<String, BTreeSet<String>> {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges"])
            .args(edges)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some((package, enabled)) = line.split_once('|') else { continue };
            let enabled = enabled.trim_end_matches(" (*)").split(',').map(str::to_owned);
            features.entry(package.to_owned()).or_default().extend(enabled);
        }
        features
    };
    let (demo, tests) = (features(&["normal,build"]), features(&["normal,build,dev", "--workspace"]));
    assert!(demo.len() > 200, "only {} packages seen", demo.len());
    for (package, enabled) in demo {
        assert_eq!(Some(&enabled), tests.get(&package), "{package}: the tests ask for other features");
    }
}
