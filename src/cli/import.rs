//! `vigie import`: a user's own files into the store, with a report on every row that was not plain.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use feeds::import::{
    self, BarImport, EtfImport, FundingImport, Imported, InterestImport, KnownAt, LiquidationImport, Report,
    Sheet, SideOf, TreasuryImport,
};
use market::{Clock, Date, FeedId, Instrument, Interval, MarketEvent, Timestamp, entities};
use serde_json::json;
use smol_str::SmolStr;
use store::{Reader, Record, Store};

use super::{Global, say, say_json};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::Failure;

/// Events in one record of the journal, so that none grows beyond what it bears.
const BATCH: usize = 5_000;
/// Rows named in the report on the screen; `--json` names all.
const NAMED: usize = 10;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct ImportFiles {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Daily net flows of funds: wide, long, or with the time at which each value was first seen
    EtfFlows {
        #[command(flatten)]
        common: Common,
        /// The coin that the funds hold; told by the funds' tickers unless given
        #[arg(long, value_name = "COIN")]
        asset: Option<String>,
        /// When a value became known where the file does not say
        #[arg(long, value_enum, default_value_t = Known::Published)]
        known_at: Known,
    },
    /// Prices: one row a bar, columns by name
    Bars {
        #[command(flatten)]
        common: Common,
        /// What is priced: a ticker (KEEL) or a pair (BTC-USD); the file's name unless given
        #[arg(long, value_name = "SYMBOL")]
        symbol: Option<String>,
        /// How long a bar is; told by the rows unless given
        #[arg(long, value_name = "1m|5m|1h|4h|1d", value_parser = parse_interval)]
        interval: Option<Interval>,
    },
    /// Forced closes, with the side of the position that was closed
    Liquidations {
        #[command(flatten)]
        common: Common,
        /// The file's side is that of the order that closed the position, not of the position
        #[arg(long)]
        order_side: bool,
    },
    /// Funding rates of perpetuals: one a payment, or the last of each day or hour
    Funding {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        of: Contracts,
        /// In what the rates are written, where their column's name does not say
        #[arg(long, value_enum)]
        unit: Option<Rate>,
        /// Hours that one rate is for, where no column says
        #[arg(long, value_name = "HOURS")]
        hours: Option<f64>,
    },
    /// Open interest: one row a moment, or the last of each day or hour
    OpenInterest {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        of: Contracts,
        /// In what it is counted, where its column's name does not say
        #[arg(long, value_enum)]
        unit: Option<Count>,
    },
    /// Coins held by companies, also as web pages print them
    Treasuries {
        #[command(flatten)]
        common: Common,
        /// The coin
        #[arg(long, value_name = "COIN", default_value = "BTC")]
        asset: String,
        /// The day that the figures are for; a date in the file's name, else today, unless given
        #[arg(long, value_name = "DATE")]
        as_of: Option<Date>,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// CSV or Parquet files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The name under which the rows are kept; rows of one name replace each other as they are revised
    #[arg(long, value_name = "NAME", default_value = "import")]
    source: String,
    /// Report, and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Contracts {
    /// The contract that a file is about, where its rows do not say; a figure over several venues needs one too
    #[arg(long, value_name = "BTC-USDT-PERP")]
    instrument: Option<Instrument>,
    /// How long the stretches of a file of open and close are; told by the rows unless given
    #[arg(long, value_name = "1m|5m|1h|4h|1d", value_parser = parse_interval)]
    interval: Option<Interval>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rate {
    /// 0.01 is one basis point
    Percent,
    /// 0.0001 is one basis point
    Fraction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Count {
    /// US dollars
    Usd,
    /// Coins, not contracts
    Coins,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Known {
    /// At 14:00 UTC on the day after its trading day, when totals are final as a rule
    Published,
    /// Now, at the import
    Imported,
}

pub(super) fn parse_interval(text: &str) -> Result<Interval, String> {
    Interval::ALL
        .into_iter()
        .find(|interval| interval.as_str() == text)
        .ok_or_else(|| format!("{text:?} is no interval; known are 1m, 5m, 1h, 4h and 1d"))
}

/// One file, read.
struct Read {
    path: PathBuf,
    /// What was taken for granted.
    assumed: Vec<String>,
    imported: Imported,
}

impl ImportFiles {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let now = SystemClock.now();
        let (common, kind) = (self.what.common(), self.what.kind());
        let mut files = Vec::new();
        for path in &common.files {
            files.push(self.what.read(path, now)?);
        }
        let mut added = vec![None; files.len()];
        if !common.dry_run {
            for (file, added) in files.iter().zip(&mut added) {
                *added = Some(keep(&settings, file, kind, now)?);
            }
        }
        if common.json {
            let told: Vec<serde_json::Value> =
                files.iter().zip(&added).map(|(file, added)| value(file, *added)).collect();
            return say_json(&json!({ "table": kind, "files": told }));
        }
        for (file, added) in files.iter().zip(&added) {
            print(file, *added)?;
        }
        Ok(())
    }
}

impl What {
    fn common(&self) -> &Common {
        match self {
            Self::EtfFlows { common, .. }
            | Self::Bars { common, .. }
            | Self::Liquidations { common, .. }
            | Self::Funding { common, .. }
            | Self::OpenInterest { common, .. }
            | Self::Treasuries { common, .. } => common,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::EtfFlows { .. } => "etf_flows",
            Self::Bars { .. } => "bars",
            Self::Liquidations { .. } => "liquidations",
            Self::Funding { .. } => "funding",
            Self::OpenInterest { .. } => "open_interest",
            Self::Treasuries { .. } => "holdings",
        }
    }

    fn read(&self, path: &Path, now: Timestamp) -> Result<Read, Failure> {
        let sheet = sheet(path)?;
        let source = FeedId::new(&self.common().source);
        let mut assumed = Vec::new();
        let imported = match self {
            Self::EtfFlows { asset, known_at, .. } => {
                let asset = match asset {
                    Some(asset) => SmolStr::new(asset.to_ascii_uppercase()),
                    None => asset_of(&sheet),
                };
                assumed.push(format!("the funds hold {asset}"));
                let known_at = match known_at {
                    Known::Published => KnownAt::Published,
                    Known::Imported => KnownAt::Imported,
                };
                import::etf_flows(&sheet, &EtfImport { asset, source, known_at, now })
            }
            Self::Bars { symbol, interval, .. } => {
                let symbol = match symbol {
                    Some(symbol) if self.common().files.len() == 1 => symbol.to_ascii_uppercase(),
                    Some(_) => {
                        let words =
                            "--symbol names one file's symbol; import one file, or leave it to their names";
                        return Err(Failure::Usage(words.to_owned()));
                    }
                    None => symbol_of(path)?,
                };
                assumed.push(format!("the bars are {symbol}'s"));
                let symbol = SmolStr::new(symbol);
                import::bars(&sheet, &BarImport { symbol, interval: *interval, source, now })
            }
            Self::Liquidations { order_side, .. } => {
                let side = if *order_side { SideOf::Order } else { SideOf::Position };
                import::liquidations(&sheet, &LiquidationImport { source, side, now })
            }
            Self::Funding { of, unit, hours, .. } => {
                let unit = unit.map(|unit| match unit {
                    Rate::Percent => import::RateUnit::Percent,
                    Rate::Fraction => import::RateUnit::Fraction,
                });
                let (instrument, interval) = (of.instrument.clone(), of.interval);
                let given = FundingImport { instrument, unit, hours: *hours, interval, source, now };
                let imported = import::funding(&sheet, &given);
                assumed.extend(imported.as_ref().ok().and_then(usual_rate));
                imported
            }
            Self::OpenInterest { of, unit, .. } => {
                let unit = unit.map(|unit| match unit {
                    Count::Usd => import::InterestUnit::Usd,
                    Count::Coins => import::InterestUnit::Coins,
                });
                let (instrument, interval) = (of.instrument.clone(), of.interval);
                import::open_interest(&sheet, &InterestImport { instrument, unit, interval, source, now })
            }
            Self::Treasuries { asset, as_of, .. } => {
                let as_of = as_of.or_else(|| date_in_name(path)).unwrap_or(now.date());
                assumed.push(format!("the figures are for {as_of}"));
                let asset = SmolStr::new(asset.to_ascii_uppercase());
                import::treasuries(&sheet, &TreasuryImport { asset, source, as_of, now })
            }
        };
        let imported = imported.map_err(|error| refused(path, error))?;
        Ok(Read { path: path.to_owned(), assumed, imported })
    }
}

/// The file as a sheet of text: Parquet where its first bytes say so, else CSV.
pub(super) fn sheet(path: &Path) -> Result<Sheet, Failure> {
    let refused = |source| Failure::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(refused)?;
    if bytes.starts_with(b"PAR1") {
        let store::Sheet { header, rows } = store::read_sheet(path)?;
        return Ok(Sheet::new(&header, rows));
    }
    Sheet::from_csv(&bytes).map_err(|error| self::refused(path, error))
}

pub(super) fn refused(path: &Path, error: import::ImportError) -> Failure {
    Failure::Import { path: path.to_owned(), source: Box::new(error) }
}

/// Keeps what is new of a file; how many events that were.
fn keep(settings: &Settings, file: &Read, kind: &str, now: Timestamp) -> Result<usize, Failure> {
    let (mut store, _) = Store::open(&settings.store_dir, settings.store_options, Arc::new(SystemClock))?;
    let news = Reader::open(&settings.store_dir)?.news(file.imported.events.clone())?;
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let origin = format!("import {kind} {name}");
    for events in news.chunks(BATCH) {
        store.append(Record::Batch { origin: &origin, at: now, events })?;
    }
    store.flush()?;
    if !news.is_empty() {
        store.seal()?;
    }
    store.close()?;
    Ok(news.len())
}

/// What the rates come to in a year, for a reader to see whether the unit can be right.
fn usual_rate(imported: &Imported) -> Option<String> {
    let rate = |event: &MarketEvent| event.observation.funding_rate()?.annualised();
    let mut annual: Vec<f64> = imported.events.iter().filter_map(rate).collect();
    annual.sort_by(f64::total_cmp);
    let median = annual.get(annual.len() / 2)?;
    Some(format!("the rates come to {:+.1} % a year, at their median", median * 100.0))
}

/// The coin whose funds the sheet names most, Bitcoin where it names none that we know.
fn asset_of(sheet: &Sheet) -> SmolStr {
    let mut named = BTreeMap::<SmolStr, usize>::new();
    let cells = sheet.header().iter().map(String::as_str).chain(sheet.cells().take(400));
    for cell in cells {
        let fund = entities().by_ticker(cell.trim()).and_then(|found| found.entity.fund.as_ref());
        let coin = fund.and_then(|fund| entities().get(fund.asset.as_ref()?));
        if let Some(token) = coin.and_then(|coin| coin.tokens.last()) {
            *named.entry(token.symbol.clone()).or_default() += 1;
        }
    }
    let most = named.into_iter().max_by_key(|(_, count)| *count);
    most.map_or_else(|| SmolStr::new("BTC"), |(asset, _)| asset)
}

/// The symbol that a file's name begins with: `KEEL.csv`, `BTC-USD_1d.csv`, `TAOUSDT.csv`.
fn symbol_of(path: &Path) -> Result<String, Failure> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
    let symbol = stem.split(['_', ' ', '.']).next().unwrap_or_default();
    let is_plain = !symbol.is_empty() && symbol.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if !is_plain {
        return Err(Failure::Usage(format!("{} names no symbol; give --symbol", path.display())));
    }
    let pair = ["USDT", "USDC"].iter().find_map(|quote| {
        let base = symbol.strip_suffix(quote).filter(|base| !base.is_empty() && !base.ends_with('-'))?;
        Some(format!("{base}-{quote}"))
    });
    Ok(pair.unwrap_or_else(|| symbol.to_owned()))
}

/// A date in the file's name: `2025-07-31`, or the last day of `2025-07`.
fn date_in_name(path: &Path) -> Option<Date> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let parts: Vec<&str> =
        stem.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    parts.windows(2).enumerate().find_map(|(at, pair)| {
        if pair[0].len() != 4 {
            return None;
        }
        let (year, month): (i16, i8) = (pair[0].parse().ok()?, pair[1].parse().ok()?);
        if let Some(day) = parts.get(at + 2).and_then(|day| day.parse().ok()) {
            return Date::from_ymd(year, month, day);
        }
        (28..=31).rev().find_map(|day| Date::from_ymd(year, month, day))
    })
}

fn value(file: &Read, added: Option<usize>) -> serde_json::Value {
    let Report { layout, accepted, corrected, refused, sessions, closed, checked_totals, mismatched_totals } =
        &file.imported.report;
    let rows = |rows: &[(usize, String)]| -> Vec<serde_json::Value> {
        rows.iter().map(|(row, what)| json!({ "row": row, "what": what })).collect()
    };
    json!({
        "file": file.path,
        "layout": layout,
        "assumed": file.assumed,
        "accepted": accepted,
        "new": added,
        "corrected": rows(corrected),
        "refused": rows(refused),
        "sessions": sessions,
        "closed_days": closed,
        "checked_totals": checked_totals,
        "mismatched_totals": mismatched_totals,
    })
}

fn print(file: &Read, added: Option<usize>) -> Result<(), Failure> {
    let report = &file.imported.report;
    let news = added.map_or("nothing kept (dry run)".to_owned(), |added| format!("{added} of them new"));
    say(&format!(
        "{}: {} layout; {} values accepted, {news}",
        file.path.display(),
        report.layout,
        report.accepted
    ))?;
    if !file.assumed.is_empty() {
        say(&format!("  assumed: {}", file.assumed.join("; ")))?;
    }
    if report.checked_totals > 0 {
        say(&format!(
            "  {} days: {} sessions, {} holidays; {} totals checked, {} differ from the sum of the funds",
            report.sessions + report.closed,
            report.sessions,
            report.closed,
            report.checked_totals,
            report.mismatched_totals
        ))?;
    }
    say(&format!("  {} rows corrected, {} refused", report.corrected.len(), report.refused.len()))?;
    for (word, rows) in [("corrected", &report.corrected), ("refused", &report.refused)] {
        for (row, what) in rows.iter().take(NAMED) {
            say(&format!("    row {row} {word}: {what}"))?;
        }
        if rows.len() > NAMED {
            say(&format!("    … and {} more {word}; --json names all", rows.len() - NAMED))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_tells_the_symbol() {
        for (name, symbol) in [
            ("KEEL.csv", "KEEL"),
            ("BTC-USD_1d.csv", "BTC-USD"),
            ("TAOUSDT.csv", "TAO-USDT"),
            ("x/iren.parquet", "IREN"),
        ] {
            assert_eq!(symbol_of(Path::new(name)).unwrap(), symbol);
        }
        assert!(symbol_of(Path::new("_.csv")).is_err());
    }

    #[test]
    fn a_file_s_name_tells_the_day() {
        for (name, day) in [
            ("treasuries_2025-07.csv", Some("2025-07-31")),
            ("t-2024-02.csv", Some("2024-02-29")),
            ("2025-07-15 holdings.csv", Some("2025-07-15")),
            ("holdings.csv", None),
            ("v2-31.csv", None),
        ] {
            assert_eq!(date_in_name(Path::new(name)).map(|date| date.to_string()).as_deref(), day, "{name}");
        }
    }
}
