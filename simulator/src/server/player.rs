//! Plays the tape to everyone who listens.

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

/// Who listens.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Vec<Seat>>);

struct Seat {
    venue: Venue,
    frames: mpsc::Sender<Arc<Delivery>>,
    evict: CancellationToken,
}

impl Audience {
    /// A seat for a connection to `venue`: its frames, of which `queue` may wait; when more do,
    /// the token is cancelled.
    pub(crate) fn join(
        &self,
        venue: Venue,
        queue: usize,
    ) -> (mpsc::Receiver<Arc<Delivery>>, CancellationToken) {
        let (frames, inbox) = mpsc::channel(queue.max(1));
        let evict = CancellationToken::new();
        let seat = Seat { venue, frames, evict: evict.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
        (inbox, evict)
    }

    fn tell(&self, venue: Venue, delivery: &Arc<Delivery>, floor: &Floor) {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|seat| {
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
pub(super) async fn play(mut tape: Tape, start_micros: i64, floor: Arc<Floor>) {
    let began = Instant::now();
    while let Some(frame) = tape.next() {
        let Some(venue) = Venue::find(frame.venue).filter(|_| frame.events > 0) else { continue };
        let due = began + Duration::from_micros(frame.at_micros.saturating_sub(start_micros).max(0) as u64);
        tokio::select! {
            () = floor.stop.cancelled() => return,
            () = tokio::time::sleep_until(due) => {}
        }
        for venue in Venue::ALL {
            let tallies = floor.counters.tallies(venue);
            tallies.happened.store(tape.happened(venue), Ordering::Relaxed);
            tallies.told.store(tape.told(venue), Ordering::Relaxed);
        }
        let delivery = Arc::new(Delivery { frame, fresh: AtomicBool::new(true) });
        floor.audience.tell(venue, &delivery, &floor);
    }
}
