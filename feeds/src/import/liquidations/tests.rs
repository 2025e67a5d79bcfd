//! Liquidations of users' files: sides, times and amounts.

use proptest::prelude::*;

use super::*;

fn import(side: SideOf) -> LiquidationImport {
    LiquidationImport { source: FeedId::new("user"), side, now: "2026-06-01T12:00:00Z".parse().unwrap() }
}

fn read(side: SideOf, text: &str) -> Result<Imported, ImportError> {
    liquidations(&Sheet::from_csv(text.as_bytes()).unwrap(), &import(side))
}

/// One line an event.
fn told(imported: &Imported) -> Vec<String> {
    let line = |event: &MarketEvent| {
        let Liquidation { symbol, instrument, position, price, quantity, notional, venue_id } =
            event.observation.liquidation().unwrap();
        let or_dash = |number: Option<f64>| number.map_or("-".to_owned(), |number| number.to_string());
        format!(
            "{} {} {symbol} {instrument} {position} {price} {} {} {}",
            event.known_at,
            event.feed,
            or_dash(quantity.map(Quantity::get)),
            or_dash(notional.map(Usd::get)),
            venue_id.as_deref().unwrap_or("-"),
        )
        .replace(".000000Z", "Z")
    };
    imported.events.iter().map(line).collect()
}

#[test]
fn a_file_with_everything_is_read_in_order_of_time() {
    let text = "time,venue,symbol,side,price,quantity,notional,id\n\
                2026-01-06T10:33:51Z,Bybit Linear,BTCUSDT,Short,90000,0.5,45000,a1\n\
                1767695630199,okx,BTC-USDT-SWAP,long,90000,0.5,,\n";
    let imported = read(SideOf::Position, text).unwrap();
    assert_eq!(
        told(&imported),
        [
            "2026-01-06T10:33:50.199000Z okx BTC-USDT-SWAP BTC-USDT-PERP long 90000 0.5 45000 -",
            "2026-01-06T10:33:51Z bybit-linear BTCUSDT BTC-USDT-PERP short 90000 0.5 45000 a1",
        ]
    );
    assert!(imported.events.iter().all(MarketEvent::is_backfilled));
}

#[test]
fn what_is_not_told_is_not_made_up() {
    let text = "timestamp,instrument,position,price,notional\n1767695630,BTC-EUR-PERP,long,80000,1000\n";
    assert_eq!(
        told(&read(SideOf::Position, text).unwrap()),
        ["2026-01-06T10:33:50Z user BTC-EUR-PERP BTC-EUR-PERP long 80000 - 1000 -"]
    );
    let text =
        "timestamp,symbol,instrument,position,price,qty\n1767695630,XBTEUR,BTC-EUR-PERP,short,80000,2\n";
    assert_eq!(
        told(&read(SideOf::Position, text).unwrap()),
        ["2026-01-06T10:33:50Z user XBTEUR BTC-EUR-PERP short 80000 2 - -"]
    );
}

#[test]
fn the_side_of_an_order_counts_only_where_it_is_said_to_be_one() {
    let text =
        "time,symbol,side,price,qty\n1767695630,BTCUSDT,SELL,90000,1\n1767695631,BTCUSDT,buy,90000,1\n";
    let lines = told(&read(SideOf::Order, text).unwrap());
    assert!(lines[0].contains(" long ") && lines[1].contains(" short "), "{lines:?}");
    let words = read(SideOf::Position, text).unwrap_err().to_string();
    assert!(words.contains("side is \"SELL\", which may be the order's side or the position's"), "{words}");
    let positions = text.replace("SELL", "long").replace("buy", "short");
    assert!(read(SideOf::Order, &positions).unwrap_err().to_string().contains("neither buy nor sell"));
}

#[test]
fn a_bad_row_is_refused_with_its_reason() {
    let good = "2026-01-06T10:33:50Z,okx,BTC-USDT-SWAP,long,90000,0.5,45000,a1";
    for (from, to, problem) in [
        ("2026-01-06T10:33:50Z", "2026-01-06", "time is \"2026-01-06\", a day, not a moment with its zone"),
        ("2026-01-06T10:33:50Z", "2026-01-06 10:33:50", "not a time with its zone"),
        ("2026-01-06T10:33:50Z", "2026-07-06T10:33:50Z", "still to come"),
        ("okx", "o\u{1b}kx", "not a venue's name"),
        ("BTC-USDT-SWAP", "XBTUSD", "symbol is \"XBTUSD\", not surely one contract"),
        ("BTC-USDT-SWAP", "USDT", "not surely one contract"),
        ("BTC-USDT-SWAP", "", "neither symbol nor instrument"),
        ("long", "both", "side is \"both\", neither long nor short"),
        ("90000", "0", "price is \"0\", not a price above zero"),
        ("90000", "", "price is \"\", no price"),
        ("0.5,", "-0.5,", "quantity is \"-0.5\", not above zero"),
        (
            "0.5,",
            "50,",
            "quantity × price is 4500000.00, the notional says 45000.00; is the quantity one of contracts?",
        ),
        ("0.5,45000", ",", "neither quantity nor notional"),
        (",a1", "", "7 cells under 8 columns"),
        ("x", "x", "the id a1 was there before"),
    ] {
        let text = format!(
            "time,venue,symbol,side,price,quantity,notional,id\n{good}\n{}\n",
            good.replace(from, to)
        );
        let Imported { events, report } = read(SideOf::Position, &text).unwrap();
        assert_eq!((events.len(), report.refused.len(), report.refused[0].0), (1, 1, 3), "{to}");
        assert!(report.refused[0].1.contains(problem), "{}", report.refused[0].1);
    }
}

#[test]
fn equal_rows_without_ids_are_several_liquidations() {
    let row = "1767695630,BTCUSDT,long,90000,1\n";
    let text = format!("time,symbol,side,price,qty\n{row}{row}");
    assert_eq!(read(SideOf::Position, &text).unwrap().events.len(), 2);
}

#[test]
fn only_names_that_mean_one_contract_are_taken() {
    for (text, instrument) in [
        ("BTC-USDT-PERP", Some("BTC-USDT-PERP")),
        ("ETH-USD-20261225", Some("ETH-USD-20261225")),
        ("1000PEPEUSDT", Some("1000PEPE-USDT-PERP")),
        ("btcusdc", Some("BTC-USDC-PERP")),
        ("BTC-USD-SWAP", Some("BTC-USD-PERP")),
        ("BTCUSD_PERP", Some("BTC-USD-PERP")),
        ("BTCUSDT_261225", None),
        ("BTC-27MAR26", None),
        ("XBTUSD", None),
        ("-USDT", None),
    ] {
        assert_eq!(contract(text).map(|instrument| instrument.to_string()).as_deref(), instrument, "{text}");
    }
}

#[test]
fn a_file_without_the_columns_says_which_there_should_be() {
    for text in [
        "time,side,price,quantity\n1767695630,long,1,1\n",
        "time,symbol,price,quantity\n1767695630,BTCUSDT,1,1\n",
        "time,symbol,side,price\n1767695630,BTCUSDT,long,1\n",
    ] {
        assert!(
            read(SideOf::Position, text).unwrap_err().to_string().contains("liquidations have time"),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_table_panics_and_every_event_is_sound(cells in proptest::collection::vec(proptest::collection::vec(
        prop_oneof![
            "[0-9]{1,3}(\\.[0-9])?", "17[0-9]{8}", ".{0,8}", Just("1e308".to_owned()), Just("-1".to_owned()),
            Just("BTCUSDT".to_owned()), Just("long".to_owned()),
        ], 6..7), 1..8)) {
        let header = ["time", "symbol", "side", "price", "quantity", "notional"].map(str::to_owned).to_vec();
        if let Ok(Imported { events, .. }) = liquidations(&Sheet::new(&header, cells), &import(SideOf::Position)) {
            for event in events {
                let liquidation = event.observation.liquidation().unwrap();
                prop_assert!(liquidation.notional.is_some() || liquidation.quantity.is_some());
                prop_assert!(event.known_at == event.event_time && event.known_at <= event.receive_time);
                prop_assert_eq!(liquidation.instrument.to_string().parse(), Ok(liquidation.instrument.clone()));
            }
        }
    }
}

#[test]
fn totals_by_side_are_no_liquidations() {
    for header in [
        "date,long_liq_usd,short_liq_usd",
        "time,aggregated_long_liquidation_usd,aggregated_short_liquidation_usd",
    ] {
        let refused = read(SideOf::Position, &format!("{header}\n2026-01-05,1,2\n")).unwrap_err().to_string();
        assert!(refused.contains("a total is no liquidation"), "{refused}");
    }
}
