//! Bitbo's table of bitcoin fund flows: newest day first, plain minus signs.

use std::fmt::Write;

use crate::days::american;
use crate::flows::{FIRST_POLLS, FUNDS, Session, millions, sessions};
use crate::market::{Market, digest};
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "bitbo";

const PAGE: &str = "/treasuries/etf-flows/";

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let body = |scene: &Scene<'_>, _: &str| Some(page(scene));
    Box::new(Rounds::new(ID, market).polled(&FIRST_POLLS, 600_000, [PAGE.to_owned()], body))
}

pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets(PAGE) {
        return None;
    }
    let html = now(market, request.now_micros, page);
    let etag = format!("W/\"{:016x}\"", digest(html.as_bytes()));
    Some(Answer::of("text/html; charset=utf-8", html).tagged(&etag, request))
}

fn page(scene: &Scene<'_>) -> String {
    let asset = &FUNDS[0];
    let mut html = concat!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Bitcoin ETF Flows</title></head>\n<body>\n",
        "<h1>Bitcoin ETF Flows (US$m)</h1>\n<table><tbody><tr><td>Made up</td><td>by a simulator</td></tr></tbody></table>\n",
        "<table class=\"stats-table\">\n<thead><tr><th>Date</th>"
    )
    .to_owned();
    for fund in asset.funds {
        // Writing to a string cannot fail.
        let _ = write!(html, "<th>{}</th>", fund.ticker);
    }
    html.push_str("<th>Totals</th></tr></thead>\n<tbody>\n");
    for session in sessions(scene, asset).iter().rev().filter(|session| session.has_reports()) {
        row(&mut html, session);
    }
    html.push_str("</tbody>\n</table>\n</body>\n</html>\n");
    html
}

/// A fund that has not reported has an empty cell; a day without reports has no row.
fn row(html: &mut String, session: &Session) {
    let _ = write!(html, "<tr><td>{}</td>", american(session.day));
    for flow in &session.flows {
        let _ = write!(html, "<td>{}</td>", flow.map(cell).unwrap_or_default());
    }
    let _ = writeln!(html, "<td>{}</td></tr>", cell(session.total()));
}

fn cell(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}", millions(tenths))
}

#[cfg(test)]
mod tests {
    use super::super::farside::tests::rows_of;
    use super::*;
    use crate::scene::tests::{FRIDAY, market};

    #[test]
    fn days_are_newest_first_add_up_and_appear_with_their_first_report() {
        let rows = |secs: i64| rows_of(&now(&market(), FRIDAY + secs * 1_000_000, page));
        assert_eq!(rows(0)[2][0], "Nov 19, 2026");
        let later = rows(100);
        assert_eq!(later[2][0], "Nov 20, 2026");
        assert!(later[2][1..13].iter().any(String::is_empty));
        for row in &later[2..] {
            let numbers = row[1..].iter().filter(|cell| !cell.is_empty());
            let cells: Vec<f64> = numbers.map(|cell| cell.replace(',', "").parse().unwrap()).collect();
            let (total, funds) = cells.split_last().unwrap();
            assert!((funds.iter().sum::<f64>() - total).abs() < 1e-6, "{row:?}");
        }
        assert!(later.iter().any(|row| row.last().unwrap().starts_with('-')));
    }
}
