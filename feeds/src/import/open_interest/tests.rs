//! Open interest of users' files: coins, dollars, moments and stretches.

use proptest::prelude::*;

use super::*;
use crate::import::tests::real;

fn plain() -> InterestImport {
    InterestImport {
        instrument: Some(Instrument::perp("BTC", "USDT")),
        unit: None,
        interval: None,
        source: FeedId::new("desk"),
        now: "2026-06-01T12:00:00Z".parse().unwrap(),
    }
}

fn read(text: &str, import: &InterestImport) -> Result<Imported, ImportError> {
    open_interest(&Sheet::from_csv(text.as_bytes()).unwrap(), import)
}

/// One line an event.
fn told(imported: &Imported) -> Vec<String> {
    let line = |event: &MarketEvent| {
        let Observation::OpenInterest(told) = &event.observation else { panic!("open interest") };
        assert_eq!(event.event_time, event.known_at);
        let or_dash = |number: Option<f64>| number.map_or("-".to_owned(), |number| number.to_string());
        let (coins, dollars) = (told.quantity.map(Quantity::get), told.notional.map(Usd::get));
        format!("{} {} {} {}", event.known_at, told.instrument, or_dash(coins), or_dash(dollars))
            .replace(".000000Z", "Z")
    };
    imported.events.iter().map(line).collect()
}

#[test]
fn columns_say_whether_they_are_coins_or_dollars_or_the_user_does() {
    let both = "create_time,symbol,sum_open_interest,sum_open_interest_value\n\
                2026-01-05 16:00:00 UTC,ETHUSDT,1000.5,3000000\n";
    assert_eq!(
        told(&read(both, &InterestImport { instrument: None, ..plain() }).unwrap()),
        ["2026-01-05T16:00:00Z ETH-USDT-PERP 1000.5 3000000"]
    );
    let either = "time,open_interest\n2026-01-05T16:00:00Z,\"1,000\"\n";
    let refused = read(either, &plain()).unwrap_err().to_string();
    assert!(refused.contains("--unit usd or --unit coins"), "{refused}");
    for (unit, line) in [(InterestUnit::Usd, "- 1000"), (InterestUnit::Coins, "1000 -")] {
        let imported = read(either, &InterestImport { unit: Some(unit), ..plain() }).unwrap();
        assert_eq!(told(&imported), [format!("2026-01-05T16:00:00Z BTC-USDT-PERP {line}")]);
    }
}

#[test]
fn the_last_of_a_stretch_is_known_when_it_is_over() {
    let text =
        "time,open,high,low,close\n1767571200000,1,2,1,2\n1767585600000,2,4,2,3\n1767600000000,3,4,2,4\n";
    let imported = read(text, &InterestImport { unit: Some(InterestUnit::Usd), ..plain() }).unwrap();
    assert_eq!(
        told(&imported)[..2],
        ["2026-01-05T04:00:00Z BTC-USDT-PERP - 2", "2026-01-05T08:00:00Z BTC-USDT-PERP - 3"]
    );
    let one = "time,open,high,low,close\n1767571200000,1,2,1,2\n";
    let dollars = InterestImport { unit: Some(InterestUnit::Usd), ..plain() };
    assert!(read(one, &dollars).unwrap_err().to_string().contains("say it"), "one row tells no length");
    let said = InterestImport { interval: Some(Interval::Hour), ..dollars };
    assert_eq!(told(&read(one, &said).unwrap()), ["2026-01-05T01:00:00Z BTC-USDT-PERP - 2"]);
}

#[test]
fn what_is_no_amount_is_refused_with_its_row() {
    for (text, says) in [
        ("time,price\n1,2\n", "open interest has a time"),
        ("time,oi_usd\n2026-01-05T16:00:00Z,0\n", "not above zero"),
        ("time,oi_usd\n2026-01-05T16:00:00Z,-\n", "no amount"),
        ("time,oi_usd\n2026-01-05T16:00:00Z,many\n", "row 2: oi_usd is \"many\""),
        ("time,oi_usd\n2027-01-05T16:00:00Z,5\n", "still to come"),
        ("time,oi_usd\n2026-01-05 16:00:00,5\n", "row 2"),
    ] {
        let said = read(text, &plain()).unwrap_err().to_string();
        assert!(said.contains(says), "{text}: {said}");
    }
}

#[test]
fn a_real_file_of_stretches_of_four_hours_is_read() {
    let Some(sheet) = real("derivatives/oi_BTC_4h.csv") else { return };
    let dollars = InterestImport { unit: Some(InterestUnit::Usd), ..plain() };
    let imported = open_interest(&sheet, &dollars).unwrap();
    assert_eq!(imported.events.len() + imported.report.refused.len(), 2_148);
    assert_eq!(imported.report.refused.len(), 0, "{:?}", imported.report.refused.first());
    assert_eq!(imported.events[0].known_at, "2024-11-22T00:00:00Z".parse().unwrap());
}

proptest! {
    #[test]
    fn no_text_panics(text in "(time|date|oi_usd|close|open|symbol|[0-9.,:TZ\\-]|\n){0,60}") {
        if let Ok(sheet) = Sheet::from_csv(text.as_bytes())
            && let Ok(imported) = open_interest(&sheet, &plain())
        {
            prop_assert!(imported.events.iter().all(|event| event.known_at <= event.receive_time));
        }
    }
}
