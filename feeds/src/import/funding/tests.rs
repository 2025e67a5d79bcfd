//! Funding of users' files: units, payments, stretches and when they were known.

use proptest::prelude::*;

use super::*;
use crate::import::tests::real;

fn plain() -> FundingImport {
    FundingImport {
        instrument: None,
        unit: None,
        hours: None,
        interval: None,
        source: FeedId::new("desk"),
        now: "2026-06-01T12:00:00Z".parse().unwrap(),
    }
}

fn of_bitcoin(unit: RateUnit) -> FundingImport {
    FundingImport {
        instrument: Some(Instrument::perp("BTC", "USD")),
        unit: Some(unit),
        hours: Some(8.0),
        ..plain()
    }
}

fn read(text: &str, import: &FundingImport) -> Result<Imported, ImportError> {
    funding(&Sheet::from_csv(text.as_bytes()).unwrap(), import)
}

/// One line an event.
fn told(imported: &Imported) -> Vec<String> {
    let line = |event: &MarketEvent| {
        let Observation::FundingRate(told) = &event.observation else { panic!("a rate") };
        assert_eq!(event.event_time, event.known_at);
        let hours = told.interval_hours.unwrap();
        format!("{} {} {} {:.6} {hours}", event.known_at, told.symbol, told.instrument, told.rate)
            .replace(".000000Z", "Z")
    };
    imported.events.iter().map(line).collect()
}

#[test]
fn a_venue_s_own_file_says_all_but_its_unit() {
    let text = "calc_time,symbol,funding_interval_hours,last_funding_rate\n\
                1767715200000,BTCUSDT,8,0.00010000\n\
                1767686400000,BTCUSDT,4,-0.00025\n";
    let refused = read(text, &plain()).unwrap_err().to_string();
    assert!(refused.contains("--unit percent"), "{refused}");
    let imported = read(text, &FundingImport { unit: Some(RateUnit::Fraction), ..plain() }).unwrap();
    assert_eq!(
        told(&imported),
        [
            "2026-01-06T08:00:00Z BTCUSDT BTC-USDT-PERP -0.000250 4",
            "2026-01-06T16:00:00Z BTCUSDT BTC-USDT-PERP 0.000100 8",
        ]
    );
    assert!(imported.events.iter().all(MarketEvent::is_backfilled));
}

#[test]
fn a_rate_is_known_at_its_moment_a_day_s_at_its_end_and_a_stretch_s_last_at_the_stretch_s_end() {
    let known = |text: &str| told(&read(text, &of_bitcoin(RateUnit::Percent)).unwrap());
    let rate = "BTC-USD-PERP BTC-USD-PERP 0.000100 8";
    assert_eq!(known("time,rate\n2026-01-05T16:00:00Z,0.01\n"), [format!("2026-01-05T16:00:00Z {rate}")]);
    assert_eq!(known("date,rate_pct\n2026-01-05,0.01\n"), [format!("2026-01-06T00:00:00Z {rate}")]);
    let days = "time_utc,time,open,high,low,close\n\
                2026-01-05T00:00:00Z,1767571200000,0.02,0.03,0.01,0.01\n\
                2026-01-06T00:00:00Z,1767657600000,0.01,0.02,0.00,-0.01\n\
                2026-06-01T00:00:00Z,1780272000000,0.01,0.02,0.00,0.01\n";
    let imported = read(days, &of_bitcoin(RateUnit::Percent)).unwrap();
    assert_eq!(
        told(&imported),
        [
            format!("2026-01-06T00:00:00Z {rate}"),
            format!("2026-01-07T00:00:00Z {rate}").replace("0.0001", "-0.0001")
        ]
    );
    let [(row, why)] = &imported.report.refused[..] else { panic!("the last day is not over") };
    assert!(*row == 4 && why.contains("not over yet"), "{why}");
}

#[test]
fn what_is_said_nowhere_is_asked_for_and_what_cannot_be_is_refused() {
    let whole = of_bitcoin(RateUnit::Fraction);
    for (text, import, says) in [
        ("time,price\n1,2\n", whole.clone(), "funding has a time"),
        ("rate,price\n1,2\n", whole.clone(), "rename yours"),
        (
            "time,rate\n2026-01-05T16:00:00Z,0.01\n",
            FundingImport { hours: None, ..whole.clone() },
            "--hours 8",
        ),
        (
            "time,rate\n2026-01-05T16:00:00Z,0.01\n",
            FundingImport { instrument: None, ..whole.clone() },
            "--instrument",
        ),
        ("time,rate\n2026-01-05T16:00:00Z,1.5\n", whole.clone(), "is the unit right?"),
        ("time,rate\n2027-01-05T16:00:00Z,0.1\n", whole.clone(), "still to come"),
        ("time,rate\n2026-01-05T16:00:00Z,x\n", whole.clone(), "rate is \"x\""),
        ("time,rate\n2026-01-05T16:00:00Z,\n", whole.clone(), "no rate"),
        ("time,symbol,rate\n2026-01-05T16:00:00Z,ETH,0.1\n", whole.clone(), "not surely one contract"),
        (
            "time,instrument,rate\n2026-01-05T16:00:00Z,BTC-USD-20261225,0.1\n",
            whole.clone(),
            "pays no funding",
        ),
        ("time,rate,interval_hours\n2026-01-05T16:00:00Z,0.1,0\n", whole.clone(), "0 hours"),
        ("time,rate,rate\n2026-01-05T16:00:00Z,0.1,0.2\n", whole.clone(), "twice"),
    ] {
        let said = read(text, &import).unwrap_err().to_string();
        assert!(said.contains(says), "{text}: {said}");
    }
    // A coin's name is the contract that was named.
    assert_eq!(
        told(&read("time,symbol,rate\n2026-01-05T16:00:00Z,btc,0.0001\n", &whole).unwrap()),
        ["2026-01-05T16:00:00Z btc BTC-USD-PERP 0.000100 8"]
    );
}

#[test]
fn a_moment_told_twice_counts_once_and_one_told_differently_not_at_all() {
    let text = "time,rate\n2026-01-05T16:00:00Z,0.1\n2026-01-05T16:00:00Z,0.1\n2026-01-06T00:00:00Z,0.1\n2026-01-06T00:00:00Z,0.2\n";
    let imported = read(text, &of_bitcoin(RateUnit::Percent)).unwrap();
    assert_eq!(told(&imported).len(), 1);
    assert_eq!(imported.report.corrected, [(3, "says the same as row 2; taken once".to_owned())]);
    assert_eq!(imported.report.refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn a_real_file_of_daily_stretches_is_read() {
    let Some(sheet) = real("derivatives/fund_oiw_BTC_1d.csv") else { return };
    let imported = funding(&sheet, &of_bitcoin(RateUnit::Percent)).unwrap();
    assert_eq!((imported.events.len(), imported.report.refused.len()), (1_869, 0));
    let mut annual: Vec<f64> = Vec::new();
    for event in &imported.events {
        let Observation::FundingRate(told) = &event.observation else { panic!("a rate") };
        annual.push(told.annualised().unwrap());
    }
    annual.sort_by(f64::total_cmp);
    let median = annual[annual.len() / 2];
    assert!((0.02..0.2).contains(&median), "longs pay some percent a year: {median}");
}

proptest! {
    #[test]
    fn no_text_panics_and_every_rate_is_finite(text in "(time|date|rate|close|open|symbol|[0-9.,:TZ\\-]|\n){0,60}") {
        if let Ok(sheet) = Sheet::from_csv(text.as_bytes())
            && let Ok(imported) = funding(&sheet, &of_bitcoin(RateUnit::Percent))
        {
            for event in imported.events {
                let Observation::FundingRate(told) = event.observation else { panic!("a rate") };
                prop_assert!(told.rate.is_finite() && event.known_at <= event.receive_time);
            }
        }
    }
}
