//! Which of all that was told about one thing stands, as known at one moment.
//!
//! Fund flows, bars, holdings, tips, forecasts, regimes, gaps and liquidations with a venue's id are *told
//! again*: of what was known by then, the word known last stands, and a word repeated counts from when it
//! was first known.
//! Everything else *occurs*: each live row stands, and what a backfill brings stands once, where no
//! live row says the same.

use std::collections::HashMap;
use std::io;

use market::{GapCause, MarketEvent, Observation, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use crate::error::StoreError;
use crate::table::{Row, time_of};

/// One row's word on one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it is about: 128 bits over the key; over the whole of what occurs.
    pub(crate) subject: u128,
    kind: Kind,
    known_at: Timestamp,
    seq: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A later word replaces an earlier one.
    Told,
    /// It occurred, and was seen as it did.
    Live,
    /// It occurred, and was learnt afterwards.
    Backfilled,
}

impl Word {
    pub(crate) fn of(event: &MarketEvent, seq: u64) -> Result<Self, StoreError> {
        let time = time_of(event).as_micros().to_le_bytes();
        let feed = event.feed.as_str().as_bytes();
        let told = |parts: &[&[u8]]| {
            let mut hash = Xxh3::new();
            for part in [&[feed], parts].concat() {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            hash.digest128()
        };
        let told = match &event.observation {
            Observation::EtfFlow(flow) => {
                Some(told(&[b"flow", flow.asset.as_bytes(), flow.fund.as_bytes(), &time]))
            }
            Observation::Bar(bar) => {
                Some(told(&[b"bar", bar.symbol.as_bytes(), bar.interval.as_str().as_bytes(), &time]))
            }
            Observation::Holding(holding) => {
                Some(told(&[b"holding", holding.holder.as_bytes(), holding.asset.as_bytes(), &time]))
            }
            Observation::ChainTip(tip) => Some(told(&[b"tip", &tip.height.to_le_bytes()])),
            Observation::Forecast(forecast) => {
                Some(told(&[b"forecast", forecast.target.as_bytes(), forecast.asset.as_bytes(), &time]))
            }
            Observation::Regime(regime) => {
                Some(told(&[b"regime", regime.target.as_bytes(), regime.asset.as_bytes(), &time]))
            }
            // Damage found later may start where another gap does, and is no version of it.
            Observation::Gap(gap) => {
                Some(told(&[b"gap", &[u8::from(gap.cause == GapCause::JournalDamaged)], &time]))
            }
            // One id may stand for both sides of a trade (Deribit), or for an order that grows (BitMEX).
            Observation::Liquidation(liquidation) => liquidation.venue_id.as_ref().map(|id| {
                let side = liquidation.position.as_str().as_bytes();
                told(&[b"liquidation", liquidation.symbol.as_bytes(), id.as_bytes(), side, &time])
            }),
            Observation::Quote(_) | Observation::FundingRate(_) | Observation::OpenInterest(_) => None,
        };
        let (subject, kind) = match told {
            Some(subject) => (subject, Kind::Told),
            None if event.is_backfilled() => (whole(event)?, Kind::Backfilled),
            None => (whole(event)?, Kind::Live),
        };
        Ok(Self { subject, kind, known_at: event.known_at, seq })
    }
}

/// Whether two events on one subject say the same.
fn agree(a: &MarketEvent, b: &MarketEvent) -> bool {
    time_of(a) == time_of(b) && a.observation == b.observation
}

/// 128 bits over feed, time and values.
fn whole(event: &MarketEvent) -> Result<u128, StoreError> {
    struct Hashed(Xxh3);
    impl io::Write for Hashed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hashed = Hashed(Xxh3::new());
    rmp_serde::encode::write(&mut hashed, &(&event.feed, event.event_time, &event.observation))
        .map_err(|error| StoreError::Encode(Box::new(error)))?;
    Ok(hashed.0.digest128())
}

/// 64 bits over what a row is about.
pub(crate) fn subject_of(row: &Row) -> Result<u64, StoreError> {
    row.event().map_or(Ok(row.seq), |event| Ok(Word::of(event, row.seq)?.subject as u64))
}

/// Which of the rows stand, if all of them are known. Rows that are no events stand.
pub(crate) fn standing(rows: &[Row]) -> Result<Vec<bool>, StoreError> {
    let mut stands = vec![false; rows.len()];
    let mut words: Vec<(Word, &MarketEvent, usize)> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        match row.event() {
            Some(event) => words.push((Word::of(event, row.seq)?, event, at)),
            None => stands[at] = true,
        }
    }
    words.sort_by_key(|(word, _, at)| (word.subject, word.known_at, word.seq, *at));
    for about in words.chunk_by(|(a, ..), (b, ..)| a.subject == b.subject) {
        let has_live = about.iter().any(|(word, ..)| word.kind == Kind::Live);
        let (first, _, first_at) = about[0];
        if first.kind == Kind::Told {
            // The first of the last words that say the same.
            let last = about[about.len() - 1].1;
            let differs = about.iter().rposition(|(_, event, _)| !agree(event, last));
            stands[about[differs.map_or(0, |at| at + 1)].2] = true;
        } else if has_live {
            for (_, _, at) in about.iter().filter(|(word, ..)| word.kind == Kind::Live) {
                stands[*at] = true;
            }
        } else {
            stands[first_at] = true;
        }
    }
    Ok(stands)
}

/// Which of the rows add to what was known before them: of what is told again every word that differs from
/// the one known before it, of what occurs every occurrence from when it was first known. So at each moment
/// the last of these on a subject, or as many of them, are what [`standing`] lets stand of all rows known by
/// then. None of a subject is kept where `wants` wants none of its rows.
pub(crate) fn adding(rows: &[Row], wants: &dyn Fn(&Row) -> bool) -> Result<Vec<bool>, StoreError> {
    let mut adds = vec![false; rows.len()];
    let mut words: Vec<(Word, &MarketEvent, usize)> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if let Some(event) = row.event() {
            words.push((Word::of(event, row.seq)?, event, at));
        }
    }
    words.sort_unstable_by_key(|(word, _, at)| (word.subject, word.known_at, word.seq, *at));
    for about in words.chunk_by(|(a, ..), (b, ..)| a.subject == b.subject) {
        if !about.iter().any(|(.., at)| wants(&rows[*at])) {
            continue;
        }
        let (first, _, first_at) = about[0];
        adds[first_at] = true;
        // Learnt afterwards, yet knowable before it was seen: the first row that was seen is it again.
        let mut is_counted = first.kind == Kind::Backfilled;
        for pair in about.windows(2) {
            let ((_, before, _), (word, event, at)) = (pair[0], pair[1]);
            adds[at] = match word.kind {
                Kind::Told => !agree(before, event),
                Kind::Live => !std::mem::take(&mut is_counted),
                Kind::Backfilled => false,
            };
        }
    }
    Ok(adds)
}

/// The rows that stand, in their order.
pub(crate) fn merged(rows: Vec<Row>) -> Result<Vec<Row>, StoreError> {
    let stands = standing(&rows)?;
    Ok(rows.into_iter().zip(stands).filter_map(|(row, stands)| stands.then_some(row)).collect())
}

/// What is known on some subjects, to tell news from.
#[derive(Default)]
pub(crate) struct Known(HashMap<u128, Vec<(Word, MarketEvent)>>);

impl Known {
    /// Subjects that will be asked about; nothing else is taken in.
    pub(crate) fn about(subjects: impl Iterator<Item = u128>) -> Self {
        Self(subjects.map(|subject| (subject, Vec::new())).collect())
    }

    /// Takes in what is known, if its subject will be asked about.
    pub(crate) fn add(&mut self, word: Word, event: MarketEvent) {
        if let Some(words) = self.0.get_mut(&word.subject) {
            words.push((word, event));
        }
    }

    /// Whether an event would change what is known at any moment. That something occurred is no news
    /// because it was knowable earlier; what is told is.
    pub(crate) fn is_news(&self, word: &Word, event: &MarketEvent) -> bool {
        let known = self.0.get(&word.subject).map(Vec::as_slice).unwrap_or_default();
        if word.kind != Kind::Told {
            return known.is_empty();
        }
        let is_told = |(old, same): &(Word, MarketEvent)| old.known_at == word.known_at && agree(same, event);
        let before = known.iter().filter(|(old, _)| old.known_at <= word.known_at);
        let last = before.max_by_key(|(old, _)| (old.known_at, old.seq));
        !known.iter().any(is_told) && last.is_none_or(|(_, last)| !agree(last, event))
    }
}
