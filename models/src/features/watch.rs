//! How much of a window the feeds of liquidations really watched, as known by then.
//!
//! A feed watches from its first liquidation of the asset on. It did not inside the gaps told so far, nor where
//! it told nothing at all for a day: from a day after its last word until the next one. Coverage is the mean over
//! the feeds that count.
//!
//! A feed counts once it has watched for half as long as the one that has watched longest: else dollars would rise
//! on the day on which a desk follows one more venue, and that would pass for a burst.

use std::collections::BTreeMap;
use std::time::Duration;

use market::{FeedId, Gap, Timestamp};

/// A feed that tells nothing for this long is not watching, whatever the reason.
const LONGEST_SILENCE: Duration = Duration::from_hours(24);

/// A stretch without sight; an open one has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    known_at: Timestamp,
    /// Closed beats open where both were told at one moment.
    until: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Watcher {
    since: Option<Timestamp>,
    last_word: Option<Timestamp>,
    gaps: BTreeMap<Timestamp, Stretch>,
    silences: BTreeMap<Timestamp, Timestamp>,
}

impl Watcher {
    fn hear(&mut self, at: Timestamp) {
        if let Some(last) = self.last_word
            && at.since(last) > LONGEST_SILENCE
        {
            self.silences.insert(last.plus(LONGEST_SILENCE), at);
        }
        self.last_word = self.last_word.max(Some(at));
    }

    /// The share of `(from, to]` that was watched.
    fn share(&self, from: Timestamp, to: Timestamp) -> f64 {
        let (Some(since), Some(last_word)) = (self.since, self.last_word) else { return 0.0 };
        let silent = last_word.plus(LONGEST_SILENCE);
        let gaps = self.gaps.iter().map(|(from, gap)| (*from, gap.until.unwrap_or(to)));
        let silences = self.silences.iter().map(|(from, until)| (*from, *until));
        let mut blind: Vec<(Timestamp, Timestamp)> = gaps.chain(silences).collect();
        blind.push((Timestamp::EPOCH, since));
        blind.push((silent, to.max(silent)));
        blind.sort_unstable();
        let (mut seen_through, mut unseen) = (from, Duration::ZERO);
        for (start, end) in blind {
            let (start, end) = (start.max(seen_through), end.min(to));
            unseen += end.since(start);
            seen_through = seen_through.max(end);
        }
        let window = to.since(from);
        if window.is_zero() { 0.0 } else { 1.0 - (unseen.as_secs_f64() / window.as_secs_f64()).min(1.0) }
    }
}

/// Every feed of liquidations.
#[derive(Debug, Default)]
pub(super) struct Watch(BTreeMap<FeedId, Watcher>);

impl Watch {
    /// Hears a liquidation told at `known_at`; `is_of_asset` starts the watch.
    pub(super) fn hear(&mut self, feed: &FeedId, known_at: Timestamp, is_of_asset: bool) {
        if !self.0.contains_key(feed) {
            self.0.insert(feed.clone(), Watcher::default());
        }
        let Some(watcher) = self.0.get_mut(feed) else { return };
        watcher.hear(known_at);
        if is_of_asset {
            watcher.since.get_or_insert(known_at);
        }
    }

    /// Takes a gap in, or the end of one.
    pub(super) fn take_gap(&mut self, feed: &FeedId, known_at: Timestamp, gap: &Gap) {
        let watcher = self.0.entry(feed.clone()).or_default();
        let told = Stretch { known_at, until: gap.until };
        let known = watcher.gaps.entry(gap.from).or_insert(told);
        *known = (*known).max(told);
    }

    /// The feeds that count at `at`.
    pub(super) fn counted(&self, at: Timestamp) -> impl Iterator<Item = &FeedId> {
        self.counting(at).map(|(feed, _)| feed)
    }

    fn counting(&self, at: Timestamp) -> impl Iterator<Item = (&FeedId, &Watcher)> {
        let longest = self.0.values().filter_map(|watcher| watcher.since).min().map(|since| at.since(since));
        self.0.iter().filter(move |(_, watcher)| {
            watcher.since.zip(longest).is_some_and(|(since, longest)| at.since(since) * 2 >= longest)
        })
    }

    /// The mean share of `(from, to]` that the feeds that count at its end watched; 0 where none does.
    pub(super) fn coverage(&self, from: Timestamp, to: Timestamp) -> f64 {
        let shares: f64 = self.counting(to).map(|(_, watcher)| watcher.share(from, to)).sum();
        let feeds = self.counting(to).count();
        if feeds == 0 { 0.0 } else { shares / feeds as f64 }
    }

    /// Forgets what ended before `before`, after which no window reaches.
    pub(super) fn forget(&mut self, before: Timestamp) {
        for watcher in self.0.values_mut() {
            watcher.gaps.retain(|_, gap| gap.until.is_none_or(|until| until > before));
            watcher.silences.retain(|_, until| *until > before);
        }
    }
}

#[cfg(test)]
mod tests {
    use market::GapCause;

    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_hours(1_000 + hours))
    }

    fn gap(from: u64, until: Option<u64>) -> Gap {
        Gap { from: at(from), until: until.map(at), cause: GapCause::Disconnected, detail: String::new() }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn coverage_is_what_was_watched_as_far_as_it_was_known() {
        let feed = FeedId::new("okx");
        let mut watch = Watch::default();
        assert!(near(watch.coverage(at(0), at(24)), 0.0), "no feed");
        watch.hear(&feed, at(0), false);
        assert!(near(watch.coverage(at(0), at(24)), 0.0), "none that tells of the asset");
        watch.hear(&feed, at(6), true);
        watch.hear(&feed, at(20), true);
        assert!(near(watch.coverage(at(0), at(24)), 0.75), "before its first word it did not watch");
        watch.take_gap(&feed, at(12), &gap(10, None));
        assert!(near(watch.coverage(at(0), at(24)), 4.0 / 24.0), "an open gap");
        watch.take_gap(&feed, at(16), &gap(10, Some(16)));
        assert!(near(watch.coverage(at(0), at(24)), 0.5), "closed again");
        watch.take_gap(&feed, at(17), &gap(8, Some(12)));
        assert!(near(watch.coverage(at(0), at(24)), 10.0 / 24.0), "gaps that overlap count once");
        assert!(near(watch.coverage(at(44), at(68)), 0.0), "a feed that says nothing for a day is blind");
        watch.hear(&feed, at(56), true);
        assert!(near(watch.coverage(at(44), at(68)), 0.5), "and sees again with its next word");
        let other = FeedId::new("bybit");
        watch.hear(&other, at(37), true);
        watch.hear(&other, at(50), true);
        assert!(near(watch.coverage(at(44), at(68)), 0.75), "the mean of two feeds");
        watch.forget(at(44));
        assert!(near(watch.coverage(at(44), at(68)), 0.75), "nothing is lost that a window still reaches");
    }

    #[test]
    fn a_feed_counts_once_it_has_watched_for_half_as_long_as_the_oldest() {
        let (old, new) = (FeedId::new("deribit"), FeedId::new("bybit"));
        let mut watch = Watch::default();
        watch.hear(&old, at(0), true);
        watch.hear(&new, at(0), false);
        watch.hear(&new, at(100), true);
        let counted = |watch: &Watch, hour| watch.counted(at(hour)).cloned().collect::<Vec<_>>();
        assert_eq!(counted(&watch, 199), std::slice::from_ref(&old));
        assert_eq!(counted(&watch, 200), [new, old]);
        for hour in 1..=130 {
            watch.hear(&FeedId::new("deribit"), at(hour), true);
        }
        assert!(near(watch.coverage(at(106), at(130)), 1.0), "what does not count is not missed");
    }
}
