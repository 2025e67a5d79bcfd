//! Farside's pages: headers, pending funds, holidays, sums.

use super::*;
use crate::config::Instruments;
use crate::protocol::{DecodeError, FrameKind};
use crate::venues::answers::{decode_answer, flows, refuses_garbage_answers, round, survives_any_answer};

const BTC_PAGE: &str = "/bitcoin-etf-flow-all-data/";

/// A page of the source's shape with made-up figures: several bodies, fees, footnotes, red brackets, a
/// holiday, and a day on which nobody has reported yet.
const BITCOIN: &str = r#"<!DOCTYPE html><html><head><title>Bitcoin ETF Flow &#8211; All Data</title></head><body>
<p>US$m</p><table class="etf"><thead><tr><th>Date</th><th><span class="tabletext">IBIT</span></th>
<th><span class="tabletext">FBTC</span></th><th>MSBT*</th><th>GBTC</th><th>Total</th></tr></thead>
<tbody><tr><td><span class="tabletext">Fee</span></td><td>0.25%</td><td>0.25%</td><td>0.14%</td><td>1.50%</td><td></td></tr></tbody>
<tbody>
<tr><td>24 Dec 2025</td><td>1,119.9</td><td>10.0*</td><td>-</td><td><span class="redFont">(95.1)</span></td><td>1,034.8</td></tr>
<tr><td>25 Dec 2025</td><td></td><td></td><td></td><td></td><td>0.0</td></tr>
<tr><td>26 Dec 2025</td><td>0.0</td><td>5.1</td><td>2.0</td><td><span class="redFont">(3.0)</span></td><td>4.1</td></tr>
<tr><td>29 Dec 2025</td><td>-</td><td>-</td><td>-</td><td>-</td><td>0.0</td></tr>
</tbody><tbody>
<tr><td>Total</td><td>1,119.9</td><td>15.1</td><td>2.0</td><td>(98.1)</td><td>1,038.9</td></tr>
<tr><td>Average</td><td>373.3</td><td>5.0</td><td>0.7</td><td>(32.7)</td><td>346.3</td></tr>
<tr><td>Maximum</td><td>1,119.9</td><td>10.0</td><td>2.0</td><td>0.0</td><td>1,034.8</td></tr>
</tbody></table></body></html>"#;

/// Two header rows, then fees and a seed row, before the first day.
const SOLANA: &str = r#"<table class="etf">
<tr><th rowspan="2"></th><th>Bitwise</th><th colspan="2">VanEck</th><th rowspan="2">Total</th></tr>
<tr><th>BSOL</th><th>VSOL</th><th>GSOL</th></tr>
<tr><td>Fee</td><td>0.20%</td><td>0.30%</td><td>0.35%</td><td></td></tr>
<tr><td>Staking</td><td>Yes</td><td>Yes</td><td>No</td><td></td></tr>
<tr><td>Seed</td><td>222.9</td><td>7.5</td><td>102.7</td><td>333.1</td></tr>
<tr><td>17 Nov 2025</td><td>26.2</td><td>0.3</td><td>(1.5)</td><td>25.0</td></tr></table>"#;

const DAY_BEFORE_YESTERDAY: [&str; 3] =
    ["BTC 2025-12-24 IBIT 1119.9", "BTC 2025-12-24 FBTC 10", "BTC 2025-12-24 GBTC -95.1"];
const YESTERDAY: [&str; 4] =
    ["BTC 2025-12-26 IBIT 0", "BTC 2025-12-26 FBTC 5.1", "BTC 2025-12-26 MSBT 2", "BTC 2025-12-26 GBTC -3"];
const TODAY: [&str; 4] = [
    "BTC 2025-12-29 IBIT pending",
    "BTC 2025-12-29 FBTC pending",
    "BTC 2025-12-29 MSBT pending",
    "BTC 2025-12-29 GBTC pending",
];

fn farside() -> Box<dyn PollProtocol> {
    protocol(&FeedConfig::default())
}

#[test]
fn a_page_is_told_as_it_is_printed_without_holidays_and_sums() {
    let (kind, out) = decode_answer(farside().as_mut(), BTC_PAGE, BITCOIN);
    assert_eq!(kind, Ok(FrameKind::Data("etf_flow")));
    assert_eq!(flows(&out), [&DAY_BEFORE_YESTERDAY[..], &YESTERDAY, &TODAY].concat());
}

#[test]
fn columns_are_found_by_name_under_two_rows_of_headers() {
    let (kind, out) = decode_answer(farside().as_mut(), "/sol/", SOLANA);
    assert_eq!(kind, Ok(FrameKind::Data("etf_flow")));
    assert_eq!(
        flows(&out),
        ["SOL 2025-11-17 BSOL 26.2", "SOL 2025-11-17 VSOL 0.3", "SOL 2025-11-17 GSOL -1.5"]
    );
}

#[test]
fn only_news_is_told_when_the_page_is_read_again() {
    let mut farside = farside();
    decode_answer(farside.as_mut(), BTC_PAGE, BITCOIN).0.unwrap();
    let (kind, out) = decode_answer(farside.as_mut(), BTC_PAGE, BITCOIN);
    assert_eq!((kind, out), (Ok(FrameKind::Data("etf_flow")), Vec::new()));
    // A fund reports, another reports nothing, and yesterday's figure is revised.
    let later = BITCOIN
        .replace(
            "<td>29 Dec 2025</td><td>-</td><td>-</td><td>-</td><td>-</td><td>0.0</td>",
            "<td>29 Dec 2025</td><td>-</td><td>(7.5)</td><td>0.0</td><td>-</td><td>(7.5)</td>",
        )
        .replace("<td>5.1</td><td>2.0</td>", "<td>6.1</td><td>2.0</td>")
        .replace("<td>4.1</td>", "<td>5.1</td>");
    let (_, out) = decode_answer(farside.as_mut(), BTC_PAGE, &later);
    assert_eq!(flows(&out), ["BTC 2025-12-26 FBTC 6.1", "BTC 2025-12-29 FBTC -7.5", "BTC 2025-12-29 MSBT 0"]);
}

#[test]
fn a_row_that_does_not_add_up_or_cannot_be_read_is_left_out_and_named() {
    let cases = [
        (
            "<td>4.1</td>",
            "<td>14.1</td>",
            "row 5: 2025-12-26: funds add up to 4.1 million, the total says 14.1",
        ),
        (
            "<td>5.1</td>",
            "<td>5,1</td>",
            "row 5 (26 Dec 2025): FBTC is \"5,1\", a comma that separates no thousands; write 1119.9",
        ),
        ("<td>4.1</td>", "<td></td>", "row 5: 2025-12-26 has flows and no total to check them by"),
    ];
    for (right, wrong, words) in cases {
        let (kind, out) = decode_answer(farside().as_mut(), BTC_PAGE, &BITCOIN.replace(right, wrong));
        assert_eq!(kind, Ok(FrameKind::DataWithout { label: "etf_flow", refused: vec![words.to_owned()] }));
        let unread = "BTC 2025-12-29 MSBT pending";
        let today: Vec<&str> = TODAY.into_iter().filter(|told| *told != unread).collect();
        assert_eq!(
            flows(&out),
            [&DAY_BEFORE_YESTERDAY[..], &today].concat(),
            "MSBT first reported in that row"
        );
    }
}

#[test]
fn a_row_of_no_day_or_too_few_cells_is_named() {
    let odd = BITCOIN
        .replace(
            "<td>25 Dec 2025</td><td></td><td></td><td></td><td></td><td>0.0</td>",
            "<td>Bonus</td><td>1.0</td>",
        )
        .replace("<td>29 Dec 2025</td><td>-</td><td>-</td>", "<td>29 Dec 2025</td>");
    let (kind, out) = decode_answer(farside().as_mut(), BTC_PAGE, &odd);
    let Ok(FrameKind::DataWithout { refused, .. }) = kind else { panic!("two rows are refused: {kind:?}") };
    assert_eq!(
        refused,
        ["row 4 (Bonus): not a day; write 2024-01-31", "row 6 (29 Dec 2025): 4 cells under 6 columns"]
    );
    assert_eq!(flows(&out), [&DAY_BEFORE_YESTERDAY[..], &YESTERDAY].concat());
}

#[test]
fn a_page_without_a_table_or_without_a_good_row_is_refused_in_words() {
    let reason = |html: &str| {
        let (kind, out) = decode_answer(farside().as_mut(), BTC_PAGE, html);
        assert!(out.is_empty());
        kind.unwrap_err().to_string()
    };
    let challenge =
        reason("<html><head><title>Just a moment...</title></head><body>Enable JavaScript</body></html>");
    assert!(challenge.contains("a page called \"Just a moment...\", with no table"), "{challenge}");
    let twice = reason(&BITCOIN.replace("FBTC", "IBIT"));
    assert!(twice.contains("each once"), "{twice}");
    let wrong = reason(&SOLANA.replace("25.0", "99.0"));
    assert!(wrong.contains("no row can be trusted: row 6: 2025-11-17: funds add up to 25.0"), "{wrong}");
    assert!(matches!(
        farside().decode(&crate::venues::answers::answer("/eth/", BITCOIN), &mut Vec::new()),
        Err(DecodeError::Unknown)
    ));
}

#[test]
fn each_wanted_asset_is_one_page_an_hour_apart() {
    let mut all = farside();
    let paths: Vec<String> = round(all.as_mut()).into_iter().map(|ask| ask.request).collect();
    assert_eq!(paths, [BTC_PAGE, "/ethereum-etf-flow-all-data/", "/sol/"]);
    assert!(all.least_every() >= Duration::from_hours(1), "the source has no licence for more");
    let ether = Instruments::Assets(vec!["ETH".to_owned()]);
    let mut ether = protocol(&FeedConfig { instruments: ether, ..FeedConfig::default() });
    assert_eq!(round(ether.as_mut()).len(), 1);
    assert_eq!(round(ether.as_mut()).len(), 1, "every round asks again");
}

#[test]
fn no_page_panics_or_leaves_half_of_itself() {
    survives_any_answer(farside, BTC_PAGE, &[BITCOIN, SOLANA]);
    refuses_garbage_answers(farside().as_mut(), BTC_PAGE, BITCOIN);
}
