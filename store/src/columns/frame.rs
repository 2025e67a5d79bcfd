//! Columns of `frames`.

use bytes::Bytes;
use market::{FeedId, Payload, RawFrame};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Kind, Value, integer, text, time};
use crate::table::Cells;

/// `request` is empty for what a venue sent unasked; `text` and `binary` are the answer's body else.
pub(super) const COLUMNS: [Heading; 7] = [
    time("receive_time"),
    text("venue"),
    text("text"),
    Heading { name: "binary", kind: Kind::Binary },
    text("rejected"),
    integer("seq"),
    text("request"),
];

pub(super) fn cell<'a>(frame: &'a RawFrame, rejected: Option<&'a str>, name: &str) -> Value<'a> {
    match name {
        "receive_time" => Value::Time(frame.receive_time),
        "venue" => Value::text(frame.feed.as_str()),
        "text" => Value::text_or_empty(text_of(frame)),
        "binary" => match text_of(frame) {
            Some(_) => Value::Empty,
            None => Value::Binary(frame.payload.as_bytes()),
        },
        "rejected" => Value::text_or_empty(rejected),
        "request" => Value::text_or_empty(frame.payload.request()),
        _ => Value::Empty,
    }
}

/// A frame's text, if it is one. Text that is not UTF-8 after all counts as binary.
fn text_of(frame: &RawFrame) -> Option<&str> {
    match &frame.payload {
        Payload::Text(bytes) | Payload::Answer { body: bytes, .. } => std::str::from_utf8(bytes).ok(),
        Payload::Binary(_) => None,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Cells, Bad> {
    let text = columns.text_or_null("text", at);
    let bytes = match text {
        Some(text) => Bytes::copy_from_slice(text.as_bytes()),
        None => Bytes::copy_from_slice(columns.binary("binary", at)?),
    };
    let payload = match columns.text_or_null("request", at) {
        Some(request) => Payload::Answer { request: SmolStr::new(request), body: bytes },
        None if text.is_some() => Payload::Text(bytes),
        None => Payload::Binary(bytes),
    };
    let frame = RawFrame {
        feed: FeedId::new(columns.text("venue", at)?),
        receive_time: columns.time("receive_time", at)?,
        payload,
    };
    Ok(Cells::Frame { frame, rejected: columns.text_or_null("rejected", at).map(str::to_owned) })
}
