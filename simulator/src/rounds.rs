//! Tells things at regular times: tickers every few seconds, the answers of what is polled.

use std::collections::{BTreeSet, VecDeque};

use crate::market::{Market, Prices};
use crate::scene::Scene;
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::Forced;

type Write = Box<dyn FnMut(&Scene<'_>, &mut Told<'_>) + Send>;

/// What one venue tells whenever its time comes.
pub(crate) struct Rounds {
    venue: &'static str,
    seed: u64,
    start_micros: i64,
    turns: Vec<Turn>,
    /// When whose turn it is.
    queue: BTreeSet<(i64, usize)>,
}

struct Turn {
    every_micros: i64,
    /// Times after the start, milliseconds, that come before the regular ones.
    extra_millis: &'static [i64],
    write: Write,
}

/// Where a turn writes to.
pub(crate) struct Told<'a> {
    venue: &'static str,
    at_micros: i64,
    out: &'a mut VecDeque<SimFrame>,
}

impl Told<'_> {
    /// A frame for those who are subscribed to `topic`.
    pub(crate) fn push(&mut self, topic: impl Into<String>, payload: impl Into<Payload>) {
        self.frame(topic.into(), payload.into(), None);
    }

    /// The body of the answer to `request`.
    pub(crate) fn answer(&mut self, request: &str, body: impl Into<Payload>) {
        self.frame(request.to_owned(), body.into(), Some(request.to_owned()));
    }

    fn frame(&mut self, topic: String, payload: Payload, request: Option<String>) {
        self.out.push_back(SimFrame {
            at_micros: self.at_micros,
            venue: self.venue,
            payload,
            topic,
            request,
            events: 0,
        });
    }
}

impl Rounds {
    pub(crate) fn new(venue: &'static str, market: &Market) -> Self {
        let (seed, start_micros) = (market.seed, market.start_micros);
        Self { venue, seed, start_micros, turns: Vec::new(), queue: BTreeSet::new() }
    }

    /// Calls `write` `after_millis` after the start, and every `every_millis` from then on.
    pub(crate) fn every(
        mut self,
        every_millis: i64,
        after_millis: i64,
        write: impl FnMut(&Scene<'_>, &mut Told<'_>) + Send + 'static,
    ) -> Self {
        self.queue.insert((self.start_micros + after_millis * 1000, self.turns.len()));
        self.turns.push(Turn {
            every_micros: every_millis.max(1) * 1000,
            extra_millis: &[],
            write: Box::new(write),
        });
        self
    }

    /// Answers each of `requests` at each of `firsts` (milliseconds after the start) and every `every_millis`
    /// from the last of them on; an answer that has not changed is not told again.
    pub(crate) fn polled(
        mut self,
        firsts: &'static [i64],
        every_millis: i64,
        requests: impl IntoIterator<Item = String>,
        body: impl Fn(&Scene<'_>, &str) -> Option<String> + Clone + Send + 'static,
    ) -> Self {
        let [first, later @ ..] = firsts else { return self };
        for request in requests {
            let (body, mut last) = (body.clone(), None);
            self = self.every(every_millis, *first, move |scene, told| {
                let Some(answer) = body(scene, &request) else { return };
                if last.as_ref() != Some(&answer) {
                    told.answer(&request, answer.as_str());
                    last = Some(answer);
                }
            });
            if let Some(turn) = self.turns.last_mut() {
                turn.extra_millis = later;
            }
        }
        self
    }
}

impl Dialect for Rounds {
    fn due(&self) -> Option<i64> {
        self.queue.first().map(|(at, _)| *at)
    }

    fn tell(&mut self, now: i64, prices: &Prices, out: &mut VecDeque<SimFrame>) {
        let scene = Scene { seed: self.seed, start_micros: self.start_micros, prices, now_micros: now };
        while let Some((at, index)) = self.queue.first().copied().filter(|(at, _)| *at <= now) {
            self.queue.pop_first();
            let turn = &mut self.turns[index];
            let next = match turn.extra_millis {
                [] => at + turn.every_micros,
                [extra, later @ ..] => {
                    turn.extra_millis = later;
                    (self.start_micros + extra * 1000).max(at + 1)
                }
            };
            self.queue.insert((next, index));
            (turn.write)(&scene, &mut Told { venue: self.venue, at_micros: now, out });
        }
    }

    fn hush(&mut self) {
        self.queue.clear();
    }
}

/// What happens on a venue, and beside it what it tells at regular times.
pub(crate) struct WithRounds {
    pub(crate) events: Box<dyn Dialect>,
    pub(crate) rounds: Rounds,
}

impl Dialect for WithRounds {
    fn note(&mut self, forced: Forced) {
        self.events.note(forced);
    }

    fn due(&self) -> Option<i64> {
        [self.events.due(), self.rounds.due()].into_iter().flatten().min()
    }

    fn tell(&mut self, now: i64, prices: &Prices, out: &mut VecDeque<SimFrame>) {
        if self.events.due().is_some_and(|at| at <= now) {
            self.events.tell(now, prices, out);
        }
        if self.rounds.due().is_some_and(|at| at <= now) {
            self.rounds.tell(now, prices, out);
        }
    }

    fn hush(&mut self) {
        self.events.hush();
        self.rounds.hush();
    }

    fn happened(&self, noted: u64) -> u64 {
        self.events.happened(noted)
    }
}

/// A scene of a live market, for an answer.
pub(crate) fn now<T>(market: &Market, now_micros: i64, ask: impl FnOnce(&Scene<'_>) -> T) -> T {
    let prices = market.prices();
    ask(&Scene::of(market, &prices, now_micros))
}

/// What a venue's dialect tells from the start for so long, for tests.
#[cfg(test)]
pub(crate) fn told(dialect: &mut dyn Dialect, market: &Market, secs: i64) -> Vec<SimFrame> {
    let (mut out, end) = (VecDeque::new(), market.start_micros + secs * 1_000_000);
    while let Some(at) = dialect.due().filter(|at| *at < end) {
        dialect.tell(at, &Prices::default(), &mut out);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::tests::{FRIDAY, market};

    #[test]
    fn each_turn_comes_when_it_is_due_and_none_after_the_end() {
        let market = market();
        let mut rounds = Rounds::new("okx", &market)
            .every(3_000, 500, |_, told| told.push("often", "."))
            .every(10_000, 0, |_, told| told.push("rarely", "."));
        let frames = told(&mut rounds, &market, 7);
        let said: Vec<(i64, &str)> =
            frames.iter().map(|frame| ((frame.at_micros - FRIDAY) / 1000, frame.topic.as_str())).collect();
        assert_eq!(said, [(0, "rarely"), (500, "often"), (3_500, "often"), (6_500, "often")]);
        rounds.hush();
        assert_eq!(rounds.due(), None);
    }

    #[test]
    fn what_is_polled_may_be_asked_for_sooner_at_first() {
        let market = market();
        let body = |scene: &Scene<'_>, _: &str| Some(scene.secs().to_string());
        let mut rounds =
            Rounds::new("okx", &market).polled(&[0, 1_000, 3_000], 10_000, ["/page".to_owned()], body);
        let frames = told(&mut rounds, &market, 25);
        let bodies: Vec<&str> = frames.iter().map(|frame| frame.text().unwrap()).collect();
        assert_eq!(bodies, ["0", "1", "3", "13", "23"]);
    }

    #[test]
    fn an_answer_that_has_not_changed_is_not_told_again() {
        let market = market();
        let mut rounds =
            Rounds::new("okx", &market).polled(&[0], 1_000, ["/page".to_owned()], |scene, request| {
                Some(format!("{request} {}", (scene.secs() / 3.0) as u64))
            });
        let frames = told(&mut rounds, &market, 6);
        let bodies: Vec<&str> = frames.iter().map(|frame| frame.text().unwrap()).collect();
        assert_eq!(bodies, ["/page 0", "/page 1"]);
        assert!(frames.iter().all(|frame| frame.is_answer() && frame.request.as_deref() == Some("/page")));
    }
}
