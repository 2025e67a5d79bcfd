//! `vigie events study`: what an event did to a price beyond what the market explains.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use market::{Basket, Date, Entity, Occasion, OccasionKind, entities, nyse};
use models::event_study::{
    Aligned, Closes, CrossSection, Design, EventStudy, align, cross_section, event_study,
};
use serde_json::{Value, json};
use store::{Query, Reader, Table};

use super::{entity_called, parse_kind};
use crate::books::prices::Prices;
use crate::cli::{say, say_json};
use crate::config::Settings;
use crate::failure::Failure;

/// See the module. Prices are the store's daily bars: `vigie backfill yahoo`, or `vigie import bars`.
#[derive(Debug, Args)]
pub(super) struct Study {
    /// Whose price, by id, ticker or token (keel, KEEL, BITF, TAO); without it, each event's own entities
    #[arg(long, value_name = "NAME", required_unless_present_any = ["event", "kind"])]
    entity: Option<String>,
    /// The event's day; may be given more than once
    #[arg(long, value_name = "DATE")]
    date: Vec<Date>,
    /// An event by its id, as `vigie events --json` lists them; may be given more than once
    #[arg(long, value_name = "ID")]
    event: Vec<String>,
    /// Every event of this kind; may be given more than once
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Vec<OccasionKind>,
    /// What explains returns: Bitcoin, the equally weighted peers, both, or nothing but their own mean
    #[arg(long, value_enum, default_value_t = Model::Auto)]
    model: Model,
    /// The basket that the peers are of: miners, `ai_hosts`, `big_tech`, treasuries or `ai_tokens`
    #[arg(long, value_name = "BASKET")]
    peers: Option<String>,
    /// First and last session of the event window, counted from the event's
    #[arg(long, value_name = "FROM,TO", default_value = "0,0", value_parser = parse_window, allow_hyphen_values = true)]
    window: (i32, i32),
    /// Sessions that the model is fitted to
    #[arg(long, value_name = "N", default_value_t = 120)]
    estimation: usize,
    /// Sessions between the last of those and the event
    #[arg(long, value_name = "N", default_value_t = 11)]
    gap: usize,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Model {
    /// Bitcoin and peers, as far as the store holds them
    Auto,
    /// Bitcoin alone
    Bitcoin,
    /// Peers alone
    Peers,
    /// Bitcoin and peers
    Both,
    /// The mean of the price's own returns
    Mean,
}

fn parse_window(text: &str) -> Result<(i32, i32), String> {
    let parsed = text
        .split_once(',')
        .and_then(|(from, to)| Some((from.trim().parse::<i32>().ok()?, to.trim().parse::<i32>().ok()?)));
    parsed
        .filter(|(from, to)| from <= to && from.abs() <= 250 && to.abs() <= 250)
        .ok_or_else(|| format!("{text:?} is no window; write FROM,TO in sessions, such as -1,1"))
}

/// One price around one event.
struct Question<'a> {
    entity: &'a Entity,
    day: Date,
    occasion: Option<&'a Occasion>,
}

/// What came of it.
struct Finding<'a> {
    question: Question<'a>,
    symbol: String,
    session: Date,
    study: EventStudy,
    factors: Vec<String>,
    estimated: (Date, Date),
    peers: BTreeMap<String, f64>,
}

impl Study {
    pub(super) fn run(&self, settings: &Settings) -> Result<(), Failure> {
        let questions = self.questions(settings)?;
        let prices = daily_prices(settings)?;
        let mut findings = Vec::new();
        let mut refused = Vec::new();
        for question in questions {
            let (name, day) = (question.entity.name.clone(), question.day);
            match self.answer(question, &prices) {
                Ok(finding) => findings.push(finding),
                Err(reason) => refused.push(format!("{name}, {day}: {reason}")),
            }
        }
        if findings.is_empty() {
            return Err(Failure::Usage(format!(
                "no event can be studied: {}",
                refused.first().map_or("none was chosen", String::as_str)
            )));
        }
        let abnormal: Vec<f64> = findings.iter().map(|finding| finding.study.abnormal_return).collect();
        let mean = cross_section(&abnormal);
        if self.json {
            return self.print_json(&findings, mean, &refused);
        }
        for finding in &findings {
            say(&self.words(finding))?;
        }
        if let Some(mean) = mean {
            say(&format!(
                "mean of {}: own {} points ± {:.2} (cross-sectional), t {}",
                mean.n,
                signed(mean.mean),
                mean.std_error * 100.0,
                mean.t.map_or("–".to_owned(), |t| format!("{t:.2}"))
            ))?;
        }
        for reason in &refused {
            say(&format!("left out: {reason}"))?;
        }
        Ok(())
    }

    fn questions<'a>(&self, settings: &'a Settings) -> Result<Vec<Question<'a>>, Failure> {
        let named = match &self.entity {
            Some(name) => entities().get(entity_called(name)?),
            None => None,
        };
        let mut questions = Vec::new();
        if let Some(entity) = named {
            questions.extend(self.date.iter().map(|day| Question { entity, day: *day, occasion: None }));
        }
        let known = &settings.background.occasions;
        if let Some(unknown) = self.event.iter().find(|id| !known.iter().any(|known| known.id == id.as_str()))
        {
            return Err(Failure::Usage(format!(
                "--event {unknown} is unknown; `vigie events --json` lists ids"
            )));
        }
        let chosen = known.iter().filter(|occasion| {
            self.event.iter().any(|id| id.as_str() == occasion.id) || self.kind.contains(&occasion.kind)
        });
        for occasion in chosen {
            let Some(day) = occasion.first_session(nyse()) else { continue };
            let own = occasion.entities.iter().filter_map(|id| entities().get(id));
            let asked = own.filter(|entity| match named {
                Some(named) => named.id == entity.id,
                // The seller of a deal, not the giant that buys: the first of those named.
                None => occasion.entities.first() == Some(&entity.id) && !entity.tickers.is_empty(),
            });
            questions.extend(asked.map(|entity| Question { entity, day, occasion: Some(occasion) }));
            if let Some(entity) = named.filter(|named| !occasion.entities.contains(&named.id)) {
                questions.push(Question { entity, day, occasion: Some(occasion) });
            }
        }
        if questions.is_empty() {
            return Err(Failure::Usage("no event was chosen; give --date, --event or --kind".to_owned()));
        }
        Ok(questions)
    }

    fn answer<'a>(&self, question: Question<'a>, prices: &Prices) -> Result<Finding<'a>, String> {
        let target = closes_of(question.entity, prices)?
            .ok_or_else(|| format!("the store holds no daily bars of {}", question.entity.name))?;
        let bitcoin = Closes::new("BTC", prices.closes_of_coin("BTC")).map_err(|error| error.to_string())?;
        let has_bitcoin = bitcoin.on(question.day).is_some() && target.name() != "BTC";
        let peers = self.peers_of(question.entity, prices)?;
        let has_peers = peers.iter().any(|peer| peer.on(question.day).is_some());
        let (wants_bitcoin, wants_peers) = match self.model {
            Model::Auto => (has_bitcoin, has_peers),
            Model::Bitcoin => (true, false),
            Model::Peers => (false, true),
            Model::Both => (true, true),
            Model::Mean => (false, false),
        };
        if wants_bitcoin && !has_bitcoin {
            return Err(
                "the store holds no daily bar of BTC-USD for that day; import or backfill it".to_owned()
            );
        }
        if wants_peers && !has_peers {
            return Err("the store holds no daily bars of peers for that day".to_owned());
        }
        let factors: Vec<&Closes> = if wants_bitcoin { vec![&bitcoin] } else { Vec::new() };
        let aligned = align(&target, &factors, if wants_peers { &peers } else { &[] });
        let row = aligned
            .row(question.day)
            .ok_or_else(|| format!("{} has no return on that day, or a factor has none", target.name()))?;
        let design = Design {
            from: self.window.0,
            to: self.window.1,
            estimation: self.estimation,
            gap: self.gap,
            ..Design::on(row)
        };
        let study =
            event_study(&aligned.target, &aligned.regressors(), design).map_err(|error| error.to_string())?;
        let mut names: Vec<String> = factors.iter().map(|factor| factor.name().to_owned()).collect();
        if wants_peers {
            names.push(format!("mean of {} peers", aligned.peers[row]));
        }
        let estimated = estimated(&aligned, design);
        Ok(Finding {
            symbol: target.name().to_owned(),
            session: aligned.dates[row],
            peers: peers_on(&peers, &aligned, row),
            question,
            study,
            factors: names,
            estimated,
        })
    }

    /// The other members of the basket, from the day on which each was what it is.
    fn peers_of(&self, entity: &Entity, prices: &Prices) -> Result<Vec<Closes>, String> {
        let is_token = entity.tickers.is_empty();
        let default = if is_token { Basket::AiTokens } else { Basket::Miners };
        let name = self.peers.as_deref().unwrap_or(default.as_str());
        let members = entities().basket(name).ok_or_else(|| {
            format!("--peers {name} is no basket; known are {}", Basket::ALL.map(Basket::as_str).join(", "))
        })?;
        let mut peers = Vec::new();
        for member in members.into_iter().filter(|member| member.id != entity.id) {
            peers.extend(closes_of(member, prices)?);
        }
        Ok(peers)
    }

    fn words(&self, finding: &Finding<'_>) -> String {
        let Finding { question, symbol, session, study, factors, estimated, peers } = finding;
        let mut text = format!("{symbol} ({}), {session}", question.entity.name);
        if let Some(occasion) = question.occasion {
            let _ = write!(text, ": {}", occasion.title);
        }
        let _ = write!(text, "\n  return        {} %", signed(study.window_return));
        if self.window != (0, 0) {
            let _ = write!(text, " over sessions {:+} to {:+}", self.window.0, self.window.1);
        }
        if let Some((low, high)) = range(peers) {
            let mean = peers.values().sum::<f64>() / peers.len() as f64;
            let _ = write!(
                text,
                "\n  peers         {} % on that day, mean of {} ({} to {} %)",
                signed(mean),
                peers.len(),
                signed(low),
                signed(high)
            );
        }
        let _ =
            write!(text, "\n  expected      {} % by {}", signed(study.expected), model_words(study, factors));
        let t = study.t.map_or("–".to_owned(), |t| format!("{t:.2}"));
        let _ = write!(
            text,
            "\n  its own       {} points ± {:.2} (standard error of the forecast), t {t}: {}",
            signed(study.abnormal_return),
            study.std_error * 100.0,
            judgement(study)
        );
        let _ = write!(
            text,
            "\n  estimated on  {} sessions, {} to {}; R² {}",
            study.n_estimation,
            estimated.0,
            estimated.1,
            study.r_squared.map_or("–".to_owned(), |share| format!("{share:.2}"))
        );
        text
    }

    fn print_json(
        &self,
        findings: &[Finding<'_>],
        mean: Option<CrossSection>,
        refused: &[String],
    ) -> Result<(), Failure> {
        let all: Vec<Value> = findings.iter().map(|finding| self.value(finding)).collect();
        if let [only] = all.as_slice()
            && refused.is_empty()
        {
            return say_json(only);
        }
        let mean = mean.map(|mean| {
            json!({ "abnormal_return": mean.mean, "std_error": mean.std_error, "t": mean.t, "n": mean.n })
        });
        say_json(&json!({ "events": all, "mean": mean, "left_out": refused }))
    }

    fn value(&self, finding: &Finding<'_>) -> Value {
        let Finding { question, symbol, session, study, factors, estimated, peers } = finding;
        let betas: Vec<Value> = factors
            .iter()
            .zip(&study.betas)
            .map(|(factor, beta)| json!({ "factor": factor, "value": beta.value, "std_error": beta.std_error }))
            .collect();
        json!({
            "entity": question.entity.id,
            "symbol": symbol,
            "date": question.day.to_string(),
            "session": session.to_string(),
            "event": question.occasion.map(|occasion| &occasion.id),
            "return": study.window_return,
            "expected_return": study.expected,
            "abnormal_return": study.abnormal_return,
            "std_error": study.std_error,
            "t": study.t,
            "degrees_of_freedom": study.degrees_of_freedom,
            "n_estimation": study.n_estimation,
            "estimation": { "first": estimated.0.to_string(), "last": estimated.1.to_string(), "gap": self.gap },
            "model": model_words(study, factors),
            "estimator": study.estimator,
            "window": [self.window.0, self.window.1],
            "alpha": { "value": study.alpha.value, "std_error": study.alpha.std_error },
            "betas": betas,
            "r_squared": study.r_squared,
            "residual_std": study.residual_std,
            "peers": peers,
            "units": "fractions of the price; one session's simple return, windows summed",
        })
    }
}

/// Daily closes of everything in the store.
fn daily_prices(settings: &Settings) -> Result<Prices, Failure> {
    let mut prices = Prices::default();
    for event in Reader::open(&settings.store_dir)?.events(Table::Bars, &Query::default())? {
        if let Some(bar) = event.observation.bar() {
            prices.take_bar(&event, bar);
        }
    }
    Ok(prices)
}

/// An entity's closes under all its tickers, from the day on which it was what it is; `None` without any.
fn closes_of(entity: &Entity, prices: &Prices) -> Result<Option<Closes>, String> {
    let names = if entity.tickers.is_empty() { &entity.tokens } else { &entity.tickers };
    let Some(today) = names.last() else { return Ok(None) };
    let mut days = BTreeMap::new();
    for name in names {
        days.extend(if entity.tickers.is_empty() {
            prices.closes_of_coin(&name.symbol)
        } else {
            prices.closes_of_share(&name.symbol)
        });
    }
    if days.is_empty() {
        return Ok(None);
    }
    let closes = Closes::new(&today.symbol, days.into_iter().collect()).map_err(|error| error.to_string())?;
    Ok(Some(match entity.history_starts {
        Some(start) => closes.since(start),
        None => closes,
    }))
}

/// Each peer's return over the row.
fn peers_on(peers: &[Closes], aligned: &Aligned, row: usize) -> BTreeMap<String, f64> {
    let Some(before) = row.checked_sub(1).map(|row| aligned.dates[row]) else { return BTreeMap::new() };
    let on = aligned.dates[row];
    let of = |peer: &Closes| Some((peer.name().to_owned(), peer.on(on)? / peer.on(before)? - 1.0));
    peers.iter().filter_map(of).collect()
}

/// The first and last day that the model was fitted to.
fn estimated(aligned: &Aligned, design: Design) -> (Date, Date) {
    let last = design.event.saturating_sub(design.gap);
    let first = (last + 1).saturating_sub(design.estimation);
    (aligned.dates[first], aligned.dates[last])
}

fn range(peers: &BTreeMap<String, f64>) -> Option<(f64, f64)> {
    let low = peers.values().copied().reduce(f64::min)?;
    Some((low, peers.values().copied().reduce(f64::max)?))
}

fn model_words(study: &EventStudy, factors: &[String]) -> String {
    if factors.is_empty() {
        study.estimator.to_owned()
    } else {
        format!("market model on {}", factors.join(" and "))
    }
}

/// Two standard errors, about the 5 % level at these sample sizes.
fn judgement(study: &EventStudy) -> &'static str {
    match study.t {
        Some(t) if t.abs() >= 2.0 => "more than the market explains",
        Some(_) => "not to be told from chance",
        None => "the model leaves nothing to chance",
    }
}

/// Per cent with a sign, two decimals.
fn signed(fraction: f64) -> String {
    let percent = fraction * 100.0;
    if percent < 0.0 { format!("−{:.2}", -percent) } else { format!("+{percent:.2}") }
}
