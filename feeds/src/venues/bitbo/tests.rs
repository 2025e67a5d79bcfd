//! Bitbo's page, row by row.

use super::*;
use crate::protocol::FrameKind;
use crate::venues::answers::{decode_answer, flows, refuses_garbage_answers, round, survives_any_answer};

const PAGE: &str = "/treasuries/etf-flows/";
const TABLE: &str = r#"<h1>Bitcoin ETF Flows (US$m)</h1>
<table><tbody><tr><td>BTC</td><td>1</td></tr></tbody></table>
<table class="stats-table"><thead><tr><th>Date</th><th>IBIT</th><th>GBTC</th><th>Totals</th></tr></thead><tbody>
<tr><td>Feb 04, 2026</td><td>-373.4</td><td>-1,041.9</td><td>-1,415.3</td></tr>
<tr><td>Feb 03, 2026</td><td>60</td><td></td><td>60</td></tr>
<tr><td>Feb 02, 2026</td><td>142.0</td><td>0</td><td>142</td></tr></tbody></table>"#;

fn bitbo() -> Box<dyn PollProtocol> {
    protocol(&FeedConfig::default())
}

#[test]
fn days_come_newest_first_and_are_told_oldest_first() {
    let (kind, out) = decode_answer(bitbo().as_mut(), PAGE, TABLE);
    assert_eq!(kind, Ok(FrameKind::Data("etf_flow")));
    assert_eq!(
        flows(&out),
        [
            "BTC 2026-02-02 IBIT 142",
            "BTC 2026-02-02 GBTC 0",
            "BTC 2026-02-03 IBIT 60",
            "BTC 2026-02-03 GBTC pending",
            "BTC 2026-02-04 IBIT -373.4",
            "BTC 2026-02-04 GBTC -1041.9",
        ]
    );
}

#[test]
fn a_table_without_totals_is_told_unchecked() {
    let table = TABLE.replace("<th>Totals</th>", "").replace("<td>-1,415.3</td>", "");
    let (kind, out) = decode_answer(bitbo().as_mut(), PAGE, &table);
    assert_eq!((kind, out.len()), (Ok(FrameKind::Data("etf_flow")), 6));
}

#[test]
fn one_page_is_asked() {
    let asks = round(bitbo().as_mut());
    assert_eq!(asks.iter().map(|ask| ask.request.as_str()).collect::<Vec<_>>(), [PAGE]);
}

#[test]
fn no_page_panics_or_leaves_half_of_itself() {
    survives_any_answer(bitbo, PAGE, &[TABLE]);
    refuses_garbage_answers(bitbo().as_mut(), PAGE, TABLE);
}
