//! One round: everything asked once, and every answer that is new handed on as a frame.

use bytes::Bytes;
use market::{GapCause, Payload, RawFrame, Timestamp};
use smol_str::SmolStr;
use tokio::time::sleep_until;
use tracing::warn;

use crate::decode::{Verdict, decode_frame};
use crate::protocol::{Ask, FrameKind};
use crate::watch::FeedMessage;
use crate::watch::failure::{Ended, Failure};

use super::Watch;
use super::fetch::{Answer, Body, Fetch, Question};
use super::memory::{Digest, key_of};

/// More asks than any round has: a protocol that asks on is going in circles.
const MOST_ASKS: usize = 2_000;

/// What became of one ask.
enum Outcome {
    /// An answer that was understood, or that has not changed since.
    Good,
    /// None, or one that was not: the reason.
    Bad(String),
}

impl<F: Fetch> Watch<'_, F> {
    /// Asks everything once. Good where any answer was: a single one that was not is counted by its
    /// frame, and asked again in the next round.
    pub(super) async fn round(&mut self, now: Timestamp) -> Result<(), Ended> {
        self.protocol.begin(now);
        let mut has_good = false;
        let mut first_bad = None;
        for _ in 0..MOST_ASKS {
            let Some(ask) = self.protocol.next_ask() else {
                return match first_bad.filter(|_| !has_good) {
                    Some(words) => Err(Failure::new(GapCause::Refused, words).into()),
                    None => Ok(()),
                };
            };
            match self.ask(&ask).await? {
                Outcome::Good => has_good = true,
                Outcome::Bad(words) => {
                    warn!(feed = %self.outlet.feed(), request = ask.request, words, "no usable answer");
                    first_bad.get_or_insert(words);
                }
            }
        }
        let words = format!("the round did not end after {MOST_ASKS} requests");
        Err(Failure::new(GapCause::Refused, words).into())
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Outcome, Ended> {
        if let Some(last) = self.last_ask {
            self.pulse.during(sleep_until(last + self.pace.spacing)).await?;
        }
        self.last_ask = Some(tokio::time::Instant::now());
        let key = key_of(ask);
        self.memory.ask(&key);
        let question = Question { ask, validators: self.memory.validators(&key), now: self.outlet.now() };
        let answer = self.pulse.during(self.fetch.fetch(question)).await??;
        let at = self.outlet.now();
        match answer {
            Answer::None(words) => Ok(Outcome::Bad(words)),
            Answer::Unchanged => self.confirm(at).await,
            Answer::Body(Body { bytes, complaint, validators }) => {
                let digest = Digest::of(&bytes);
                if let Some(words) = self.memory.bad_again(&key, &digest) {
                    return Ok(Outcome::Bad(words.to_owned()));
                }
                if self.memory.is_known(&key, &digest) {
                    self.memory.learn(key, digest, validators);
                    return self.confirm(at).await;
                }
                let bad = self.hand_on(ask, bytes, complaint, at).await?;
                Ok(match bad {
                    None => {
                        self.memory.learn(key, digest, validators);
                        self.pulse.prove(at);
                        Outcome::Good
                    }
                    Some(words) => {
                        self.memory.learn_bad(key, digest, words.clone());
                        Outcome::Bad(words)
                    }
                })
            }
        }
    }

    /// The source's last answer still stands `at` this moment.
    async fn confirm(&mut self, at: Timestamp) -> Result<Outcome, Ended> {
        self.pulse.prove(at);
        if self.pulse.is_live() {
            self.pulse.beat().await?;
        }
        Ok(Outcome::Good)
    }

    /// Decodes an answer and hands it on; why it is of no use, where it is of none.
    async fn hand_on(
        &mut self,
        ask: &Ask,
        body: Bytes,
        complaint: Option<String>,
        receive_time: Timestamp,
    ) -> Result<Option<String>, Ended> {
        let feed = self.outlet.feed().clone();
        let payload = Payload::Answer { request: SmolStr::new(&ask.request), body };
        let mut decoded = decode_frame(self.protocol.as_mut(), RawFrame { feed, receive_time, payload });
        let bad = match &mut decoded.verdict {
            Verdict::Rejected(reason) => {
                if let Some(complaint) = complaint {
                    *reason = format!("{complaint}: {reason}");
                }
                Some(format!("the answer of {} cannot be read: {reason}", ask.request))
            }
            Verdict::Understood(FrameKind::Refused(words)) => Some(format!("{words} ({})", ask.request)),
            Verdict::Understood(
                FrameKind::Data(_)
                | FrameKind::DataWithout { .. }
                | FrameKind::Reference(_)
                | FrameKind::Ack
                | FrameKind::Keepalive
                | FrameKind::Closing(_)
                | FrameKind::Ignored(_),
            ) => None,
        };
        self.outlet.send(FeedMessage::Frame(decoded)).await?;
        Ok(bad)
    }
}
