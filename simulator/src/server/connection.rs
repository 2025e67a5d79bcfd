//! One WebSocket connection: what the session says, when, and what goes wrong with it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_util::sync::CancellationToken;

use crate::counters::{Tallies, count};
use crate::faults::Faults;
use crate::server::broken::broken;
use crate::server::player::{Delivery, Place};
use crate::server::{Floor, Tuning, venue_clock};
use crate::session::{Close, Now, Patience, Session, Sign};
use crate::tape::Payload;
use crate::venue::Venue;

/// How long a frame held back for reordering waits for one to follow it.
const HOLD: Duration = Duration::from_secs(2);

/// Why a connection ended.
enum End {
    /// The client left.
    Gone,
    /// Dropped on purpose, without a word.
    Dropped,
    /// The client did not read.
    Evicted,
    /// The simulator stops.
    Stopped,
    /// The venue closes.
    Closed(Close),
}

/// Something to send.
enum Parcel {
    Control(Message),
    Data { payload: Payload, state: State, delivery: Arc<Delivery> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Intact,
    Repeated,
    Malformed,
}

struct Connection {
    venue: Venue,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    session: Box<dyn Session>,
    patience: Patience,
    faults: Faults,
    rng: ChaCha8Rng,
    inbox: mpsc::Receiver<Arc<Delivery>>,
    evict: CancellationToken,
    floor: Arc<Floor>,
    outbox: VecDeque<(Instant, Parcel)>,
    held: Option<(Instant, Vec<Parcel>)>,
    schedule: Schedule,
}

/// When what happens next.
struct Schedule {
    born: Instant,
    last_message: Instant,
    last_sign: Instant,
    last_pong: Instant,
    next_ping: Option<Instant>,
    drop_at: Option<Instant>,
    silence_at: Option<Instant>,
    silent_until: Option<Instant>,
    /// When the client's messages of the last second came.
    recent: VecDeque<Instant>,
}

/// Runs a connection until either side ends it.
pub(super) async fn run(
    upgrade: OnUpgrade,
    (venue, mut session): (Venue, Box<dyn Session>),
    mut rng: ChaCha8Rng,
    floor: Arc<Floor>,
) {
    let upgraded = tokio::select! {
        () = floor.stop.cancelled() => return,
        upgraded = upgrade => upgraded,
    };
    let Ok(upgraded) = upgraded else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let Place { past, inbox, evict } = floor.audience.join(venue, floor.tuning.queue_frames);
    for delivery in past {
        session.recall(&delivery.frame);
    }
    count(&floor.counters.tallies(venue).connections);
    let faults = floor.faults.concerning(venue);
    let patience = real(session.patience(), &floor.tuning);
    let schedule = Schedule::new(&patience, &faults, &mut rng);
    let (outbox, held) = (VecDeque::new(), None);
    let mut connection = Connection {
        venue,
        socket,
        session,
        patience,
        faults,
        rng,
        inbox,
        evict,
        floor,
        outbox,
        held,
        schedule,
    };
    let end = connection.converse().await;
    connection.end(end).await;
}

/// Patience as long as it really lasts.
fn real(mut patience: Patience, tuning: &Tuning) -> Patience {
    let spans = [&mut patience.ping_every, &mut patience.pong_within, &mut patience.lifetime];
    for span in spans.into_iter().flatten().chain(patience.idle.as_mut().map(|idle| &mut idle.limit)) {
        *span = tuning.real(*span);
    }
    patience
}

impl Schedule {
    fn new(patience: &Patience, faults: &Faults, rng: &mut ChaCha8Rng) -> Self {
        let now = Instant::now();
        Self {
            born: now,
            last_message: now,
            last_sign: now,
            last_pong: now,
            next_ping: patience.ping_every.map(|every| now + every),
            drop_at: faults.drop.map(|mean| now + exponential(mean, rng)),
            silence_at: faults.silence.map(|silence| now + exponential(silence.every, rng)),
            silent_until: None,
            recent: VecDeque::new(),
        }
    }
}

impl Connection {
    async fn converse(&mut self) -> End {
        let now = Instant::now();
        let opening = self.session.opening(self.moment(now));
        self.reply(opening, now);
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// Does what is due, then waits for the next thing.
    async fn turn(&mut self) -> Result<(), End> {
        self.keep_time(Instant::now()).await?;
        let is_silent = self.schedule.silent_until.is_some();
        if !is_silent {
            self.send_due().await?;
        }
        let wake = self.next_wake();
        let has_room = self.outbox.len() < self.floor.tuning.queue_frames;
        tokio::select! {
            biased;
            () = self.floor.stop.cancelled() => Err(End::Stopped),
            () = self.evict.cancelled() => Err(End::Evicted),
            message = self.socket.next(), if !is_silent => match message {
                Some(Ok(message)) => self.hear(message, Instant::now()),
                Some(Err(_)) | None => Err(End::Gone),
            },
            Some(delivery) = self.inbox.recv(), if has_room => {
                self.take(&delivery, Instant::now());
                Ok(())
            }
            () = tokio::time::sleep_until(wake) => Ok(()),
        }
    }

    fn tallies(&self) -> &Tallies {
        self.floor.counters.tallies(self.venue)
    }

    /// Faults and the venue's patience, as of `now`.
    async fn keep_time(&mut self, now: Instant) -> Result<(), End> {
        if self.schedule.drop_at.is_some_and(|at| now >= at) {
            return Err(End::Dropped);
        }
        if self.schedule.silent_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        if let Some(silence) = self.faults.silence {
            if self.schedule.silent_until.take().is_some() {
                self.schedule.silence_at = Some(now + exponential(silence.every, &mut self.rng));
            }
            if self.schedule.silence_at.is_some_and(|at| now >= at) {
                self.schedule.silent_until = Some(now + silence.lasting);
                self.withhold();
                return Ok(());
            }
        }
        if self.held.as_ref().is_some_and(|(until, _)| now >= *until) {
            self.release(now);
        }
        let past = |from: Instant, limit: Option<Duration>| limit.is_some_and(|limit| now >= from + limit);
        if let Some(idle) = &self.patience.idle
            && past(self.sign(idle.sign), Some(idle.limit))
        {
            return Err(End::Closed(idle.close));
        }
        if past(self.schedule.last_pong, self.patience.pong_within) {
            return Err(End::Closed(Close { code: 1008, reason: "Pong timeout" }));
        }
        if past(self.schedule.born, self.patience.lifetime) {
            return Err(End::Closed(Close { code: 1001, reason: "" }));
        }
        if self.alarm().is_some_and(|at| now >= at) {
            let said = self.session.ring(self.moment(now)).map_err(End::Closed)?;
            self.reply(said, now);
        }
        if self.schedule.next_ping.is_some_and(|at| now >= at) {
            self.schedule.next_ping = self.patience.ping_every.map(|every| now + every);
            self.write(Message::Ping(Vec::new().into())).await?;
        }
        Ok(())
    }

    /// A moment as the session sees it.
    fn moment(&self, now: Instant) -> Now {
        let since = self.floor.tuning.documented(now.saturating_duration_since(self.schedule.born));
        Now { since, micros: venue_clock() }
    }

    /// When the session wants to speak unasked.
    fn alarm(&self) -> Option<Instant> {
        let since = self.session.alarm()?;
        // A hair later, so that the session's own clock has passed it too.
        Some(self.schedule.born + self.floor.tuning.real(since) + Duration::from_micros(50))
    }

    /// When the client last gave a sign of life.
    fn sign(&self, sign: Sign) -> Instant {
        match sign {
            Sign::Text => self.schedule.last_message,
            Sign::TextOrPing => self.schedule.last_sign,
        }
    }

    /// The earliest moment at which something is due without anyone saying anything.
    fn next_wake(&self) -> Instant {
        let schedule = &self.schedule;
        let after = |from: Instant, limit: Option<Duration>| limit.map(|limit| from + limit);
        let while_speaking = [
            self.outbox.front().map(|(due, _)| *due),
            self.held.as_ref().map(|(until, _)| *until),
            self.patience.idle.as_ref().map(|idle| self.sign(idle.sign) + idle.limit),
            self.alarm(),
            after(schedule.last_pong, self.patience.pong_within),
            after(schedule.born, self.patience.lifetime),
            schedule.next_ping,
            schedule.silence_at,
        ];
        let always = [schedule.drop_at, schedule.silent_until];
        let speaking = while_speaking.into_iter().filter(|_| schedule.silent_until.is_none());
        let far = Instant::now() + Duration::from_hours(1);
        speaking.chain(always).flatten().min().unwrap_or(far)
    }

    /// Drops everything that waits: it fell into a silence.
    fn withhold(&mut self) {
        let held = self.held.take().map_or(Vec::new(), |(_, parcels)| parcels);
        let waiting = self.outbox.drain(..).map(|(_, parcel)| parcel);
        let lost = waiting.chain(held).filter(|parcel| matches!(parcel, Parcel::Data { .. })).count();
        self.tallies().withheld.fetch_add(lost as u64, std::sync::atomic::Ordering::Relaxed);
    }

    fn hear(&mut self, message: Message, now: Instant) -> Result<(), End> {
        self.schedule.recent.push_back(now);
        while self.schedule.recent.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
            self.schedule.recent.pop_front();
        }
        if self.patience.messages_per_sec.is_some_and(|most| self.schedule.recent.len() > most) {
            return Err(End::Closed(Close { code: 1008, reason: "Too many requests" }));
        }
        match message {
            Message::Text(text) => {
                self.schedule.last_message = now;
                self.schedule.last_sign = now;
                let replies = self.session.answer(text.as_str(), self.moment(now));
                self.patience = real(self.session.patience(), &self.floor.tuning);
                self.reply(replies, now);
            }
            Message::Pong(_) => self.schedule.last_pong = now,
            // tungstenite answers pings and closes by itself as the socket is read on.
            Message::Ping(_) => self.schedule.last_sign = now,
            Message::Binary(_) | Message::Close(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    fn reply(&mut self, replies: Vec<Payload>, now: Instant) {
        for reply in replies {
            self.post(Parcel::Control(message(reply)), now);
        }
    }

    fn post(&mut self, parcel: Parcel, now: Instant) {
        self.outbox.push_back((now + self.faults.slow.unwrap_or_default(), parcel));
    }

    /// Takes a data frame through the faults into the outbox.
    fn take(&mut self, delivery: &Arc<Delivery>, now: Instant) {
        for payload in self.session.render(&delivery.frame) {
            if self.schedule.silent_until.is_some() {
                count(&self.tallies().withheld);
                continue;
            }
            let mut parcels = Vec::new();
            let data = |payload, state| Parcel::Data { payload, state, delivery: Arc::clone(delivery) };
            if self.strikes(self.faults.malformed) {
                parcels.push(data(broken(&payload, &mut self.rng), State::Malformed));
            } else if self.strikes(self.faults.duplicate) {
                parcels.push(data(payload.clone(), State::Intact));
                parcels.push(data(payload, State::Repeated));
            } else {
                parcels.push(data(payload, State::Intact));
            }
            if self.held.is_none() && self.strikes(self.faults.reorder) {
                self.held = Some((now + HOLD, parcels));
                continue;
            }
            for parcel in parcels {
                self.post(parcel, now);
            }
            if self.held.is_some() {
                count(&self.tallies().reordered);
                self.release(now);
            }
        }
    }

    fn release(&mut self, now: Instant) {
        for parcel in self.held.take().map_or(Vec::new(), |(_, parcels)| parcels) {
            self.post(parcel, now);
        }
    }

    fn strikes(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
    }

    async fn send_due(&mut self) -> Result<(), End> {
        while self.outbox.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let Some((_, parcel)) = self.outbox.pop_front() else { break };
            match parcel {
                Parcel::Control(message) => self.write(message).await?,
                Parcel::Data { payload, state, delivery } => {
                    self.write(message(payload)).await?;
                    self.account(state, &delivery);
                }
            }
        }
        Ok(())
    }

    fn account(&self, state: State, delivery: &Delivery) {
        let tallies = self.tallies();
        count(&tallies.frames);
        match state {
            State::Malformed => count(&tallies.malformed),
            State::Repeated => count(&tallies.repeated),
            State::Intact => {
                if delivery.is_first() {
                    tallies.sent.fetch_add(delivery.frame.events, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
    }

    /// Writes, unless the client does not read and is given up, or the simulator stops.
    async fn write(&mut self, message: Message) -> Result<(), End> {
        tokio::select! {
            biased;
            () = self.floor.stop.cancelled() => Err(End::Stopped),
            () = self.evict.cancelled() => Err(End::Evicted),
            written = self.socket.send(message) => written.map_err(|_| End::Gone),
        }
    }

    /// Says what is left to say.
    async fn end(mut self, end: End) {
        let (code, reason) = match &end {
            End::Gone | End::Evicted => return,
            End::Dropped => return count(&self.tallies().dropped),
            End::Stopped => (1001, ""),
            End::Closed(Close { code, reason }) => (*code, *reason),
        };
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let farewell = async {
            // The last answer before a close: why it comes.
            if matches!(end, End::Closed(_)) && self.send_due().await.is_err() {
                return;
            }
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        if tokio::time::timeout(Duration::from_millis(300), farewell).await.is_err() {
            tracing::debug!("a client did not answer the close in time");
        }
    }
}

fn exponential(mean: Duration, rng: &mut ChaCha8Rng) -> Duration {
    mean.mul_f64(-(1.0 - rng.random::<f64>()).ln())
}

fn message(payload: Payload) -> Message {
    match payload {
        Payload::Text(text) => Message::text(text),
        Payload::Binary(bytes) => Message::binary(bytes),
    }
}
