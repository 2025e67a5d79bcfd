//! Subscribes to many Bybit topics in small batches and follows up on what was refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::FrameKind;

/// Topics in one message. Bybit documents ten for spot and was seen to take far more elsewhere;
/// ten is accepted everywhere.
const BATCH: usize = 10;

/// What was asked for, and what of it is still unanswered.
///
/// Bybit refuses a whole message for one bad topic and names that topic. The others are asked for
/// again without it, so that one delisted contract does not silence its neighbours.
#[derive(Debug, Default)]
pub(in crate::venues) struct Subscription {
    state: State,
    /// Whether the venue took anything at all on this connection.
    is_any_accepted: bool,
    next_id: u64,
    pending: BTreeMap<u64, Vec<String>>,
    outgoing: Vec<String>,
    /// Topics that the venue does not serve; not asked for again until the roster is new.
    dropped: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    NotAsked,
    /// Nothing that is wanted is listed.
    NothingToAsk,
    Asked,
}

impl Subscription {
    /// Forgets the last connection.
    pub(in crate::venues) fn reset(&mut self) {
        self.state = State::NotAsked;
        self.is_any_accepted = false;
        self.pending.clear();
        self.outgoing.clear();
    }

    pub(in crate::venues) fn forget_dropped(&mut self) {
        self.dropped.clear();
    }

    /// The messages that ask for `topics`.
    pub(in crate::venues) fn start(&mut self, topics: impl Iterator<Item = String>) -> Vec<String> {
        self.reset();
        let mut topics: Vec<String> = topics.collect();
        // Refused one and all, the fault was not in the topics.
        if topics.iter().all(|topic| self.dropped.contains(topic)) {
            self.dropped.clear();
        }
        topics.retain(|topic| !self.dropped.contains(topic));
        self.state = if topics.is_empty() { State::NothingToAsk } else { State::Asked };
        topics.chunks(BATCH).map(|batch| self.ask(batch.to_vec())).collect()
    }

    pub(in crate::venues) fn outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    /// Whether every message was answered, and not all of them with a no.
    pub(in crate::venues) fn is_complete(&self) -> bool {
        match self.state {
            State::NotAsked => false,
            State::NothingToAsk => true,
            State::Asked => self.pending.is_empty() && self.is_any_accepted,
        }
    }

    /// The venue took the message `req_id`.
    pub(in crate::venues) fn accepted(&mut self, req_id: &str) -> FrameKind {
        self.is_any_accepted |= self.answered(req_id).is_some();
        FrameKind::Ack
    }

    /// The venue refused the message `req_id` with these `words`.
    pub(in crate::venues) fn refused(&mut self, req_id: &str, words: &str) -> FrameKind {
        let is_duplicate = words.contains("already subscribed");
        if !is_duplicate && !words.contains("handler not found") {
            return FrameKind::Refused(words.to_owned());
        }
        let named = words.rsplit_once("topic:").map_or("", |(_, topic)| topic.trim());
        if let Some(batch) = self.answered(req_id) {
            self.ask_again(batch, named, is_duplicate);
        }
        if is_duplicate { FrameKind::Ack } else { FrameKind::Refused(words.to_owned()) }
    }

    fn ask_again(&mut self, mut batch: Vec<String>, named: &str, is_duplicate: bool) {
        let named = if batch.len() == 1 { Some(0) } else { batch.iter().position(|topic| topic == named) };
        let Some(named) = named else {
            // The venue did not say which one: halves find it.
            let rest = batch.split_off(batch.len() / 2);
            let halves = [self.ask(batch), self.ask(rest)];
            self.outgoing.extend(halves);
            return;
        };
        let topic = batch.remove(named);
        if is_duplicate {
            self.is_any_accepted = true;
        } else {
            self.dropped.insert(topic);
        }
        if !batch.is_empty() {
            let message = self.ask(batch);
            self.outgoing.push(message);
        }
    }

    fn ask(&mut self, topics: Vec<String>) -> String {
        self.next_id += 1;
        let message =
            serde_json::json!({ "req_id": self.next_id.to_string(), "op": "subscribe", "args": topics });
        self.pending.insert(self.next_id, topics);
        message.to_string()
    }

    /// The batch that was answered. Some servers leave `req_id` out; they answer in order.
    fn answered(&mut self, req_id: &str) -> Option<Vec<String>> {
        if req_id.is_empty() {
            return self.pending.pop_first().map(|(_, batch)| batch);
        }
        self.pending.remove(&req_id.parse().ok()?)
    }
}
