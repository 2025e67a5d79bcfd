//! Requests and answers that are not `WebSocket`s.

use hyper::{HeaderMap, Method};

/// What a client asks.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// The path as the venue knows it.
    pub(crate) path: &'a str,
    /// What follows the question mark; empty without one.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The venue's clock, microseconds since 1970 UTC.
    pub(crate) now_micros: i64,
}

impl Request<'_> {
    /// Whether this is a GET of `path`.
    pub(crate) fn gets(&self, path: &str) -> bool {
        self.method == Method::GET && self.path == path
    }

    /// The value of a query parameter, as written; `None` without it, empty when it is empty.
    pub(crate) fn asked(&self, key: &str) -> Option<&str> {
        parameter(self.query, key)
    }

    /// The value of a header; `None` without it, or when it is no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The value of a parameter in a query.
pub(crate) fn parameter<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))
        .map(|(_, value)| value)
}

/// What the venue answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// JSON under status 200.
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::of("application/json", body)
    }

    /// Anything under status 200.
    pub(crate) fn of(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// The same under another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same under this entity tag, or an empty 304 for a client that has it already.
    pub(crate) fn tagged(self, etag: &str, request: &Request<'_>) -> Self {
        let mut known = request.header("if-none-match").unwrap_or_default().split(',').map(str::trim);
        let answer = self.with_header("etag", etag);
        if known.any(|one| one == etag || one == "*") {
            return Self { status: 304, body: Vec::new(), ..answer };
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_the_entity_gets_a_304_without_a_body() {
        for (known, status) in
            [(None, 200), (Some("\"a\""), 304), (Some("\"b\", \"a\""), 304), (Some("\"b\""), 200)]
        {
            let mut headers = HeaderMap::new();
            if let Some(known) = known {
                headers.insert("if-none-match", known.parse().unwrap());
            }
            let request = Request {
                method: &Method::GET,
                path: "/page",
                query: "one=1&two=&three",
                headers: &headers,
                body: b"",
                now_micros: 0,
            };
            let answer = Answer::of("text/html", "<p>").tagged("\"a\"", &request);
            assert_eq!((answer.status, answer.body.is_empty()), (status, status == 304), "{known:?}");
            assert!(answer.headers.contains(&("etag", "\"a\"".to_owned())));
            assert_eq!(
                [request.asked("one"), request.asked("two"), request.asked("three")],
                [Some("1"), Some(""), None]
            );
            assert!(request.gets("/page") && !request.gets("/pages") && request.body.is_empty());
        }
    }
}
