//! Plays the tape to everyone who listens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::counters::count;
use crate::server::Floor;
use crate::tape::{SimFrame, Tape};
use crate::venue::Venue;

/// Frames of each venue that a connection which begins later may ask about.
const REMEMBERED: usize = 512;

/// A frame on its way to every connection of its venue.
pub(crate) struct Delivery {
    pub(crate) frame: SimFrame,
    /// Whether no connection has been sent it yet.
    fresh: AtomicBool,
}

impl Delivery {
    /// Whether this is the first time; every later call says no.
    pub(crate) fn is_first(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }
}

/// Who listens, and what was sent lately.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Hall>);

#[derive(Default)]
struct Hall {
    seats: Vec<Seat>,
    past: BTreeMap<Venue, VecDeque<Arc<Delivery>>>,
}

struct Seat {
    venue: Venue,
    frames: mpsc::Sender<Arc<Delivery>>,
    evict: CancellationToken,
}

/// A connection's place in the audience.
pub(crate) struct Place {
    /// What was sent before, oldest first: everything after it comes to the inbox.
    pub(crate) past: Vec<Arc<Delivery>>,
    pub(crate) inbox: mpsc::Receiver<Arc<Delivery>>,
    /// Cancelled when the inbox overflows.
    pub(crate) evict: CancellationToken,
}

impl Audience {
    /// A place for a connection to `venue`: its frames, of which `queue` may wait.
    pub(crate) fn join(&self, venue: Venue, queue: usize) -> Place {
        let (frames, inbox) = mpsc::channel(queue.max(1));
        let evict = CancellationToken::new();
        let seat = Seat { venue, frames, evict: evict.clone() };
        let mut hall = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hall.seats.push(seat);
        let past = hall.past.get(&venue).map_or(Vec::new(), |past| past.iter().cloned().collect());
        Place { past, inbox, evict }
    }

    fn tell(&self, venue: Venue, delivery: &Arc<Delivery>, floor: &Floor) {
        let mut hall = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let past = hall.past.entry(venue).or_default();
        if past.len() == REMEMBERED {
            past.pop_front();
        }
        past.push_back(Arc::clone(delivery));
        hall.seats.retain(|seat| {
            if seat.venue != venue {
                return !seat.frames.is_closed();
            }
            match seat.frames.try_send(Arc::clone(delivery)) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    seat.evict.cancel();
                    count(&floor.counters.tallies(venue).evicted);
                    false
                }
            }
        });
    }
}

/// Plays `tape` in real time until it ends or the simulator stops.
pub(super) async fn play(mut tape: Tape, floor: Arc<Floor>) {
    let began = Instant::now();
    let start_micros = floor.market.start_micros;
    while let Some(frame) = tape.next() {
        let Some(venue) = Venue::find(frame.venue).filter(|_| !frame.is_answer()) else { continue };
        let due = began + Duration::from_micros(frame.at_micros.saturating_sub(start_micros).max(0) as u64);
        tokio::select! {
            () = floor.stop.cancelled() => return,
            () = tokio::time::sleep_until(due) => {}
        }
        for venue in Venue::all() {
            let tallies = floor.counters.tallies(venue);
            tallies.happened.store(tape.happened(venue), Ordering::Relaxed);
            tallies.told.store(tape.told(venue), Ordering::Relaxed);
        }
        floor.market.set_prices(tape.prices());
        let delivery = Arc::new(Delivery { frame, fresh: AtomicBool::new(true) });
        floor.audience.tell(venue, &delivery, &floor);
    }
}
