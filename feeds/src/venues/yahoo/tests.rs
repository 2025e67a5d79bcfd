use market::Timestamp;
use proptest::prelude::*;

use super::super::hostile::{
    answer, decode, following, kind, refusal, refuses_garbage, survives_anything, told,
};
use super::*;

const MARA: &str = "/v8/finance/chart/MARA?interval=1d&range=3mo&events=div%2Csplits&includePrePost=false";

/// Thursday 2026-11-12, 11:00 in New York, on the third day of the range. Sessions begin at 14:30 UTC.
const MORNING: &str = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"MARA","instrumentType":"EQUITY",
"regularMarketTime":1794499200,"gmtoffset":-18000,"exchangeTimezoneName":"America/New_York","regularMarketPrice":12.949999809265137,
"regularMarketVolume":9100000,"chartPreviousClose":9.5,"priceHint":4,
"currentTradingPeriod":{"pre":{"start":1794474000,"end":1794493800},"regular":{"timezone":"EST","start":1794493800,"end":1794517200,"gmtoffset":-18000},"post":{"start":1794517200,"end":1794531600}}},
"timestamp":[1794321000,1794407400,1794499200],
"indicators":{"quote":[{"open":[12.0,12.399999618530273,12.779999732971191],"high":[12.5,13.0,13.0],"low":[11.75,12.25,12.5],
"close":[12.399999618530273,12.779999732971191,12.949999809265137],"volume":[50000000,45000000,9100000]}],
"adjclose":[{"adjclose":[12.4,12.78,12.95]}]}}],"error":null}}"#;

const BITCOIN: &str = r#"{"chart":{"result":[{"meta":{"symbol":"BTC-USD","instrumentType":"CRYPTOCURRENCY","regularMarketTime":1794499200,
"gmtoffset":0,"regularMarketPrice":94745.078125,"regularMarketVolume":71000000000,
"currentTradingPeriod":{"regular":{"start":1794441600,"end":1794527940}}},
"timestamp":[1794355200,1794441600,1794499200],
"indicators":{"quote":[{"open":[93000,94000,94000],"high":[95000,95500,95600],"low":[92000,93500,93500],
"close":[94000,94500,94745.078125],"volume":[70000000000,70000000000,71000000000]}]}}],"error":null}}"#;

const NOT_FOUND: &str = r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#;

fn yahoo() -> Box<dyn PollProtocol> {
    protocol(&following(&["MARA", "^VIX"]))
}

fn mara(body: &str) -> Payload {
    answer(MARA, body)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn asks(yahoo: &mut dyn PollProtocol, now: &str) -> Vec<String> {
    yahoo.begin(at(now));
    std::iter::from_fn(|| yahoo.next_ask())
        .map(|ask| ask.request.replace(&MARA[MARA.find("&events").unwrap()..], ""))
        .collect()
}

#[test]
fn days_that_are_over_are_history_and_today_is_news() {
    assert_eq!(
        told(yahoo().as_mut(), &mara(MORNING)),
        [
            "2026-11-10T00:00:00Z 2026-11-10T21:00:00Z 1d MARA 12 12.5 11.75 12.4 vol 50000000 final",
            "2026-11-11T00:00:00Z 2026-11-11T21:00:00Z 1d MARA 12.4 13 12.25 12.78 vol 45000000 final",
            "2026-11-12T00:00:00Z now 1d MARA 12.78 13 12.5 12.95 vol 9100000 open",
            // Not `chartPreviousClose`, which is the close before the first day of the range.
            "2026-11-12T16:00:00Z now last MARA 12.95 prev 12.78 vol 9100000",
        ]
    );
}

#[test]
fn today_is_over_once_it_was_traded_at_the_bell() {
    let evening = MORNING.replace("1794499200", "1794517201");
    let lines = told(yahoo().as_mut(), &mara(&evening));
    assert_eq!(
        lines[2],
        "2026-11-12T00:00:00Z 2026-11-12T21:00:00Z 1d MARA 12.78 13 12.5 12.95 vol 9100000 final"
    );
    assert!(lines[3].starts_with("2026-11-12T21:00:01Z now last MARA 12.95 prev 12.78"));
    // Next morning, before the bell: the period is already the next one.
    let morning = MORNING
        .replace("1794499200", "1794517201")
        .replace(r#""start":1794493800,"end":1794517200"#, r#""start":1794580200,"end":1794603600"#);
    let lines = told(yahoo().as_mut(), &mara(&morning));
    assert!(
        lines[2].contains(" 2026-11-12T21:00:00Z 1d MARA") && lines[2].ends_with("final"),
        "{}",
        lines[2]
    );
    // Elsewhere no calendar tells: the last bar is stamped with its last trade, and is taken to be known
    // too late rather than too soon.
    let lines = told(yahoo().as_mut(), &mara(&morning.replace("America/New_York", "America/Toronto")));
    assert!(
        lines[2].contains(" 2026-11-13T03:30:01Z 1d MARA") && lines[2].ends_with("final"),
        "{}",
        lines[2]
    );
    // On a half day the bell rings at 13:00.
    let half = MORNING
        .replace("1794499200", "1794506400")
        .replace(r#""end":1794517200,"gmt"#, r#""end":1794506400,"gmt"#);
    let lines = told(yahoo().as_mut(), &mara(&half));
    assert!(lines[2].contains(" 2026-11-12T18:00:00Z 1d MARA"), "{}", lines[2]);
    assert!(lines[1].contains(" 2026-11-11T21:00:00Z 1d MARA"), "yesterday was a whole day: {}", lines[1]);
}

#[test]
fn only_what_is_new_is_told_again() {
    let mut yahoo = yahoo();
    assert_eq!(told(yahoo.as_mut(), &mara(MORNING)).len(), 4);
    assert_eq!(kind(yahoo.as_mut(), &mara(MORNING)), FrameKind::Ignored("nothing new"));
    let later = MORNING.replace("1794499200", "1794499500").replace("12.949999809265137", "12.75");
    assert_eq!(
        told(yahoo.as_mut(), &mara(&later)),
        [
            "2026-11-12T00:00:00Z now 1d MARA 12.78 13 12.5 12.75 vol 9100000 open",
            "2026-11-12T16:05:00Z now last MARA 12.75 prev 12.78 vol 9100000",
        ]
    );
    let older = MORNING.replace("12.949999809265137", "12.5");
    assert_eq!(told(yahoo.as_mut(), &mara(&older)).len(), 1, "an older price is no news, its bar is");
}

#[test]
fn a_coin_has_days_of_utc_no_volume_and_one_bar_where_yahoo_gives_two() {
    let request = MARA.replace("MARA", "BTC-USD");
    assert_eq!(
        told(yahoo().as_mut(), &answer(&request, BITCOIN)),
        [
            "2026-11-11T00:00:00Z 2026-11-12T00:00:00Z 1d BTC-USD 93000 95000 92000 94000 vol - final",
            "2026-11-12T00:00:00Z now 1d BTC-USD 94000 95600 93500 94745.08 vol - open",
            "2026-11-12T16:00:00Z now last BTC-USD 94745.08 prev 94000 vol -",
        ]
    );
}

#[test]
fn a_day_without_prices_is_left_out_and_a_wrong_one_is_named() {
    let holes = MORNING.replace(
        "[12.399999618530273,12.779999732971191,12.949999809265137]",
        "[null,12.779999732971191,null]",
    );
    let lines = told(yahoo().as_mut(), &mara(&holes));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("2026-11-11") && lines[1].contains(" last "));

    let mut decoder = yahoo();
    let wrong = MORNING.replace(r#""high":[12.5,13.0"#, r#""high":["Infinity",12.5"#);
    let (kind, events) = decode(decoder.as_mut(), &mara(&wrong));
    assert_eq!(events.len(), 2);
    let refused = vec![
        "MARA 2026-11-10: 12 Infinity 11.75 12.4 are not all prices above zero".to_owned(),
        "MARA 2026-11-11: open or close is not between low and high: 12.4 12.5 12.25 12.78".to_owned(),
    ];
    assert_eq!(kind, Ok(FrameKind::DataWithout { label: "chart", refused }));
    let (kind, _) = decode(decoder.as_mut(), &mara(&wrong));
    assert_eq!(kind, Ok(FrameKind::Ignored("nothing new")), "said once");
}

#[test]
fn an_answer_without_bars_is_understood() {
    let empty = r#"{"chart":{"result":[{"meta":{"symbol":"MARA","gmtoffset":-18000},"indicators":{"quote":[{}],"adjclose":[{}]}}],"error":null}}"#;
    assert_eq!(kind(yahoo().as_mut(), &mara(empty)), FrameKind::Ignored("nothing new"));
}

#[test]
fn a_symbol_that_yahoo_does_not_know_is_refused_in_its_words_and_asked_for_again_tomorrow() {
    let mut yahoo = yahoo();
    let first = asks(yahoo.as_mut(), "2026-11-12T16:00:00Z");
    assert_eq!(
        first,
        [
            "/v8/finance/chart/BTC-USD?interval=1d&range=3mo",
            "/v8/finance/chart/MARA?interval=1d&range=3mo",
            "/v8/finance/chart/%5EVIX?interval=1d&range=3mo",
        ]
    );
    let words = "MARA: No data found, symbol may be delisted".to_owned();
    assert_eq!(kind(yahoo.as_mut(), &mara(NOT_FOUND)), FrameKind::Refused(words));
    told(yahoo.as_mut(), &answer(&MARA.replace("MARA", "BTC-USD"), BITCOIN));
    assert_eq!(
        asks(yahoo.as_mut(), "2026-11-12T16:05:00Z"),
        ["/v8/finance/chart/BTC-USD?interval=1d&range=5d", "/v8/finance/chart/%5EVIX?interval=1d&range=3mo",]
    );
    assert_eq!(asks(yahoo.as_mut(), "2026-11-13T00:00:00Z"), first);
    let busy = r#"{"chart":{"result":null,"error":{"code":"internal-error","description":"try later"}}}"#;
    assert_eq!(kind(yahoo.as_mut(), &mara(busy)), FrameKind::Refused("MARA: try later".to_owned()));
    assert_eq!(asks(yahoo.as_mut(), "2026-11-13T00:05:00Z").len(), 3, "it may know it yet");
}

#[test]
fn what_cannot_be_an_answer_is_refused() {
    let cases = [
        (MORNING.replace("\"symbol\":\"MARA\"", "\"symbol\":\"RIOT\""), "not the symbol that was asked for"),
        (MORNING.replace("\"symbol\":\"MARA\"", "\"symbol\":\"MA RA\""), "not a ticker"),
        (MORNING.replace("\"gmtoffset\":-18000,\"exch", "\"exch"), "gmtoffset is \"\", missing"),
        (
            MORNING.replace("\"gmtoffset\":-18000,\"exch", "\"gmtoffset\":-1800000,\"exch"),
            "not the seconds of a time zone",
        ),
        (MORNING.replace("[1794321000,", "[1794321000000,"), "not a time in seconds"),
        (MORNING.replace("[1794321000,", "["), "not as many values as there are timestamps"),
        (
            MORNING.replace("\"regularMarketPrice\":12.949999809265137", "\"regularMarketPrice\":0"),
            "not a price above zero",
        ),
    ];
    for (body, problem) in cases {
        let words = refusal(yahoo().as_mut(), &mara(&body));
        assert!(words.contains(problem), "{words}");
    }
    refuses_garbage(yahoo().as_mut(), mara);
    let wanted =
        kind(yahoo().as_mut(), &answer(&MARA.replace("MARA", "SPY"), &MORNING.replace("MARA", "SPY")));
    assert_eq!(wanted, FrameKind::Ignored("other symbol"));
}

#[test]
fn it_survives_anything() {
    let bitcoin = answer(&MARA.replace("MARA", "BTC-USD"), BITCOIN);
    survives_anything(|| yahoo(), &[mara(MORNING), bitcoin, mara(NOT_FOUND)]);
}

proptest! {
    /// A bar that is told to be known before its session is over would let a model see the future.
    #[test]
    fn nothing_is_known_before_its_session_ended(day in 0_i64..5, secs in 0_i64..23_402, shift in 0_i64..3) {
        let traded = 1_794_493_800 + day * 86_400 + secs;
        let body = MORNING.replace("1794499200", &traded.to_string())
            .replace("\"start\":1794493800", &format!("\"start\":{}", 1_794_493_800 + shift * 86_400))
            .replace("\"end\":1794517200,\"gmt", &format!("\"end\":{},\"gmt", 1_794_517_200 + shift * 86_400));
        let (_, events) = decode(yahoo().as_mut(), &mara(&body));
        prop_assert!(events.len() == 4, "{}", events.len());
        for stamped in events {
            if let (Some(published), Observation::Bar(bar)) = (stamped.published, &stamped.observation) {
                prop_assert!(bar.is_final && published >= stamped.event_time.plus(Duration::from_hours(21)));
            }
        }
    }
}
