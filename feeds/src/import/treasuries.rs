//! Reads a user's table of public companies' coins, as web pages print them.

use std::collections::BTreeSet;

use market::{Date, FeedId, Holding, MarketEvent, Observation, Quantity, Timestamp};
use smol_str::SmolStr;

use super::numbers::{Cell, Commas, read_cell};
use super::report::{ImportError, Imported, Report};
use super::sheet::{Row, Sheet};

/// What the file does not say itself.
#[derive(Clone, Debug)]
pub struct TreasuryImport {
    /// The coin, upper case.
    pub asset: SmolStr,
    /// Under which source the holdings are kept.
    pub source: FeedId,
    /// The day that the figures are for.
    pub as_of: Date,
    /// The time of the import.
    pub now: Timestamp,
}

const HOLDERS: [&str; 6] = ["name", "company", "holder", "entity", "company_name", "entity_name"];
const TICKERS: [&str; 4] = ["ticker", "symbol", "ticker_symbol", "stock"];
const COINS: [&str; 10] =
    ["bitcoin", "btc", "ethereum", "eth", "solana", "sol", "holdings", "quantity", "coins", "amount"];
const WANTED: &str = "treasuries have the holder's name (Name, Company, Holder) and its coins (Bitcoin, BTC, \
                      Holdings, Quantity), and may have a Ticker";

/// Legal forms in capitals that a page writes right before a ticker: `Bitcoin Group SEADE.DE`.
const FORMS: [&str; 13] =
    ["CORP", "INC", "LTD", "PLC", "PCL", "ASA", "SPA", "SE", "SA", "AG", "AB", "AS", "NV"];
/// How exchanges outside the United States end tickers, and how long tickers are there where all are
/// of one length.
const EXCHANGES: [(&str, Option<usize>); 44] = [
    ("AD", None),
    ("AQ", None),
    ("AS", None),
    ("AX", Some(3)),
    ("BH", None),
    ("BK", None),
    ("BO", None),
    ("BR", None),
    ("CN", None),
    ("CO", None),
    ("DE", None),
    ("DU", None),
    ("F", None),
    ("HE", None),
    ("HK", Some(4)),
    ("IS", None),
    ("JK", Some(4)),
    ("JO", None),
    ("KL", Some(4)),
    ("KQ", Some(6)),
    ("KS", Some(6)),
    ("L", None),
    ("LS", None),
    ("MC", None),
    ("MI", None),
    ("MU", None),
    ("MX", None),
    ("NE", None),
    ("NGM", None),
    ("NS", None),
    ("NZ", None),
    ("OL", None),
    ("PA", None),
    ("SA", None),
    ("SG", None),
    ("SI", None),
    ("SS", Some(6)),
    ("ST", None),
    ("SW", None),
    ("SZ", Some(6)),
    ("T", Some(4)),
    ("TO", None),
    ("TW", Some(4)),
    ("V", None),
];

/// Reads holdings from `sheet`: one row a holder, its name, its coins, and its ticker where that has a
/// column or is written right behind the name (`Tesla, Inc.TSLA`). Signs of coins and pictures around
/// names are dropped. Where name and ticker cannot be told apart (`XXICEP`) the whole is the name, there
/// is no ticker, and the report says so.
///
/// # Errors
/// The columns are not those of a table of holders, or no row can be taken.
pub fn treasuries(sheet: &Sheet, import: &TreasuryImport) -> Result<Imported, ImportError> {
    sheet.check()?;
    let (Some(holder), Some(coins)) = (sheet.column(&HOLDERS), sheet.column(&COINS)) else {
        return Err(ImportError::Layout { found: sheet.header().to_vec(), wanted: WANTED });
    };
    let holder = beside_flags(sheet, holder);
    let ticker = sheet.column(&TICKERS);
    let mut report = Report { layout: "holders", ..Report::default() };
    let mut events = Vec::new();
    let mut seen = BTreeSet::new();
    for row in sheet.rows() {
        let read = read_holder(row.cell(holder), ticker.map(|at| row.cell(at))).and_then(|holder| {
            let quantity = read_quantity(row.cell(coins), sheet.commas())?;
            if seen.insert((holder.name.clone(), holder.ticker.clone())) {
                Ok((holder, quantity))
            } else {
                Err(format!("{} is there twice", holder.name))
            }
        });
        match read {
            Ok((Holder { name, ticker, note }, quantity)) => {
                report.corrected.extend(note.map(|note| (row.number, note)));
                events.push(import.event(Holding {
                    holder: name,
                    ticker,
                    asset: import.asset.clone(),
                    quantity,
                    as_of: import.as_of,
                }));
            }
            Err(words) if !is_sum(row, holder) => report.refused.push((row.number, words)),
            Err(_) => {}
        }
    }
    Imported::unless_empty(events, report)
}

impl TreasuryImport {
    fn event(&self, holding: Holding) -> MarketEvent {
        MarketEvent {
            feed: self.source.clone(),
            event_time: self.as_of.start(),
            receive_time: self.now,
            // The day's figures are known when the day is over.
            known_at: self.as_of.next().start().min(self.now),
            observation: Observation::Holding(holding),
        }
    }
}

/// The column of names, where `headed` by that word are only flags: pages give both one header.
fn beside_flags(sheet: &Sheet, headed: usize) -> usize {
    let has_no_names = sheet.rows().iter().all(|row| without_pictures(row.cell(headed)).is_empty());
    let is_unnamed = sheet.header().get(headed + 1).is_some_and(String::is_empty);
    if has_no_names && is_unnamed { headed + 1 } else { headed }
}

/// Whether the row sums up the others.
fn is_sum(row: &Row, holder: usize) -> bool {
    let name = row.cell(holder).to_lowercase();
    name.is_empty() || name.starts_with("total")
}

struct Holder {
    name: SmolStr,
    ticker: Option<SmolStr>,
    /// What was done to tell them apart.
    note: Option<String>,
}

fn read_holder(text: &str, ticker: Option<&str>) -> Result<Holder, String> {
    let name = without_pictures(text);
    if name.is_empty() || name.to_lowercase().starts_with("total") {
        return Err("no holder".to_owned());
    }
    if let Some(ticker) = ticker {
        let ticker =
            Some(without_pictures(ticker)).filter(|ticker| !matches!(ticker.as_str(), "" | "-" | "—"));
        return Ok(Holder { name: SmolStr::new(&name), ticker: ticker.map(SmolStr::new), note: None });
    }
    Ok(match split_ticker(&name) {
        Some((name, ticker)) => Holder {
            note: Some(format!("{text:?} is read as {name:?}, ticker {ticker}")),
            name: SmolStr::new(name),
            ticker: Some(SmolStr::new(ticker)),
        },
        None => Holder {
            note: Some(format!("{name:?}: name and ticker cannot be told apart; kept as the name")),
            name: SmolStr::new(&name),
            ticker: None,
        },
    })
}

/// A name and the ticker right behind it.
fn split_ticker(text: &str) -> Option<(&str, &str)> {
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let exchange = text.rsplit_once('.').and_then(|(stem, end)| {
        let known = EXCHANGES.iter().find(|(exchange, _)| *exchange == end)?;
        stem.ends_with(is_code).then_some((stem, known.1))
    });
    let (stem, width) = exchange.unwrap_or((text, None));
    let longest = if exchange.is_some() { 8 } else { 5 };
    let code_at = stem.len() - stem.chars().rev().take_while(|c| is_code(*c)).count();
    let code = &stem[code_at..];
    let at = match width {
        Some(width) if code.len() >= width => stem.len() - width,
        Some(_) => return None,
        // What a name ends with in lower case, or with a stop, is not part of a ticker.
        None if stem[..code_at].ends_with(|c: char| c.is_lowercase() || matches!(c, '.' | ')')) => code_at,
        None => {
            code_at + FORMS.iter().find(|form| code.starts_with(**form) && code.len() > form.len())?.len()
        }
    };
    let (name, ticker) = (text[..at].trim(), &text[at..]);
    let is_length = (1..=longest).contains(&(stem.len() - at));
    let has_letter = exchange.is_some() || ticker.contains(|c: char| c.is_ascii_uppercase());
    (is_length && has_letter && !name.is_empty()).then_some((name, ticker))
}

/// `text` without emoji and other signs around it.
fn without_pictures(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | ')' | '(' | '&' | '\'' | '"' | '!');
    text.trim_matches(|c: char| !is_word(c)).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_quantity(text: &str, commas: Commas) -> Result<Quantity, String> {
    let is_sign = |c: char| c.is_whitespace() || matches!(c, '₿' | 'Ξ' | '◎');
    let plain = text.trim_matches(is_sign);
    let plain =
        ["BTC", "ETH", "SOL"].iter().find_map(|coin| plain.strip_suffix(coin)).unwrap_or(plain).trim();
    match read_cell(plain, commas) {
        Ok(Cell::Amount(amount)) => {
            Quantity::new(amount).map_err(|_| format!("{text:?} coins are no amount that can be held"))
        }
        Ok(Cell::Blank | Cell::Dash) => Err("no coins are given".to_owned()),
        Err(problem) => Err(format!("the coins are {text:?}, {problem}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_is_taken_off_a_name_where_that_can_be_done_honestly() {
        let cases = [
            ("Microstrategy, Inc.MSTR", "Microstrategy, Inc.", "MSTR"),
            ("Tesla, Inc.TSLA🥬 🙌", "Tesla, Inc.", "TSLA"),
            ("Metaplanet Inc.3350.T", "Metaplanet Inc.", "3350.T"),
            ("AI Fusion Capital Group Corp.254A.T", "AI Fusion Capital Group Corp.", "254A.T"),
            ("Bitcoin Group SEADE.DE", "Bitcoin Group SE", "ADE.DE"),
            ("The Smarter Web Company PLCSWC.AQ", "The Smarter Web Company PLC", "SWC.AQ"),
            ("Aker ASAAKER.OL", "Aker ASA", "AKER.OL"),
            ("Vanadi Coffee, SAVANA.MC", "Vanadi Coffee, SA", "VANA.MC"),
            ("Where Food Comes From, INCWFCF", "Where Food Comes From, INC", "WFCF"),
            ("DigitalXDCC.AX", "DigitalX", "DCC.AX"),
            ("WEMADE112040.KQ", "WEMADE", "112040.KQ"),
            ("bitmax377030.KQ", "bitmax", "377030.KQ"),
            ("YUXING8005.HK", "YUXING", "8005.HK"),
            ("K33 ABK33.ST", "K33 AB", "K33.ST"),
            ("Net Holding A.S.NTHOL.IS", "Net Holding A.S.", "NTHOL.IS"),
            ("GameStop Corp.GME", "GameStop Corp.", "GME"),
            ("Nano LabsNA", "Nano Labs", "NA"),
            ("Vaultz CapitalV3TC", "Vaultz Capital", "V3TC"),
            ("MéliuzCASH3.SA", "Méliuz", "CASH3.SA"),
        ];
        for (text, name, ticker) in cases {
            let holder = read_holder(text, None).unwrap();
            assert_eq!((holder.name.as_str(), holder.ticker.as_deref()), (name, Some(ticker)), "{text}");
            assert!(holder.note.is_some(), "the report says what was done: {text}");
        }
    }

    #[test]
    fn a_name_that_may_end_anywhere_stays_whole() {
        for text in ["XXICEP", "BITFUFUFUFU", "ProCap BTCCCCM", "Sphere 3DANY", "Some Company", "Plc 12"] {
            let holder = read_holder(text, None).unwrap();
            assert_eq!((holder.name.as_str(), holder.ticker), (text, None));
            assert!(holder.note.unwrap().contains("cannot be told apart"));
        }
        let told = read_holder("XXI", Some("CEP")).unwrap();
        assert_eq!((told.name.as_str(), told.ticker.as_deref(), told.note), ("XXI", Some("CEP"), None));
        assert_eq!(read_holder("XXI", Some("—")).unwrap().ticker, None);
    }

    #[test]
    fn coins_are_read_with_their_sign_and_never_guessed() {
        let read = |text: &str| read_quantity(text, Commas::Thousands).map(Quantity::get);
        for (text, coins) in [("₿597,325", 597_325.0), ("1,000 BTC", 1_000.0), ("0.5", 0.5), ("Ξ 7", 7.0)]
        {
            assert_eq!(read(text), Ok(coins), "{text}");
        }
        for text in ["", "—", "₿", "-5", "many", "1.000.000", "64,623M"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
