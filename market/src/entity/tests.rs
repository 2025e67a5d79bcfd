//! The shipped entities, and lists that contradict themselves.

use super::*;

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

#[test]
fn the_shipped_entities_agree_with_themselves() {
    let all = entities();
    assert!(all.iter().len() > 80, "{}", all.iter().len());
    for basket in Basket::ALL {
        let members = all.basket(basket.as_str()).expect("named");
        assert!(members.len() > 2 && members.iter().all(|entity| entity.is_listed), "{basket:?}");
    }
    assert!(all.basket("astrology").is_none());
    for entity in all.iter() {
        let given_up = entity.tickers.iter().chain(&entity.tokens).filter_map(|symbol| symbol.until);
        for until in given_up {
            assert!(entity.note.is_some(), "{} tells of {until}", entity.id);
        }
    }
}

#[test]
fn an_old_ticker_finds_the_company_and_tells_the_new_one() {
    let all = entities();
    for (asked, told) in [
        ("BITF", "BITF: KEEL since 2026-04-06 (Keel Infrastructure)"),
        ("KEEL", "KEEL (Keel Infrastructure)"),
        ("keel", "KEEL (Keel Infrastructure)"),
        ("FB", "FB: META since 2022-06-09 (Meta Platforms)"),
        ("GRYP", "GRYP: ABTC since 2025-09-03 (American Bitcoin)"),
        ("BTC", "BTC (Grayscale Bitcoin Mini Trust ETF)"),
    ] {
        assert_eq!(all.by_ticker(asked).map(|found| found.to_string()).as_deref(), Some(told));
    }
    for (asked, told) in [
        ("BTC", "BTC (Bitcoin)"),
        ("RNDR", "RNDR: RENDER since 2024-07-26 (Render)"),
        ("AI16Z", "AI16Z: ELIZAOS since 2025-11-06 (elizaOS)"),
        ("AGIX", "AGIX: not in use since 2024-07-01 (SingularityNET)"),
    ] {
        assert_eq!(all.by_token(asked).map(|found| found.to_string()).as_deref(), Some(told));
    }
    assert_eq!((all.by_ticker("NOPE"), all.by_token("MSFT")), (None, None));
}

#[test]
fn a_ticker_is_that_of_its_day() {
    let all = entities();
    for (id, date, ticker) in [
        ("keel", "2021-06-20", None),
        ("keel", "2026-04-05", Some("BITF")),
        ("keel", "2026-04-06", Some("KEEL")),
        ("galaxy", "2025-05-15", None),
        ("galaxy", "2025-05-16", Some("GLXY")),
        ("bitfury", "2025-05-16", None),
        ("nobody", "2025-05-16", None),
    ] {
        assert_eq!(all.ticker_of(id, day(date)), ticker, "{id} {date}");
    }
}

#[test]
fn rosters_are_those_of_their_day() {
    let all = entities();
    let (before, after) = (all.equity_symbols(day("2026-04-05")), all.equity_symbols(day("2026-04-06")));
    assert!(before.contains(&"BITF") && !before.contains(&"KEEL"));
    assert!(after.contains(&"KEEL") && !after.contains(&"BITF") && after.len() == before.len());
    for symbol in ["MARA", "APLD", "NVDA", "MSTR", "QQQ", "WGMI", "COIN"] {
        assert!(after.contains(&symbol), "{symbol}");
    }
    assert!(!after.contains(&"IBIT"));
    let (before, after) = (all.token_symbols(day("2024-07-25")), all.token_symbols(day("2024-07-26")));
    assert!(before.contains(&"RNDR") && !before.contains(&"RENDER"));
    assert!(after.contains(&"RENDER") && !after.contains(&"RNDR") && after.contains(&"BTC"));
}

#[test]
fn funds_come_in_the_order_of_the_flow_tables() {
    let tickers = |asset: &str| -> Vec<&str> {
        entities().funds(asset).into_iter().map(|fund| fund.tickers[0].symbol.as_str()).collect()
    };
    let bitcoin = "IBIT FBTC BITB ARKB BTCO EZBC BRRR HODL BTCW MSBT GBTC BTC";
    assert_eq!(tickers("BTC").join(" "), bitcoin);
    assert_eq!(tickers("ETH").join(" "), "ETHA ETHB FETH ETHW TETH ETHV QETH EZET ETHE ETH");
    assert_eq!(tickers("SOL").join(" "), "BSOL VSOL FSOL TSOL SOEZ GSOL");
    assert!(tickers("TAO").is_empty() && tickers("NOPE").is_empty());
}

#[test]
fn prices_of_another_business_are_marked() {
    for (id, from) in [
        ("terawulf", "2021-12-14"),
        ("cipher", "2021-08-27"),
        ("mara", "2018-03-12"),
        ("cleanspark", "2021-01-01"),
        ("core-scientific", "2024-01-24"),
        ("hut8", "2023-12-04"),
        ("galaxy", "2025-05-16"),
    ] {
        let entity = entities().get(id).expect("known");
        assert_eq!(entity.history_starts, Some(day(from)), "{id}");
    }
    assert!(entities().with_role(Role::Agent).iter().any(|agent| !agent.is_listed));
}

#[test]
fn a_list_that_contradicts_itself_is_refused_with_its_place() {
    let entity = |id: &str, rest: &str| {
        format!("[[entity]]\nid = \"{id}\"\nname = \"N\"\nsources = [\"s\"]\nroles = [\"miner\"]\n{rest}\n")
    };
    let listed = "class = \"equity\"\nis_listed = true\n";
    let one = entity("a", &format!("{listed}tickers = [{{ symbol = \"AAA\" }}]"));
    for (text, says) in [
        (entity("A b", listed), "entity A b: id is not lower-case"),
        (entity("a", "class = \"equity\""), "entity a: missing field `is_listed`"),
        (entity("a", listed), "is_listed must say"),
        (entity("a", "class = \"share\"\nis_listed = true"), "unknown variant `share`"),
        (entity("a", &format!("{listed}tickers = [{{ symbol = \"aa\" }}]")), "symbol \"aa\""),
        (entity("a", &format!("{listed}tikers = []")), "unknown field `tikers`"),
        (
            entity("a", &format!("{listed}tickers = [{{ symbol = \"A\", from = 2025-13-01 }}]")),
            "TOML parse error at line",
        ),
        (
            entity("a", &format!("{listed}tickers = [{{ symbol = \"A\", from = \"2025-02-30\" }}]")),
            "\"2025-02-30\" is not a time",
        ),
        (
            entity("a", &format!("{listed}tickers = [{{ symbol = \"A\" }}, {{ symbol = \"B\" }}]")),
            "one after the other",
        ),
        (format!("{one}{one}"), "id stands there twice"),
        (format!("{one}{}", one.replace("\"a\"", "\"b\"")), "AAA is also b's"),
        (format!("{one}[[company]]\n"), "unknown table company"),
        (one.replace("equity", "coin"), "class does not fit"),
        (one.replace("equity", "fund"), "fund must be given"),
    ] {
        let said = Entities::parse(&text, "own.toml").expect_err(says).to_string();
        assert!(said.starts_with("own.toml: ") && said.contains(says), "{said}");
    }
}
