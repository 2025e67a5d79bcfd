//! Farside Investors' tables of fund flows: web pages with entity tags.

use std::fmt::Write;

use crate::days::{british, day_of};
use crate::flows::{Asset, FIRST_POLLS, Session, closed_days, funds_of, millions, sessions};
use crate::market::{Market, digest};
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "farside";

/// Path, the coin, and how many of the last sessions it shows.
const PAGES: [(&str, &str, usize); 5] = [
    ("/bitcoin-etf-flow-all-data/", "BTC", usize::MAX),
    ("/ethereum-etf-flow-all-data/", "ETH", usize::MAX),
    ("/sol/", "SOL", usize::MAX),
    ("/btc/", "BTC", 15),
    ("/eth/", "ETH", 15),
];
/// Rows of holidays were printed blank until then.
const BLANK_UNTIL: (i64, u32, u32) = (2025, 7, 1);
/// Whose column has a footnote.
const NOTED: &str = "MSBT";

/// The pages that show everything, as a client that comes every ten minutes gets them.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let pages = PAGES[..3].iter().map(|(path, ..)| (*path).to_owned());
    Box::new(Rounds::new(ID, market).polled(&FIRST_POLLS, 600_000, pages, page))
}

pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    let html = now(market, request.now_micros, |scene| page(scene, request.path))?;
    let etag = format!("\"{:016x}\"", digest(html.as_bytes()));
    request.gets(request.path).then(|| Answer::of("text/html; charset=UTF-8", html).tagged(&etag, request))
}

/// The page at `path`.
fn page(scene: &Scene<'_>, path: &str) -> Option<String> {
    let (_, code, most) = PAGES.iter().find(|(known, ..)| *known == path)?;
    let asset = funds_of(code)?;
    let all = sessions(scene, asset);
    let shown = &all[all.len().saturating_sub(*most)..];
    let name = asset.name;
    let mut html = format!(
        concat!(
            "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head><meta charset=\"UTF-8\"/><title>{} ETF Flow &#8211; All Data ",
            "&#8211; Farside Investors</title></head>\n<body>\n<h1>{} ETF Flow (US$m)</h1>\n",
            "<p>Source: a simulated market; every figure is made up.</p>\n<table class=\"etf\">\n"
        ),
        name, name
    );
    head(&mut html, asset);
    html.push_str("<tbody>\n");
    body(&mut html, asset, shown);
    html.push_str("</tbody>\n<tbody>\n");
    summary(&mut html, asset, shown);
    html.push_str("</tbody>\n</table>\n<p>* Listed later than the others.</p>\n</body>\n</html>\n");
    Some(html)
}

/// One row of tickers for bitcoin; issuers and tickers, and rows that are no days, for the others.
fn head(html: &mut String, asset: &Asset) {
    let tickers: Vec<String> = asset
        .funds
        .iter()
        .map(|fund| format!("{}{}", fund.ticker, if fund.ticker == NOTED { "*" } else { "" }))
        .collect();
    let cells = |tag: &str, first: &str, middle: &[String], last: &str| {
        let cell = |text: &str| format!("<{tag}><span class=\"tabletext\">{text}</span></{tag}>");
        let all: String = middle.iter().map(|text| cell(text)).collect();
        format!("<tr>{}{all}{}</tr>\n", cell(first), cell(last))
    };
    html.push_str("<thead>\n");
    let fees: Vec<String> = asset.funds.iter().map(|fund| fund.fee.to_owned()).collect();
    if asset.code == "BTC" {
        html.push_str(&cells("th", "Date", &tickers, "Total"));
        html.push_str("</thead>\n<tbody>\n");
        html.push_str(&cells("td", "Fee", &fees, ""));
    } else {
        let issuers: Vec<String> = asset.funds.iter().map(|fund| fund.issuer.to_owned()).collect();
        html.push_str(&cells("th", "", &issuers, "Total"));
        html.push_str(&cells("th", "", &tickers, ""));
        html.push_str("</thead>\n<tbody>\n");
        html.push_str(&cells("td", "Fee", &fees, ""));
        if asset.code == "SOL" {
            let staking = vec!["Yes".to_owned(); asset.funds.len()];
            html.push_str(&cells("td", "Staking", &staking, ""));
        }
        let seeds: Vec<i64> = (0..asset.funds.len() as i64).map(|at| 100 + 11 * at).collect();
        let total = cell(seeds.iter().sum());
        let seeds: Vec<String> = seeds.into_iter().map(cell).collect();
        html.push_str(&cells("td", "Seed", &seeds, &total));
    }
    html.push_str("</tbody>\n");
}

fn body(html: &mut String, asset: &Asset, shown: &[Session]) {
    let (year, month, day) = BLANK_UNTIL;
    let mut blanks = closed_days(shown).take_while(|closed| *closed < day_of(year, month, day)).peekable();
    for session in shown {
        while let Some(closed) = blanks.next_if(|closed| *closed < session.day) {
            row(html, &british(closed), asset.funds.iter().map(|_| String::new()), "0.0");
        }
        let cells = session.flows.iter().map(|flow| flow.map_or_else(|| "-".to_owned(), cell));
        row(html, &british(session.day), cells, &cell(session.total()));
    }
}

/// A figure about a column.
type Of = fn(&[i64]) -> i64;

/// Sums and extremes under the days.
fn summary(html: &mut String, asset: &Asset, shown: &[Session]) {
    let columns: Vec<Vec<i64>> = (0..asset.funds.len())
        .map(|at| shown.iter().filter_map(|session| session.flows[at]).collect())
        .collect();
    let totals: Vec<i64> = shown.iter().map(Session::total).collect();
    let rows: [(&str, Of); 4] = [
        ("Total", |flows| flows.iter().sum()),
        ("Average", |flows| flows.iter().sum::<i64>() / flows.len().max(1) as i64),
        ("Maximum", |flows| flows.iter().copied().max().unwrap_or(0)),
        ("Minimum", |flows| flows.iter().copied().min().unwrap_or(0)),
    ];
    for (label, of) in rows {
        row(html, label, columns.iter().map(|flows| cell(of(flows))), &cell(of(&totals)));
    }
}

fn row(html: &mut String, label: &str, cells: impl Iterator<Item = String>, total: &str) {
    let all = std::iter::once(label.to_owned()).chain(cells).chain([total.to_owned()]);
    html.push_str("<tr>");
    for text in all {
        // Writing to a string cannot fail.
        let _ = write!(html, "<td><span class=\"tabletext\">{text}</span></td>");
    }
    html.push_str("</tr>\n");
}

/// A flow in tenths of millions: outflows red and in parentheses.
fn cell(tenths: i64) -> String {
    let printed = millions(tenths);
    if tenths < 0 { format!("<span class=\"redFont\">({printed})</span>") } else { printed }
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::{HeaderMap, Method};

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    /// The rows of a page's tables as texts; fails where an element is not closed in order.
    pub(in crate::venues) fn rows_of(html: &str) -> Vec<Vec<String>> {
        let (mut open, mut rows) = (Vec::new(), Vec::<Vec<String>>::new());
        let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap();
        while let Some(at) = rest.find('<') {
            let text = rest[..at].replace("&#8211;", "–");
            assert!(!text.contains(['>', '&']), "{text}");
            if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut())
                && open.iter().any(|tag| tag == "td" || tag == "th")
            {
                cell.push_str(&text);
            }
            let end = at + rest[at..].find('>').unwrap();
            let tag = &rest[at + 1..end];
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "…{}", &rest[..end.min(200)]);
            } else if !tag.ends_with('/') {
                open.push(name.to_owned());
                match name {
                    "tr" => rows.push(Vec::new()),
                    "td" | "th" => rows.last_mut().unwrap().push(String::new()),
                    _ => {}
                }
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
        rows
    }

    fn rows(path: &str, secs: i64) -> Vec<Vec<String>> {
        rows_of(&now(&market(), FRIDAY + secs * 1_000_000, |scene| page(scene, path)).unwrap())
    }

    /// A cell as a number: parentheses for minus.
    fn number(cell: &str) -> f64 {
        let plain = cell.replace(',', "");
        let outflow = plain.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        outflow.map_or_else(|| plain.parse().unwrap(), |plain| -plain.parse::<f64>().unwrap())
    }

    #[test]
    fn every_row_of_every_page_adds_up_and_has_a_cell_for_each_column() {
        for (path, code, _) in PAGES {
            let rows = rows(path, 200);
            let width = funds_of(code).unwrap().funds.len() + 2;
            assert!(rows.iter().all(|row| row.len() == width), "{path}");
            let days = rows.iter().filter(|row| row[0].ends_with("2025") || row[0].ends_with("2026"));
            for row in days {
                let cells = row[1..width - 1].iter().filter(|cell| !matches!(cell.as_str(), "" | "-"));
                let sum: f64 = cells.map(|cell| number(cell)).sum();
                assert!((sum - number(&row[width - 1])).abs() < 1e-6, "{path} {row:?}");
            }
        }
    }

    #[test]
    fn tickers_are_in_one_row_for_bitcoin_and_under_the_issuers_for_ether() {
        let bitcoin = rows("/bitcoin-etf-flow-all-data/", 0);
        assert_eq!(
            bitcoin[0].join(" "),
            "Date IBIT FBTC BITB ARKB BTCO EZBC BRRR HODL BTCW MSBT* GBTC BTC Total"
        );
        assert_eq!(bitcoin[1][0], "Fee");
        let ether = rows("/ethereum-etf-flow-all-data/", 0);
        assert_eq!(ether[1].join(" "), " ETHA ETHB FETH ETHW TETH ETHV QETH EZET ETHE ETH ");
        assert_eq!([ether[2][0].as_str(), ether[3][0].as_str()], ["Fee", "Seed"]);
        assert_eq!(rows("/btc/", 0).len(), 2 + 15 + 4);
    }

    #[test]
    fn a_pending_day_has_dashes_and_a_total_of_zero_and_a_holiday_is_blank() {
        let rows = rows("/bitcoin-etf-flow-all-data/", 0);
        let day = |label: &str| rows.iter().find(|row| row[0] == label).unwrap();
        assert!(day("20 Nov 2026")[1..13].iter().all(|cell| cell == "-"));
        assert_eq!(day("20 Nov 2026")[13], "0.0");
        assert!(day("26 May 2025")[1..13].iter().all(String::is_empty));
        assert!(!rows.iter().any(|row| row[0] == "04 Jul 2025"), "later ones are missing");
        assert!(rows.iter().any(|row| row[13].starts_with('(')));
        assert_eq!(rows[rows.len() - 4][0], "Total");
    }

    #[test]
    fn a_page_that_has_not_changed_is_a_304_and_the_tape_has_each_change_once() {
        let market = market();
        let ask = |secs: i64, etag: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(etag) = etag {
                headers.insert("if-none-match", etag.parse().unwrap());
            }
            let request = Request {
                method: &Method::GET,
                path: "/sol/",
                query: "",
                headers: &headers,
                body: b"",
                now_micros: FRIDAY + secs * 1_000_000,
            };
            let answer = answer(&request, &market).unwrap();
            let etag = answer.headers.iter().find(|(name, _)| *name == "etag").unwrap().1.clone();
            (answer.status, etag)
        };
        let (status, etag) = ask(0, None);
        assert_eq!(status, 200);
        assert_eq!(ask(10, Some(&etag)).0, 304);
        assert_eq!(ask(30, Some(&etag)).0, 200);
        let frames = told(&mut *dialect(&market), &market, 3 * 600);
        let bitcoin = frames.iter().filter(|frame| frame.topic.starts_with("/bitcoin"));
        assert_eq!(
            bitcoin.count(),
            5,
            "what is pending, what comes in, what is corrected, and nothing later"
        );
        assert_eq!(frames[0].request.as_deref(), Some("/bitcoin-etf-flow-all-data/"));
    }
}
