//! `vigie ledger list` and `show`: what was forecast.

use std::collections::VecDeque;

use clap::Args;
use serde_json::{Value, json};

use super::{say, say_json};
use crate::failure::Failure;
use crate::ledger::{Entry, Exact, LedgerError, Next, Reader};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this target: vol-24h
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only this asset: BTC
    #[arg(long, value_name = "ASSET")]
    asset: Option<String>,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self, reader: &Reader) -> Result<(), Failure> {
        let is_wanted = |wanted: &Option<String>, have: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(have))
        };
        let most = self.last.unwrap_or(usize::MAX);
        let mut chosen = VecDeque::new();
        reader.for_each(|entry| {
            let Entry { body, .. } = &entry;
            if is_wanted(&self.target, &body.target) && is_wanted(&self.asset, &body.asset) {
                chosen.push_back(entry);
                if chosen.len() > most {
                    chosen.pop_front();
                }
            }
            Ok::<_, LedgerError>(Next::GoOn)
        })?;
        if self.json {
            return chosen.iter().try_for_each(|entry| say_json(&summary(entry)));
        }
        if chosen.is_empty() {
            tracing::info!("no forecast is like that");
            return Ok(());
        }
        say(&format!(
            "{:>8}  {:<20}  {:<10} {:<6} {:<20}  {:>6}  {:>6}  {:>13}  {:<10}",
            "sequence", "decided at", "target", "asset", "until", "regime", "shift", "interval", "hash"
        ))?;
        chosen.iter().try_for_each(|entry| say(&line(entry)))
    }
}

/// To the second.
fn moment(at: market::Timestamp) -> String {
    let text = at.to_string();
    text.get(..19).map_or(text.clone(), |text| format!("{text}Z"))
}

fn percent(figure: Option<Exact>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{:.1}%", figure.value() * 100.0))
}

fn line(entry: &Entry) -> String {
    let body = &entry.body;
    let answer = &body.answer;
    let hash = entry.hash.to_string();
    let interval = format!("{}–{}", percent(answer.low), percent(answer.high));
    let reason = answer.abstained.as_ref().map(|reason| format!("  abstained: {reason}")).unwrap_or_default();
    format!(
        "{:>8}  {:<20}  {:<10} {:<6} {:<20}  {:>6}  {:>6}  {:>13}  {}{reason}",
        entry.sequence,
        moment(body.decided_at),
        body.target,
        body.asset,
        moment(body.until),
        answer.regime.map_or_else(|| "–".to_owned(), |regime| regime.to_string()),
        percent(answer.probability),
        answer.low.and(answer.high).map(|_| interval).unwrap_or_default(),
        hash.get(..10).unwrap_or(&hash),
    )
}

fn value(figure: Option<Exact>) -> Value {
    figure.map_or(Value::Null, |figure| json!(figure.value()))
}

fn summary(entry: &Entry) -> Value {
    let Entry { body, .. } = entry;
    let answer = &body.answer;
    json!({
        "sequence": entry.sequence,
        "decided_at": body.decided_at.to_string(),
        "known_at": body.known_at.to_string(),
        "target": body.target,
        "asset": body.asset,
        "horizon": body.horizon,
        "until": body.until.to_string(),
        "regime": answer.regime,
        "probability": value(answer.probability),
        "low": value(answer.low),
        "high": value(answer.high),
        "regimes": answer.regimes,
        "base": value(answer.base),
        "markov": value(answer.markov),
        "margin_only": value(answer.margin_only),
        "abstained": answer.abstained,
        "model": body.model.id,
        "hash": entry.hash,
    })
}

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The forecast's sequence, from 0
    sequence: u64,
    /// Print the proof that it is in the ledger instead (C2SP tlog-proof)
    #[arg(long)]
    proof: bool,
    /// Print it as JSON: the record's own line, or the proof in parts
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, reader: &Reader) -> Result<(), Failure> {
        if self.proof {
            let proof = reader.proof(self.sequence)?;
            if self.json {
                return say_json(&json!({
                    "sequence": proof.sequence,
                    "hash": proof.hash,
                    "path": proof.path,
                    "count": proof.checkpoint.count,
                    "root": proof.checkpoint.root,
                    "origin": proof.checkpoint.origin,
                    "checkpoint": proof.note,
                }));
            }
            return say(proof.to_text().trim_end());
        }
        let entry = reader.entry(self.sequence)?;
        if self.json {
            return say(&entry.line());
        }
        describe(&entry)
    }
}

fn describe(entry: &Entry) -> Result<(), Failure> {
    let Entry { sequence, input_root, body, previous, hash, .. } = entry;
    let answer = &body.answer;
    let figure = |figure: Option<Exact>| {
        figure.map_or_else(|| "–".to_owned(), |figure| format!("{:<22} {figure}", figure.value()))
    };
    let regimes: Vec<String> = answer.regimes.iter().map(ToString::to_string).collect();
    let rows = [
        ("record", sequence.to_string()),
        ("target", format!("{} of {}, {} ahead", body.target, body.asset, body.horizon)),
        ("decided at", body.decided_at.to_string()),
        ("known at", format!("{} at the latest", body.known_at)),
        ("until", body.until.to_string()),
        ("regime", answer.regime.map_or_else(|| "–".to_owned(), |regime| regime.to_string())),
        ("shift", figure(answer.probability)),
        ("low", figure(answer.low)),
        ("high", figure(answer.high)),
        ("regimes", regimes.join(" ")),
        ("base", figure(answer.base)),
        ("markov", figure(answer.markov)),
        ("margin only", figure(answer.margin_only)),
        ("abstained", answer.abstained.clone().unwrap_or_else(|| "no".to_owned())),
        ("model", format!("{} {}", body.model.id, body.model.hash)),
        ("config", body.config.to_string()),
        ("code", body.code.to_string()),
        ("input root", input_root.to_string()),
        ("previous", previous.to_string()),
        ("hash", hash.to_string()),
        ("inputs", body.inputs.len().to_string()),
    ];
    for (name, value) in rows {
        say(format!("{name:<12} {value}").trim_end())?;
    }
    let width = body.inputs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    body.inputs
        .iter()
        .try_for_each(|(name, exact)| say(&format!("  {name:<width$}  {:<22} {exact}", exact.value())))
}
