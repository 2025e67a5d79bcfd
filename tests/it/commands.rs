//! Commands given wrongly: one clear sentence, the right exit code, nothing half-done.

use crate::workplace::Workplace;

/// Runs `arguments` and checks exit code and parts of the sentence on stderr.
fn refuses(arguments: &[&str], code: i32, says: &[&str]) {
    let place = Workplace::new();
    let output = place.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for part in says {
        assert!(said.contains(part), "{arguments:?} says {said:?}, which lacks {part:?}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn usage_mistakes_end_with_2_and_the_remedy() {
    refuses(&["export", "prices"], 2, &["no table", "liquidations"]);
    refuses(&["export", "liquidations", "--from", "yesterday"], 2, &["is not a time", "2026-01-31"]);
    refuses(&["export", "liquidations", "--from", "2026-02-01", "--to", "2026-01-01"], 2, &["is not before"]);
    refuses(&["import", "bars", "nowhere.csv"], 2, &["nowhere.csv", "readable"]);
    refuses(&["events", "--kind", "party"], 2, &["no kind", "halving"]);
    refuses(&["events", "--about", "Nobody Inc"], 2, &["no entity"]);
    refuses(&["events", "study", "--entity", "KEEL"], 2, &["--date"]);
    refuses(&["doctor", "--feed", "mtgox"], 2, &["not configured"]);
    refuses(&["daemon", "--for", "30"], 2, &["30s"]);
    refuses(&["replay", "nowhere.jsonl"], 2, &["nowhere.jsonl"]);
    refuses(&["replay", "x", "--speed", "fast"], 2, &["is no speed", "max"]);
    refuses(&["snapshot", "--panel", "nothing", "--out", "x.svg"], 2, &["overview", "tape"]);
    refuses(&["snapshot", "--size", "0x0", "--out", "x.svg"], 2, &["160x48"]);
    refuses(&["demo", "--store", "S"], 2, &["keeps nothing", "vigie sim > sim.toml", "--store S"]);
    refuses(&["snapshot", "--demo", "--store", "S", "--out", "x.svg"], 2, &["keeps nothing"]);
    refuses(&["snapshot", "--demo", "--for", "5m", "--out", "x.svg"], 2, &["--for"]);
    refuses(&["sim", "--scenario", "apocalypse"], 2, &["apocalypse", "cascade"]);
    refuses(&["sim", "--faults", "gremlins=1"], 2, &["gremlins"]);
    refuses(&["--config", "missing.toml", "check-config"], 2, &["missing.toml", "--config"]);
}

#[test]
fn the_screen_needs_a_terminal_and_says_what_does_not() {
    for arguments in [&["demo"][..], &[][..]] {
        refuses(arguments, 2, &["terminal", "vigie daemon"]);
    }
}

#[test]
fn a_directory_that_is_no_store_ends_with_3() {
    refuses(&["--store", "nothing-here", "export", "liquidations"], 3, &["nothing-here"]);
    refuses(&["--store", "nothing-here", "status"], 3, &["nothing-here"]);
    refuses(&["--store", "nothing-here", "ledger", "verify"], 3, &["nothing-here", "no ledger"]);
    refuses(&["ledger", "--dir", "nothing-here", "list"], 3, &["nothing-here", "no ledger"]);
}

#[test]
fn an_unreachable_feed_ends_a_one_shot_command_with_4() {
    let place = Workplace::new();
    // Port 1 on loopback: nobody listens there.
    let config = place.write(
        "c.toml",
        "[feeds.binance-usdm]\nurl = \"ws://127.0.0.1:1/market/stream?streams=!forceOrder@arr\"\n",
    );
    let output =
        place.run(&["--config", config.to_str().unwrap(), "record", "--out", "r.jsonl", "--for", "500ms"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("binance-usdm") && said.contains("check the network"), "{said}");
}

#[test]
fn a_port_in_use_is_named_with_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&["sim", "--listen", &address], 2, &[&address, "in use"]);
}

#[test]
fn check_config_prints_what_it_resolved() {
    let place = Workplace::new();
    let text = place.stdout(&["check-config"]);
    assert!(text.contains("built-in") && text.contains("wss://fstream.binance.com/market/"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&place.stdout(&["check-config", "--json"])).unwrap();
    assert_eq!(json["config"]["feeds"]["okx"]["rest_url"], "https://www.okx.com");
    // What it prints, it accepts.
    let again = place.write("again.toml", &text);
    assert_eq!(
        place
            .stdout(&["--config", again.to_str().unwrap(), "check-config"])
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        text.lines().skip(1).collect::<Vec<_>>()
    );
}

#[test]
fn help_names_every_subcommand() {
    let place = Workplace::new();
    let help = place.stdout(&["--help"]);
    for name in [
        "demo",
        "daemon",
        "doctor",
        "check-config",
        "backfill",
        "import",
        "record",
        "replay",
        "rebuild",
        "status",
        "export",
        "snapshot",
        "events",
        "regimes",
        "evaluate",
        "train",
        "forecast",
        "models",
        "ledger",
        "sim",
    ] {
        assert!(help.contains(name), "{name} is missing from:\n{help}");
        let own = place.stdout(&[name, "--help"]);
        assert!(own.contains("Examples:") && own.contains(&format!("  vigie {name}")), "{name}:\n{own}");
    }
}

#[test]
fn snapshot_draws_every_panel_and_the_same_seed_draws_the_same_picture() {
    let place = Workplace::new();
    let mut pictures = Vec::new();
    for panel in vigie::tui::panel_names() {
        for attempt in ["a.svg", "b.svg"] {
            place
                .stdout(&["snapshot", "--panel", panel, "--size", "120x40", "--for", "5m", "--out", attempt]);
            let svg = std::fs::read_to_string(place.path(attempt)).unwrap();
            assert!(svg.starts_with("<svg") && svg.contains("SIMULATED"), "{panel}");
            pictures.push(svg);
        }
        assert_eq!(pictures.pop(), pictures.pop(), "{panel} differs between two runs");
    }
}
