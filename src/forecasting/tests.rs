//! Stories of the forecaster: bars into a store, passes over it, and what the ledger comes to.

use std::path::Path;
use std::sync::Arc;

use market::{Bar, EtfFlow, Interval, ManualClock, Price, Usd, nyse};
use models::forecast;
use store::{Record, Store, StoreOptions};

use super::*;
use crate::ledger::{Answer, Body, Exact, ModelRef};

const TARGET: &str = "vol-5d";
/// Days of bars, and the day on which the story's last pass is made.
const DAYS: u64 = 640;
const TODAY: u64 = 630;

fn task() -> &'static Task {
    forecast::task(TARGET).unwrap()
}

/// So many days after the first, at twenty past midnight: five minutes after the day's decision.
fn pass_of(day: u64) -> Timestamp {
    decision(day).plus(Duration::from_mins(5))
}

fn decision(day: u64) -> Timestamp {
    let start: Timestamp = "2024-01-01T00:15:00Z".parse().unwrap();
    start.plus(Duration::from_hours(24 * day))
}

/// A store of daily closes in two regimes of volatility that last for weeks.
fn store_of_bars(dir: &Path) {
    let clock = Arc::new(ManualClock::new(decision(DAYS)));
    let (mut store, _) = Store::open(dir, StoreOptions::default(), clock).unwrap();
    let mut state = 11_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut price, mut is_stormy) = (100.0_f64, false);
    let mut events = Vec::new();
    for day in 0..DAYS {
        if uniform() < 0.06 {
            is_stormy = uniform() < 0.4;
        }
        let normal: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        price *= (normal * if is_stormy { 0.035 } else { 0.01 }).exp();
        let start = decision(day).minus(Duration::from_mins(15));
        let known_at = start.plus(Duration::from_hours(24));
        let close = Price::new(price).unwrap();
        let bar = Bar {
            symbol: "BTC-USD".into(),
            interval: Interval::Day,
            open: close,
            high: close,
            low: close,
            close,
            volume: None,
            is_final: true,
        };
        let feed = FeedId::new("file");
        let observation = Observation::Bar(bar);
        events.push(MarketEvent { feed, event_time: start, receive_time: known_at, known_at, observation });
    }
    store.append(Record::Batch { origin: "file", at: decision(DAYS), events: &events }).unwrap();
    store.flush().unwrap();
    store.close().unwrap();
}

/// Two years of fund flows beside the bars, in spells of inflows and outflows.
fn add_flows(dir: &Path) {
    let clock = Arc::new(ManualClock::new(decision(DAYS)));
    let (mut store, _) = Store::open(dir, StoreOptions::default(), clock).unwrap();
    let days =
        (0..DAYS).map(|day| decision(day).date()).filter(|day| nyse().is_trading_day(*day) == Some(true));
    let flow = |(session, trade_date): (u64, market::Date)| {
        let known_at = market::settled_at(trade_date);
        let sign = if session / 13 % 2 == 0 { 1.0 } else { -1.0 };
        let net_flow = Usd::new(sign * 1e8 + ((session * 37) % 101) as f64 * 1e6).ok();
        let flow = EtfFlow { fund: "IBIT".into(), asset: "BTC".into(), trade_date, net_flow };
        let (feed, observation) = (FeedId::new("file"), Observation::EtfFlow(flow));
        MarketEvent { feed, event_time: trade_date.start(), receive_time: known_at, known_at, observation }
    };
    let events: Vec<MarketEvent> = (0..).zip(days).map(flow).collect();
    store.append(Record::Batch { origin: "file", at: decision(DAYS), events: &events }).unwrap();
    store.flush().unwrap();
    store.close().unwrap();
}

/// What is trained is kept for a year: only drift, or the test, makes it train anew.
fn forecaster(dir: &Path) -> Forecaster {
    let config = ForecastConfig {
        targets: vec![TARGET.into()],
        retrain_hours: 24 * 365,
        expire_days: Some(365),
        ..ForecastConfig::default()
    };
    Forecaster::new(config, dir)
}

/// Forecasts of `days` as `told` has them, by the artefact on the shelf, written into the ledger.
fn tell(dir: &Path, days: std::ops::Range<u64>, told: impl Fn(u64) -> Option<f64>) {
    let trained = Shelf::new(dir).latest(task(), "BTC").unwrap().unwrap();
    let mut ledger = Ledger::open(&ledger::dir_in(dir), decision(days.start)).unwrap();
    for day in days {
        let probability = told(day).map(Exact::from);
        let body = Body {
            decided_at: decision(day),
            known_at: decision(day),
            target: TARGET.to_owned(),
            asset: "BTC".to_owned(),
            horizon: "5 rows".to_owned(),
            until: decision(day + 5),
            inputs: vec![("trail_0".to_owned(), Exact::from(-4.0))],
            config: crate::ledger::Digest::ZERO,
            model: ModelRef { id: trained.card.id.clone(), hash: trained.card.hash },
            code: crate::ledger::Digest::ZERO,
            answer: Answer {
                regime: Some(0),
                probability,
                low: probability,
                high: probability,
                regimes: if probability.is_some() { vec![0] } else { Vec::new() },
                base: Some(0.2.into()),
                markov: Some(0.15.into()),
                margin_only: Some(0.15.into()),
                abstained: probability.is_none().then(|| "unlike any training row".to_owned()),
            },
        };
        ledger.append(body, decision(day)).unwrap();
    }
}

/// Everything that a pass has told at its end.
fn passed(forecaster: &mut Forecaster, now: Timestamp) -> Said {
    let mut said = Said::default();
    forecaster.pass(now, &|| false, &mut |told| said.add(told)).unwrap();
    said
}

fn outlook(said: Said) -> Outlook {
    assert_eq!(said.silences, []);
    said.outlooks.into_iter().next().unwrap()
}

/// Whether the level lay above the artefact's boundary at the decision of `day`.
fn is_stormy(dir: &Path, day: u64) -> bool {
    let trained = Shelf::new(dir).latest(task(), "BTC").unwrap().unwrap();
    let history = read_history(dir, "BTC", pass_of(TODAY)).unwrap();
    let set = feature_set(task(), &history, "BTC", pass_of(TODAY)).unwrap();
    let row = set.samples.times.binary_search(&decision(day)).unwrap();
    set.samples.level[row].unwrap() > trained.artefact.scaling.boundary
}

#[test]
fn forecasts_that_go_wrong_are_seen_told_and_answered_by_one_training() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    let first = outlook(passed(&mut forecaster(dir.path()), pass_of(TODAY - 70)));
    let just_said = LiveRecord { pending: 1, ..LiveRecord::default() };
    assert_eq!(first.live, just_said, "nothing was said before");
    let trained_at = |dir: &Path| Shelf::new(dir).latest(task(), "BTC").unwrap().unwrap().card.trained_at;
    assert_eq!(trained_at(dir.path()), pass_of(TODAY - 70));
    // From then on it says, against all that comes, that a storm is certain.
    tell(dir.path(), TODAY - 69..TODAY, |_| Some(0.999));
    let mut watch = forecaster(dir.path());
    let said = outlook(passed(&mut watch, pass_of(TODAY)));
    let score = said.live.score.as_ref().unwrap();
    assert_eq!((score.n, said.live.pending, said.live.unknown), (66, 5, 0), "five days are not over");
    assert!(score.log_loss > 2.0 && score.skill.value < -1.0, "{score:?}");
    let since = said.live.drift.unwrap();
    assert!((decision(TODAY - 70)..decision(TODAY - 20)).contains(&since), "{since}");
    assert_eq!(trained_at(dir.path()), pass_of(TODAY), "it trained at once");
    assert_ne!(said.model.id, first.model.id);
    // The finding stands, and is answered once.
    let mut another = forecaster(dir.path());
    for (day, watch) in [(TODAY + 1, &mut watch), (TODAY + 2, &mut another)] {
        assert_eq!(outlook(passed(watch, pass_of(day))).live.drift, Some(since));
        assert_eq!(outlook(forecaster(dir.path()).look(pass_of(day)).unwrap()).live.drift, Some(since));
        assert_eq!(trained_at(dir.path()), pass_of(TODAY));
    }
    // Both artefacts are named by records, and stay; one that never spoke goes when the next is on disk.
    assert_eq!(Shelf::new(dir.path()).stock().unwrap().count, 2);
    // What was said at a moment is all that is scored as of it.
    let then = outlook(forecaster(dir.path()).rehearse(pass_of(TODAY - 60)).unwrap());
    assert_eq!((then.live.score.map(|score| score.n), then.live.drift), (Some(6), None));
}

#[test]
fn forecasts_that_come_true_raise_no_alarm_and_their_losses_are_those_recorded() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    passed(&mut forecaster(dir.path()), pass_of(TODAY - 70));
    let came = |day: u64| is_stormy(dir.path(), day + 5);
    let outcomes: Vec<bool> = (TODAY - 69..=TODAY - 5).map(came).collect();
    let told = |day: u64| {
        let at = (day + 69 - TODAY) as usize;
        let came = outcomes.get(at).copied().unwrap_or(false);
        // One day in eight it abstains.
        (!day.is_multiple_of(8)).then_some(if came { 0.8 } else { 0.1 })
    };
    tell(dir.path(), TODAY - 69..TODAY, told);
    // A second word on a moment does not count, unless the first was none.
    assert!(told(TODAY - 39).is_some() && told(TODAY - 38).is_none());
    tell(dir.path(), TODAY - 39..TODAY - 37, |_| Some(0.999));
    let said = outlook(passed(&mut forecaster(dir.path()), pass_of(TODAY)));
    let score = said.live.score.unwrap();
    let spoken = (TODAY - 69..=TODAY - 5).filter(|day| told(*day).is_some() || *day == TODAY - 38).count();
    assert_eq!(score.n, spoken + 1, "and the forecaster's own of the first day");
    assert_eq!(said.live.drift, None);
    let card = Shelf::new(dir.path()).latest(task(), "BTC").unwrap().unwrap().card;
    assert_eq!(card.trained_at, pass_of(TODAY - 70), "nothing made it train anew");
    assert!(score.log_loss < score.baselines.markov && score.skill.value > 0.1, "{score:?}");
    // Without the artefact nobody can say where the boundary was.
    std::fs::remove_file(dir.path().join("models").join(format!("{}.toml", card.id))).unwrap();
    let alone = forecaster(dir.path()).live(task(), pass_of(TODAY)).unwrap();
    assert_eq!((alone.score, alone.unknown), (None, score.n));
}

#[test]
fn a_target_is_told_before_the_next_one_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    add_flows(dir.path());
    let shelf = Shelf::new(dir.path());
    let targets = ["burst-24h", TARGET, "flows-5s"];
    let config = ForecastConfig { targets: targets.map(Into::into).to_vec(), ..ForecastConfig::default() };
    let records = || ledger::Reader::open(&ledger::dir_in(dir.path())).unwrap().read(..).unwrap();
    let pass = |is_stopped: &dyn Fn() -> bool| {
        let mut told = Vec::new();
        let tell = &mut |said: Said| {
            let spoken: Vec<String> =
                said.outlooks.iter().map(|outlook| outlook.target.to_string()).collect();
            let silent: Vec<String> =
                said.silences.iter().map(|silence| silence.target.to_string()).collect();
            // What is shown is shown with the ledger's head.
            let count = records().len() as u64;
            assert!(said.outlooks.iter().all(|outlook| outlook.ledger.as_ref().unwrap().count == count));
            told.push((spoken, silent, said.events.len(), shelf.cards().unwrap().len()));
        };
        Forecaster::new(config.clone(), dir.path()).pass(pass_of(TODAY), is_stopped, tell).unwrap();
        told
    };
    let (burst, vol, both) = (vec!["burst-24h".to_owned()], vec![TARGET.to_owned()], [TARGET, "flows-5s"]);
    let both = both.map(ToOwned::to_owned).to_vec();
    // Stopped in the midst of the last fit: what was said before is on record and told, and nothing else is.
    let told = pass(&|| records().len() == 1);
    assert_eq!(told, [(vec![], burst.clone(), 0, 0), (vol.clone(), burst.clone(), 2, 1)]);
    // The next one goes on from there; what is on record is no news.
    let told = pass(&|| false);
    let after = [(vec![], burst.clone(), 0, 1), (vol, burst.clone(), 0, 1), (both.clone(), burst, 2, 2)];
    assert_eq!(told, after);
    let order: Vec<String> = records().into_iter().map(|entry| entry.body.target).collect();
    assert_eq!(order, both, "the configuration's order");
}

/// Puts `text` in the place of the artefact on the shelf, under a card that describes it.
fn replace_artefact(dir: &Path, text: &str) -> String {
    let shelf = Shelf::new(dir);
    let mut card = shelf.cards().unwrap().remove(0);
    shelf.remove(&[Spare { id: card.id.clone(), bytes: 0 }]).unwrap();
    card.hash = crate::ledger::Digest::of(text.as_bytes());
    card.id = format!("{TARGET}-btc-{}", &card.hash.to_string()[..12]);
    let path = |ending: &str| dir.join("models").join(format!("{}.{ending}", card.id));
    std::fs::write(path("toml"), text).unwrap();
    std::fs::write(path("card.json"), serde_json::to_string(&card).unwrap()).unwrap();
    card.id
}

#[test]
fn an_artefact_of_another_form_says_so_and_is_trained_anew() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    let history = read_history(dir.path(), "BTC", pass_of(TODAY)).unwrap();
    let set = feature_set(task(), &history, "BTC", pass_of(TODAY)).unwrap();
    let config = forecaster(dir.path()).config().clone();
    let go_on = &mut |_, _| ControlFlow::Continue(());
    let trained = train(&config, task(), &set, pass_of(TODAY), go_on).unwrap();
    let text = toml::to_string(&trained.artefact).unwrap();
    Shelf::new(dir.path()).keep(&trained).unwrap();
    let unknown = text.replace("vigie-forecast/3", "vigie-forecast/2").replace("log_weights", "weights");
    let id = replace_artefact(dir.path(), &unknown);
    let refused = Shelf::new(dir.path()).load(task(), &id).unwrap_err().to_string();
    assert!(refused.contains("has schema vigie-forecast/2, and this program reads "), "{refused}");
    let said = outlook(passed(&mut forecaster(dir.path()), pass_of(TODAY + 2)));
    assert_ne!(said.model.id, id);
    let damaged = text.replace("log_weights", "weights");
    let id = replace_artefact(dir.path(), &damaged);
    let refused = Shelf::new(dir.path()).load(task(), &id).unwrap_err();
    assert!(matches!(refused, ShelfError::Damaged { .. }), "{refused}");
}

#[test]
fn what_the_ledger_says_is_read_once_and_again_only_where_another_wrote() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    passed(&mut forecaster(dir.path()), pass_of(TODAY - 30));
    let in_ledger = ledger::dir_in(dir.path());
    let mut told = Told::default();
    told.follow(&Ledger::open(&in_ledger, pass_of(TODAY)).unwrap()).unwrap();
    assert_eq!(told.open(task(), "BTC", decision(TODAY)), (0, 0));
    tell(dir.path(), TODAY - 2..TODAY - 1, |_| Some(0.2));
    let ledger = Ledger::open(&in_ledger, pass_of(TODAY)).unwrap();
    told.follow(&ledger).unwrap();
    assert_eq!(told.open(task(), "BTC", decision(TODAY)), (1, 0), "what another wrote");
    let body = ledger.reader().entry(1).unwrap().body;
    assert_eq!(told.sequence_of(&body), Some(1));
    // With nothing new it is not read at all: the records could be gone.
    std::fs::remove_file(in_ledger.join("forecasts.jsonl")).unwrap();
    told.follow(&ledger).unwrap();
    assert!(Told::default().follow(&ledger).is_err());
}

#[test]
fn each_moment_of_decision_is_due_and_a_silence_once_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    // One that speaks once a day and one that nothing is known of; a watch looks every twenty seconds.
    let config =
        ForecastConfig { targets: vec![TARGET.into(), "flows-5s".into()], ..ForecastConfig::default() };
    let mut watch = Forecaster::new(config, dir.path());
    let mut passes = Vec::new();
    let begun = pass_of(TODAY).minus(Duration::from_mins(18));
    let (mut now, mut before) = (begun, begun);
    while now < begun.plus(Duration::from_hours(3)) {
        now = now.plus(Duration::from_secs(20));
        if watch.is_due(before, now, false) {
            passed(&mut watch, now);
            passes.push(now.to_string()[11..16].to_owned());
            before = now;
        }
    }
    assert_eq!(passes, ["00:05", "00:15", "01:05", "02:05"]);
    assert!(!watch.is_due(before, now, false) && watch.is_due(before, now, true), "more of the past");
}

#[test]
fn a_silence_names_its_target_once() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    let config = ForecastConfig { targets: vec!["burst-24h".into()], ..ForecastConfig::default() };
    let said = passed(&mut Forecaster::new(config, dir.path()), pass_of(TODAY));
    let reason = &said.silences[0].reason;
    assert_eq!(reason.matches("burst-24h").count(), 1, "{reason}");
    assert!(reason.starts_with("burst-24h: too few "), "{reason}");
}

#[test]
fn artefacts_that_no_record_names_go_when_a_newer_one_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    store_of_bars(dir.path());
    let shelf = Shelf::new(dir.path());
    let ids = || shelf.cards().unwrap().into_iter().map(|card| card.id).collect::<Vec<_>>();
    let train_at = |day: u64| {
        let history = read_history(dir.path(), "BTC", pass_of(day)).unwrap();
        let set = feature_set(task(), &history, "BTC", pass_of(day)).unwrap();
        let config = forecaster(dir.path()).config().clone();
        let trained = train(&config, task(), &set, pass_of(day), &mut |_, _| ControlFlow::Continue(()));
        let trained = trained.unwrap();
        shelf.keep(&trained).unwrap();
        trained.card.id
    };
    let said = train_at(TODAY - 40);
    let mut watch = forecaster(dir.path());
    passed(&mut watch, pass_of(TODAY - 40));
    let unused = train_at(TODAY - 30);
    let last = train_at(TODAY - 20);
    let now = pass_of(TODAY - 20);
    let spare = prune(dir.path(), Pruning::Look, now).unwrap();
    assert_eq!(spare.iter().map(|spare| spare.id.as_str()).collect::<Vec<_>>(), [unused.as_str()]);
    assert_eq!(ids(), [said.as_str(), &unused, &last], "only looked for");
    let stock = shelf.stock().unwrap();
    assert_eq!(prune(dir.path(), Pruning::Remove, now).unwrap(), spare);
    assert_eq!(ids(), [said.as_str(), &last]);
    assert_eq!(shelf.stock().unwrap().bytes, stock.bytes - spare[0].bytes);
    // The watch still has the first in mind, and trains anew a year later: the one that never spoke goes.
    let forget = |forecaster: &mut Forecaster| forecaster.config.retrain_hours = 24;
    forget(&mut watch);
    passed(&mut watch, pass_of(TODAY));
    let kept = ids();
    assert!(kept.len() == 2 && kept[0] == said && kept[1] != last, "{kept:?}");
    // A record is never written without its artefact.
    let of_record = kept[1].clone();
    for file in ["toml", "card.json"] {
        std::fs::remove_file(dir.path().join("models").join(format!("{of_record}.{file}"))).unwrap();
    }
    watch.config.retrain_hours = 24 * 365;
    passed(&mut watch, pass_of(TODAY + 1));
    assert_eq!(ids(), kept);
}
