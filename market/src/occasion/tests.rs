//! The shipped occasions, and lists that cannot be used.

use super::*;
use crate::nyse::nyse;

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn known(id: &str) -> &'static Occasion {
    occasions().iter().find(|occasion| occasion.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn the_shipped_occasions_are_in_order_and_of_every_kind() {
    let all = occasions();
    assert!(all.len() > 100, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].at.start() <= pair[1].at.start()));
    for kind in OccasionKind::ALL {
        let count = all.iter().filter(|occasion| occasion.kind == kind).count();
        assert!(count > 2, "{}: {count}", kind.as_str());
    }
    // The file itself is in order too, so that a reader finds a day.
    let text = include_str!("../../../data/events.toml");
    let written: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id = ")).collect();
    let parsed: Vec<String> = all.iter().map(|occasion| format!("{:?}", occasion.id.as_str())).collect();
    assert_eq!(written, parsed);
}

#[test]
fn what_is_to_come_is_marked_and_what_was_is_not() {
    // The last outcome on record when the table was written.
    let written = day("2026-07-15");
    for occasion in occasions() {
        assert_eq!(occasion.is_scheduled, occasion.at.date() > written, "{}", occasion.id);
    }
    assert!(known("bitcoin-halving-5").is_estimate);
}

#[test]
fn rate_decisions_come_at_two_in_new_york_and_chain() {
    let decisions: Vec<&Occasion> =
        occasions().iter().filter(|occasion| occasion.kind == OccasionKind::Monetary).collect();
    assert_eq!(decisions.len(), 32, "eight a year");
    let mut upper: Option<f64> = None;
    for decision in decisions {
        let OccasionTime::Moment(moment) = decision.at else { panic!("{} has no hour", decision.id) };
        let open = nyse().open(moment.date()).expect("a trading day");
        assert_eq!(moment.since(open).as_secs(), 4 * 3600 + 1800, "{}", decision.id);
        let Figures { change_bp, rate_high_percent, .. } = decision.figures;
        let Some((change, high)) = change_bp.zip(rate_high_percent) else {
            assert!(decision.is_scheduled, "{}", decision.id);
            continue;
        };
        if let Some(before) = upper {
            assert!((before + change / 100.0 - high).abs() < 1e-9, "{}", decision.id);
        }
        upper = Some(high);
    }
    assert_eq!(upper, Some(3.75));
}

#[test]
fn deals_tell_what_a_megawatt_year_earns() {
    for (id, millions) in [
        ("terawulf-fluidstack-2025-08-14", 1.85),
        ("cipher-fluidstack-2025-09", 1.786),
        ("cipher-aws-2025", 1.222),
        ("iren-microsoft-2025", 9.7),
        ("core-coreweave-2024-06-03", 1.458),
        ("galaxy-coreweave-2025", 1.901),
        ("hut8-fluidstack-2025", 1.905),
    ] {
        let found = known(id).usd_per_megawatt_year().expect(id) / 1e6;
        assert!((found - millions).abs() < 1e-3, "{id}: {found}");
    }
    assert_eq!(known("nebius-microsoft-2025").usd_per_megawatt_year(), None);
    assert_eq!(known("bitfarms-winds-down-mining").usd_per_megawatt_year(), None);
    let deals = occasions().iter().filter(|occasion| occasion.kind == OccasionKind::Deal);
    for deal in deals {
        // Hosting earns one to three million dollars a megawatt and year, computing ten; a slip of a zero shows.
        if let Some(usd) = deal.usd_per_megawatt_year() {
            let range = match deal.figures.service.expect("told") {
                Service::Colocation => 0.8e6..3e6,
                Service::Cloud => 5e6..15e6,
            };
            assert!(range.contains(&usd), "{}: {usd}", deal.id);
        }
        assert!(!deal.entities.is_empty(), "{}", deal.id);
    }
}

#[test]
fn the_first_session_is_the_first_that_could_answer() {
    for (id, session) in [
        ("bitfarms-winds-down-mining", "2025-11-13"),
        ("terawulf-fluidstack-2025-08-14", "2025-08-14"),
        // A Friday night, after the close.
        ("cascade-2025-10-10", "2025-10-13"),
        ("nvidia-2026-q3", "2025-11-20"),
        ("bitcoin-halving-4", "2024-04-22"),
        ("fomc-2025-09-17", "2025-09-17"),
    ] {
        assert_eq!(known(id).first_session(nyse()), Some(day(session)), "{id}");
    }
    assert_eq!(known("bitcoin-halving-1").first_session(nyse()), Some(day("2012-11-28")));
}

#[test]
fn ones_own_occasions_are_read_with_quotes_or_without() {
    let own = r#"
        [[occasion]]
        id = "b"
        at = "2026-01-31T09:30:00Z"
        title = "Later"
        kind = "corporate"
        sources = ["desk"]

        [[occasion]]
        id = "a"
        at = 2026-01-31
        title = "Earlier"
        kind = "deal"
        entities = ["keel"]
        figures = { usd = 1_000_000, years = 2, megawatts = 5, power = "gross", counterparty = "X" }
        sources = ["desk"]
    "#;
    let read = parse_occasions(own, "own.toml").expect("valid");
    assert_eq!(read.iter().map(|occasion| occasion.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(read[0].at, OccasionTime::Day(day("2026-01-31")));
    assert_eq!(read[1].at.to_string(), "2026-01-31T09:30:00.000000Z");
    assert_eq!(read[0].usd_per_megawatt_year(), Some(100_000.0));
    assert_eq!(parse_occasions("", "own.toml"), Ok(Vec::new()));
    let json = serde_json::to_value(&read[0]).expect("serialises");
    assert_eq!(json["at"], "2026-01-31");
}

#[test]
fn what_is_no_occasion_is_refused_with_file_entry_and_key() {
    let entry = |rest: &str| {
        format!(
            "[[occasion]]\nid = \"x\"\nat = 2026-01-31\ntitle = \"T\"\nkind = \"deal\"\nsources = [\"s\"]\n{rest}\n"
        )
    };
    let good = entry("figures = { counterparty = \"C\" }");
    assert!(parse_occasions(&good, "own.toml").is_ok());
    for (text, says) in [
        (entry(""), "occasion x: figures.counterparty is missing"),
        (good.replace("\"x\"", "\"X y\""), "occasion X y: id is \"X y\""),
        (good.replace("id = \"x\"\n", ""), "occasion number 1: missing field `id`"),
        (good.replace("at = 2026-01-31\n", ""), "occasion x: missing field `at`"),
        (good.replace("2026-01-31", "\"31 Jan 2026\""), "\"31 Jan 2026\" is not a time"),
        (good.replace("2026-01-31", "20260131"), "20260131 is not a time"),
        (good.replace("\"deal\"", "\"merger\""), "unknown variant `merger`"),
        (good.replace("[\"s\"]", "[]"), "sources must name at least one"),
        (good.replace("\"C\" }", "\"C\", usd = \"lots\" }"), "occasion x: invalid type: string \"lots\""),
        (good.replace("\"C\" }", "\"C\", dollars = 1 }"), "unknown field `dollars`"),
        (good.replace("\"C\" }", "\"C\", usd = -1 }"), "figures.usd is not above 0"),
        (good.replace("\"C\" }", "\"C\", usd = inf }"), "figures.usd is not a finite number"),
        (good.replace("\"C\" }", "\"C\", years = 0 }"), "figures.years is 0; use a number above 0"),
        (good.replace("\"C\" }", "\"C\", megawatts = 5 }"), "belong together"),
        (good.replace("\"C\" }", "\"C\", rate_low_percent = 5 }"), "must both be given"),
        (format!("{good}is_sure = true"), "unknown field `is_sure`"),
        (good.replace("figures", "entities = [\"nobody\"]\nfigures"), "entities has \"nobody\""),
        (format!("{good}{good}"), "id stands there twice"),
        (
            good.replace("at = 2026-01-31", "at = 2026-01-31T09:00:00Z\nis_after_close = true"),
            "is_after_close",
        ),
        (format!("{good}[[event]]"), "unknown table event; use [[occasion]]"),
        ("occasion = 1".to_owned(), "write [[occasion]]"),
        ("[[occasion".to_owned(), "TOML parse error at line 1"),
    ] {
        let said = parse_occasions(&text, "own.toml").expect_err(says).to_string();
        assert!(said.starts_with("own.toml: ") && said.contains(says), "{said}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(\\[\\[occasion\\]\\]|id|at|title|=|\"x\"|2026-01-31|figures|\\{|\\}|\n| ){0,30}") {
        let _ = parse_occasions(&text, "own.toml");
    }
}
