use super::super::hostile::{
    answer, decode, following, kind, refusal, refuses_garbage, survives_anything, told,
};
use super::*;

const MARA: &str =
    "/api/quote/MARA/historical?assetclass=stocks&fromdate=2025-10-08&todate=2026-11-11&limit=9999";
const ROWS: &str = r#"{"data":{"symbol":"mara","totalRecords":3,"tradesTable":{"asOf":null,"headers":{"date":"Date","close":"Close/Last"},"rows":[
{"date":"11/11/2026","close":"$12.78","volume":"45,000,000","open":"$12.40","high":"$13.00","low":"$12.25"},
{"date":"11/10/2026","close":"$12.40","volume":"N/A","open":"$12.00","high":"$12.50","low":"$11.75"},
{"date":"11/09/2026","close":"$12.00","volume":"1","open":"N/A","high":"N/A","low":"N/A"}]}},"message":null,"status":{"rCode":200,"bCodeMessage":null,"developerMessage":null}}"#;
const NO_STOCK: &str = r#"{"data":null,"message":null,"status":{"rCode":400,"bCodeMessage":[{"code":1001,"errorMessage":"Symbol not exists."}],"developerMessage":null}}"#;

fn nasdaq() -> Box<dyn PollProtocol> {
    protocol(&following(&["MARA", "QQQ"]))
}

fn mara(body: &str) -> Payload {
    answer(MARA, body)
}

fn asks(nasdaq: &mut dyn PollProtocol) -> Vec<String> {
    std::iter::from_fn(|| nasdaq.next_ask()).map(|ask| ask.request).collect()
}

#[test]
fn rows_are_history_since_their_close_oldest_first() {
    let mut nasdaq = nasdaq();
    assert_eq!(
        told(nasdaq.as_mut(), &mara(ROWS)),
        [
            "2026-11-10T00:00:00Z 2026-11-10T21:00:00Z 1d MARA 12 12.5 11.75 12.4 vol - final",
            "2026-11-11T00:00:00Z 2026-11-11T21:00:00Z 1d MARA 12.4 13 12.25 12.78 vol 45000000 final",
        ]
    );
    assert_eq!(kind(nasdaq.as_mut(), &mara(ROWS)), FrameKind::Ignored("nothing new"));
    let corrected = ROWS.replace("$12.78", "$12.79");
    assert_eq!(told(nasdaq.as_mut(), &mara(&corrected)).len(), 1, "a correction is told");
    let summer = ROWS.replace("11/11/2026", "07/01/2026");
    assert!(told(self::nasdaq().as_mut(), &mara(&summer))[0].contains(" 2026-07-01T20:00:00Z 1d MARA"));
}

#[test]
fn a_round_asks_up_to_yesterday_as_browsers_do() {
    let mut nasdaq = nasdaq();
    assert_eq!(nasdaq.next_ask(), None, "no round yet");
    nasdaq.begin("2026-11-12T16:00:00Z".parse().unwrap());
    let ask = nasdaq.next_ask().unwrap();
    assert_eq!(ask.request, MARA);
    assert!(
        ask.headers.iter().any(|(name, value)| *name == "user-agent" && value.starts_with("Mozilla/5.0"))
    );
    assert!(ask.headers.iter().any(|(name, _)| *name == "accept"));
    assert_eq!(asks(nasdaq.as_mut()).len(), 1);
}

#[test]
fn a_fund_is_asked_for_again_as_one_and_remembered() {
    let mut nasdaq = nasdaq();
    nasdaq.begin("2026-11-12T16:00:00Z".parse().unwrap());
    assert_eq!(asks(nasdaq.as_mut()).len(), 2);
    let as_stock = MARA.replace("MARA", "QQQ");
    let as_fund = as_stock.replace("=stocks", "=etf");
    assert_eq!(kind(nasdaq.as_mut(), &answer(&as_stock, NO_STOCK)), FrameKind::Ignored("not a stock"));
    assert_eq!(asks(nasdaq.as_mut()), [as_fund.as_str()]);
    assert_eq!(told(nasdaq.as_mut(), &answer(&as_fund, &ROWS.replace("mara", "QQQ"))).len(), 2);
    nasdaq.begin("2026-11-12T20:00:00Z".parse().unwrap());
    assert_eq!(asks(nasdaq.as_mut()), [MARA, as_fund.as_str()]);
    let refused = FrameKind::Refused("QQQ: 1001 Symbol not exists.".to_owned());
    assert_eq!(kind(nasdaq.as_mut(), &answer(&as_fund, NO_STOCK)), refused, "neither");
}

#[test]
fn a_wrong_row_is_named_and_the_others_count() {
    for (from, to, problem) in [
        ("11/10/2026", "10.11.2026", "MARA: date is \"10.11.2026\", not a day such as 11/13/2025"),
        ("11/10/2026", "13/10/2026", "MARA: date is \"13/10/2026\", not a day"),
        ("$11.75", "$0.00", "MARA: low is \"0\", not a price above zero"),
        ("$12.50", "$1.00", "MARA: open high low close is \"12 1 11.75 12.4\", not within low and high"),
        ("\"volume\":\"N/A\"", "\"volume\":\"-5\"", "MARA: volume is \"-5\", below zero"),
        ("$12.00\",\"high", "twelve\",\"high", "MARA: open is \"twelve\", not an amount such as $12.78"),
    ] {
        let (kind, events) = decode(nasdaq().as_mut(), &mara(&ROWS.replace(from, to)));
        let Ok(FrameKind::DataWithout { label: "history", refused }) = kind else { panic!("{to}: {kind:?}") };
        assert!(refused[0].contains(problem), "{refused:?}");
        assert_eq!((refused.len(), events.len()), (1, 1), "{to}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let other = refusal(nasdaq().as_mut(), &mara(&ROWS.replace("mara", "RIOT")));
    assert!(other.contains("not the symbol that was asked for"), "{other}");
    let quota =
        r#"{"data":null,"message":"Something went wrong","status":{"rCode":500,"bCodeMessage":null}}"#;
    assert_eq!(
        kind(nasdaq().as_mut(), &mara(quota)),
        FrameKind::Refused("MARA: 500 Something went wrong".to_owned())
    );
    let empty = r#"{"data":{"symbol":"MARA","totalRecords":0,"tradesTable":null},"status":{"rCode":200}}"#;
    assert_eq!(kind(nasdaq().as_mut(), &mara(empty)), FrameKind::Ignored("nothing new"));
    refuses_garbage(nasdaq().as_mut(), mara);
}

#[test]
fn it_survives_anything() {
    survives_anything(|| nasdaq(), &[mara(ROWS), mara(NO_STOCK)]);
}
