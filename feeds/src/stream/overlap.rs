//! Recognises what two connections of one feed both delivered.
//!
//! While a new connection replaces an old one, the venue sends every frame to both. Frames carry no
//! sequence number, and two equal frames on one connection may be two real events; so the k-th
//! occurrence of a payload on one connection is the k-th occurrence on the other, and nothing else.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use market::Payload;

/// One of the two connections of an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// The one that the feed started with, and every second one after it.
    Even,
    /// The others.
    Odd,
}

impl Seat {
    /// The seat of the connection that takes over from this one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Even => 0,
            Self::Odd => 1,
        }
    }
}

/// How often each payload came on each of the two connections, during an overlap.
#[derive(Debug, Default)]
pub(super) struct Overlap {
    counts: Option<[HashMap<u64, u32>; 2]>,
}

impl Overlap {
    /// A second connection is being opened: frames are compared from now on.
    pub(super) fn begin(&mut self) {
        self.counts = Some(Default::default());
    }

    /// One connection remains: frames are no longer compared.
    pub(super) fn end(&mut self) {
        self.counts = None;
    }

    /// Notes `payload` from the connection on `seat`; whether the other one has delivered it already.
    pub(super) fn is_repeat(&mut self, seat: Seat, payload: &Payload) -> bool {
        let Some(counts) = &mut self.counts else {
            return false;
        };
        let key = digest(payload);
        let occurrence = counts[seat.index()].entry(key).or_default();
        *occurrence += 1;
        let occurrence = *occurrence;
        let delivered = counts[seat.other().index()].get(&key).copied().unwrap_or_default();
        occurrence <= delivered
    }
}

fn digest(payload: &Payload) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.as_bytes().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn payload(text: &str) -> Payload {
        Payload::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_other_connection_s_copy_is_a_repeat_whichever_comes_first() {
        let mut overlap = Overlap::default();
        overlap.begin();
        assert!(!overlap.is_repeat(Seat::Even, &payload("a")));
        assert!(overlap.is_repeat(Seat::Odd, &payload("a")));
        assert!(!overlap.is_repeat(Seat::Odd, &payload("b")));
        assert!(overlap.is_repeat(Seat::Even, &payload("b")));
    }

    #[test]
    fn two_equal_frames_of_one_connection_are_two_frames() {
        let mut overlap = Overlap::default();
        overlap.begin();
        assert!(!overlap.is_repeat(Seat::Even, &payload("a")));
        assert!(!overlap.is_repeat(Seat::Even, &payload("a")));
        assert!(overlap.is_repeat(Seat::Odd, &payload("a")));
        assert!(overlap.is_repeat(Seat::Odd, &payload("a")));
        assert!(!overlap.is_repeat(Seat::Odd, &payload("a")), "a third one is new");
    }

    #[test]
    fn outside_an_overlap_nothing_is_a_repeat() {
        let mut overlap = Overlap::default();
        assert!(!overlap.is_repeat(Seat::Even, &payload("a")));
        overlap.begin();
        overlap.is_repeat(Seat::Even, &payload("a"));
        overlap.end();
        assert!(!overlap.is_repeat(Seat::Odd, &payload("a")));
        overlap.begin();
        assert!(!overlap.is_repeat(Seat::Odd, &payload("a")), "the last overlap is forgotten");
    }

    proptest! {
        /// Both connections deliver the same stream; whatever the interleaving, it comes out once.
        #[test]
        fn one_stream_seen_twice_comes_out_once(
            stream in prop::collection::vec("[abc]", 0..40),
            order in prop::collection::vec(any::<bool>(), 0..40),
        ) {
            let mut overlap = Overlap::default();
            overlap.begin();
            let (mut even, mut odd) = (stream.iter(), stream.iter());
            let mut out = Vec::new();
            let mut deliver = |seat, text: &String| {
                if !overlap.is_repeat(seat, &payload(text)) {
                    out.push(text.clone());
                }
            };
            for is_even in order {
                let (seat, next) = if is_even { (Seat::Even, even.next()) } else { (Seat::Odd, odd.next()) };
                if let Some(text) = next {
                    deliver(seat, text);
                }
            }
            even.for_each(|text| deliver(Seat::Even, text));
            odd.for_each(|text| deliver(Seat::Odd, text));
            let mut expected = stream.clone();
            expected.sort();
            out.sort();
            prop_assert_eq!(out, expected);
        }
    }
}
