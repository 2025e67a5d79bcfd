//! Which path is which venue, and the answers that are not `WebSocket`s.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::chance::Chance;
use crate::counters::count;
use crate::faults::{Refusal, Silence};
use crate::rest;
use crate::server::broken::broken;
use crate::server::{Floor, connection, venue_clock};
use crate::session::{Caller, Door};
use crate::tape::Payload;
use crate::venue::Venue;
use crate::venues::Socket;

/// The largest body of a request, bytes.
const LARGEST_BODY: usize = 1 << 20;

/// The venues that a path may belong to, and the path as they know it: all of them, or the one whose id
/// is its first segment.
fn asked(path: &str) -> (Vec<Venue>, &str) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (first, _) = rest.split_once('/').unwrap_or((rest, ""));
    match Venue::find(first) {
        Some(venue) => (vec![venue], &rest[first.len()..]),
        None => (Venue::all().collect(), path),
    }
}

/// The venue whose `WebSocket` has this path, and the path as the venue knows it.
fn socket(path: &str) -> Option<(Venue, &'static Socket, &str)> {
    let (venues, path) = asked(path);
    // Several venues have the root: it is each one's under its id, and nobody's without.
    if venues.len() > 1 && matches!(path, "" | "/") {
        return None;
    }
    venues.into_iter().find_map(|venue| {
        let socket = venue.row().socket.as_ref()?;
        (socket.serves)(path).then_some((venue, socket, path))
    })
}

/// Answers one HTTP request.
pub(super) async fn respond(
    request: Request<Incoming>,
    floor: Arc<Floor>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET
        && let Some((venue, socket, path)) = socket(&path)
    {
        return Ok(match refusal(venue, &floor) {
            Some(refused) => refused,
            None => upgrade(request, (venue, socket, path), &floor),
        });
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(failure(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or was cut off"));
    };
    let body = body.to_bytes();
    let (venues, path) = asked(&path);
    let request = rest::Request {
        method: &head.method,
        path,
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
        now_micros: venue_clock(),
    };
    let answer = venues
        .into_iter()
        .find_map(|venue| (venue.row().answer)(&request, &floor.market).map(|answer| (venue, answer)));
    let Some((venue, answer)) = answer else {
        return Ok(failure(StatusCode::NOT_FOUND, "no simulated venue has this path"));
    };
    // The faults concern WebSockets; a venue without one has them on its polls.
    if venue.row().socket.is_some() {
        return Ok(response(answer));
    }
    Ok(poll(venue, answer, &floor).await)
}

/// Gives the answer of a venue that has no socket, with what goes wrong on purpose.
async fn poll(venue: Venue, mut answer: rest::Answer, floor: &Floor) -> Response<Full<Bytes>> {
    let faults = floor.faults.concerning(venue);
    let tallies = floor.counters.tallies(venue);
    let number = tallies.frames.fetch_add(1, Ordering::Relaxed);
    let chance = Chance::of(floor.market.seed, venue.id());
    let draw = |subject: i64| chance.uniform(number as i64 * 4 + subject);
    let mut late = faults.slow.unwrap_or_default();
    if let Some(Silence { every, lasting }) = faults.silence {
        // As often as a moment falls into a silence, the rest of it passes before anything is said.
        if draw(0) * (every + lasting).as_secs_f64() < lasting.as_secs_f64() {
            late += lasting.mul_f64(draw(1));
        }
    }
    tokio::time::sleep(late).await;
    if let Some(refused) = refusal(venue, floor) {
        return refused;
    }
    if faults.reject == Some(venue) {
        count(&tallies.refused);
        return failure(StatusCode::FORBIDDEN, "refused on purpose");
    }
    if draw(2) < faults.malformed && !answer.body.is_empty() {
        count(&tallies.malformed);
        let mut rng = ChaCha8Rng::seed_from_u64(chance.bits(number as i64 * 4 + 3));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        answer.body = broken(&Payload::Text(text), &mut rng).as_bytes().to_vec();
    }
    response(answer)
}

/// The answer of a venue that refuses everyone on purpose.
fn refusal(venue: Venue, floor: &Floor) -> Option<Response<Full<Bytes>>> {
    let Refusal { code, retry_after, .. } = floor.faults.refusal(venue)?;
    count(&floor.counters.tallies(venue).refused);
    let mut answer =
        failure(StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN), "refused on purpose");
    if matches!(code, 418 | 429 | 503) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    }
    Some(answer)
}

fn upgrade(
    request: Request<Incoming>,
    (venue, socket, path): (Venue, &'static Socket, &str),
    floor: &Arc<Floor>,
) -> Response<Full<Bytes>> {
    let is_websocket = request
        .headers()
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(accept) = key.filter(|_| is_websocket) else {
        return failure(StatusCode::BAD_REQUEST, "this path is a WebSocket; ask for an upgrade");
    };
    let Ok(accept) = HeaderValue::try_from(accept) else {
        return failure(StatusCode::BAD_REQUEST, "the WebSocket key is not valid");
    };

    let number = floor.connections.fetch_add(1, Ordering::Relaxed);
    let mut rng = ChaCha8Rng::seed_from_u64(floor.market.seed);
    rng.set_stream(number + 1);
    let is_closed = floor.faults.concerning(venue).reject == Some(venue);
    let session = (socket.session)(&mut Caller {
        path,
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        door: if is_closed { Door::Closed } else { Door::Open },
        market: &floor.market,
        rng: &mut rng,
    });
    let task = connection::run(hyper::upgrade::on(request), (venue, session), rng, Arc::clone(floor));
    floor.tasks.spawn(task);

    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

fn failure(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    let code = status.as_u16();
    response(rest::Answer::json(format!("{{\"code\":{code},\"msg\":\"{words}\"}}")).with_status(code))
}

fn response(answer: rest::Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_its_venue() {
        let table = [
            ("/market/stream", Some("binance-usdm"), "/market/stream"),
            ("/market/ws/!forceOrder@arr", Some("binance-usdm"), "/market/ws/!forceOrder@arr"),
            ("/ws/!forceOrder@arr", Some("binance-usdm"), "/ws/!forceOrder@arr"),
            ("/binance-usdm/market/stream", Some("binance-usdm"), "/market/stream"),
            ("/v5/public/linear", Some("bybit-linear"), "/v5/public/linear"),
            ("/ws/v5/public", Some("okx"), "/ws/v5/public"),
            ("/okx/ws/v5/public", Some("okx"), "/ws/v5/public"),
            ("/okx/v5/public/linear", None, ""),
            ("/okx", None, ""),
            ("/v5/market/instruments-info", None, ""),
            ("/", None, ""),
            ("", None, ""),
            ("/coinbase", Some("coinbase"), ""),
            ("/yahoo-stream/", Some("yahoo-stream"), "/"),
            ("/wsx", None, ""),
        ];
        for (asked, venue, path) in table {
            let found = socket(asked).map(|(venue, _, path)| (venue.id(), path));
            assert_eq!(found, venue.map(|venue| (venue, path)), "{asked}");
        }
    }

    #[test]
    fn every_venue_with_a_socket_or_answers_is_found_under_its_id() {
        for venue in Venue::all() {
            let path = format!("/{venue}/path/of/its/own");
            assert_eq!(asked(&path), (vec![venue], "/path/of/its/own"));
        }
    }
}
