//! Which path is which venue, and the answers that are not `WebSocket`s.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::binance::{BinanceSession, Shape};
use crate::bybit::{self, BybitSession};
use crate::counters::count;
use crate::okx::{self, OkxSession};
use crate::server::{Floor, connection, venue_clock};
use crate::session::{Door, Session};
use crate::venue::Venue;

type Answer = Response<Full<Bytes>>;

/// What a path is.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Binance { shape: Shape, streams: Vec<String> },
    Bybit,
    Okx,
    BybitInstruments,
    OkxInstruments,
    Nothing,
}

impl Route {
    fn find(path: &str, query: &str) -> Self {
        let named = |list: &str| list.split('/').filter(|name| !name.is_empty()).map(decoded).collect();
        let asked =
            || query.split('&').find_map(|pair| pair.strip_prefix("streams=")).map_or(Vec::new(), named);
        match path {
            "/v5/public/linear" => Self::Bybit,
            "/ws/v5/public" => Self::Okx,
            "/v5/market/instruments-info" => Self::BybitInstruments,
            "/api/v5/public/instruments" => Self::OkxInstruments,
            "/market/stream" => Self::Binance { shape: Shape::Combined, streams: asked() },
            "/stream" | "/public/stream" | "/private/stream" => {
                Self::Binance { shape: Shape::Retired, streams: asked() }
            }
            _ => Self::single(path)
                .map_or(Self::Nothing, |(shape, list)| Self::Binance { shape, streams: named(list) }),
        }
    }

    /// Binance's single-stream paths: the stream's name in the path, or in a later SUBSCRIBE.
    fn single(path: &str) -> Option<(Shape, &str)> {
        let under =
            |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let retired = || under("/ws").or_else(|| under("/public/ws")).or_else(|| under("/private/ws"));
        under("/market/ws")
            .map(|list| (Shape::Bare, list))
            .or_else(|| retired().map(|list| (Shape::Retired, list)))
    }

    fn venue(&self) -> Option<Venue> {
        match self {
            Self::Binance { .. } => Some(Venue::BinanceUsdm),
            Self::Bybit => Some(Venue::BybitLinear),
            Self::Okx => Some(Venue::Okx),
            Self::BybitInstruments | Self::OkxInstruments | Self::Nothing => None,
        }
    }
}

/// Percent-decoded; what is not valid UTF-8 afterwards stays as it was.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let encoded = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| first == b'%');
        bytes.push(encoded.unwrap_or(first));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Answers one HTTP request.
#[expect(clippy::unused_async, reason = "hyper's services return futures")]
pub(super) async fn respond(request: Request<Incoming>, floor: Arc<Floor>) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let route = if request.method() == Method::GET { Route::find(&path, &query) } else { Route::Nothing };
    if let Some(venue) = route.venue() {
        return Ok(upgrade(request, route, venue, &floor));
    }
    let body = match route {
        Route::BybitInstruments => bybit::instruments(&floor.contracts, &query, venue_clock()),
        Route::OkxInstruments => okx::instruments(&floor.contracts, &query),
        Route::Binance { .. } | Route::Bybit | Route::Okx | Route::Nothing => {
            return Ok(failure(StatusCode::NOT_FOUND, "no simulated venue has this path"));
        }
    };
    Ok(json(StatusCode::OK, body))
}

fn upgrade(request: Request<Incoming>, route: Route, venue: Venue, floor: &Arc<Floor>) -> Answer {
    if let Some(refusal) = floor.faults.refusal(venue) {
        count(&floor.counters.tallies(venue).refused);
        let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::FORBIDDEN);
        let mut answer = failure(status, "refused on purpose");
        if matches!(refusal.code, 418 | 429 | 503) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(refusal.retry_after.as_secs()));
        }
        return answer;
    }
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
    let mut rng = ChaCha8Rng::seed_from_u64(floor.seed);
    rng.set_stream(number + 1);
    let session = session(route, floor, &mut rng);
    let task = connection::run(hyper::upgrade::on(request), session, rng, Arc::clone(floor));
    floor.tasks.spawn(task);

    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

fn session(route: Route, floor: &Floor, rng: &mut ChaCha8Rng) -> Box<dyn Session> {
    let door = |venue: Venue| {
        if floor.faults.concerning(venue).reject == Some(venue) { Door::Closed } else { Door::Open }
    };
    match route {
        Route::Binance { shape, streams } => {
            Box::new(BinanceSession::new(shape, streams, door(Venue::BinanceUsdm), &floor.tuning))
        }
        Route::Bybit => {
            let conn_id = format!("{:016x}", rng.random::<u64>());
            let symbols = Arc::clone(&floor.bybit_symbols);
            Box::new(BybitSession::new(conn_id, symbols, door(Venue::BybitLinear), &floor.tuning))
        }
        Route::Okx | Route::BybitInstruments | Route::OkxInstruments | Route::Nothing => {
            let conn_id = format!("{:08x}", rng.random::<u32>());
            Box::new(OkxSession::new(conn_id, door(Venue::Okx), &floor.tuning))
        }
    }
}

fn failure(status: StatusCode, words: &str) -> Answer {
    json(status, format!("{{\"code\":{},\"msg\":\"{words}\"}}", status.as_u16()))
}

fn json(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_its_venue() {
        let all = vec!["!forceOrder@arr".to_owned()];
        let binance = |shape, streams: &[String]| Route::Binance { shape, streams: streams.to_vec() };
        let table = [
            ("/market/stream", "streams=!forceOrder@arr", binance(Shape::Combined, &all)),
            ("/market/stream", "streams=%21forceOrder%40arr", binance(Shape::Combined, &all)),
            ("/market/stream", "", binance(Shape::Combined, &[])),
            ("/market/ws/!forceOrder@arr", "", binance(Shape::Bare, &all)),
            ("/market/ws", "", binance(Shape::Bare, &[])),
            ("/ws/!forceOrder@arr", "", binance(Shape::Retired, &all)),
            ("/stream", "streams=!forceOrder@arr", binance(Shape::Retired, &all)),
            ("/public/ws/!forceOrder@arr", "", binance(Shape::Retired, &all)),
            ("/v5/public/linear", "", Route::Bybit),
            ("/ws/v5/public", "", Route::Okx),
            ("/v5/market/instruments-info", "category=linear", Route::BybitInstruments),
            ("/api/v5/public/instruments", "instType=SWAP", Route::OkxInstruments),
            ("/", "", Route::Nothing),
            ("/v5/public/inverse", "", Route::Nothing),
            ("/wsx", "", Route::Nothing),
        ];
        for (path, query, route) in table {
            assert_eq!(Route::find(path, query), route, "{path}?{query}");
        }
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(decoded("a%2"), "a%2");
        assert_eq!(decoded("100%zz%41"), "100%zzA");
        assert_eq!(decoded("%ff"), "%ff");
    }
}
