//! Rows into columns and back: the border between our words and polars' frames.

use bytes::Bytes;
use market::{
    Alert, AlertState, Evidence, FeedId, Gap, GapCause, Liquidation, MarketEvent, Observation, Payload,
    PositionSide, Price, Quantity, RawFrame, Severity, Timestamp, Usd,
};
use polars::prelude::*;
use smol_str::SmolStr;

use crate::table::{Cells, Row, Table, text_of};

/// The columns of `rows`, which must all be of `table`, in the table's order.
pub(crate) fn to_frame(table: Table, rows: &[Row]) -> PolarsResult<DataFrame> {
    let columns = table.columns().iter().map(|name| column(table, name, rows)).collect();
    DataFrame::new(rows.len(), columns)
}

fn column(table: Table, name: &str, rows: &[Row]) -> Column {
    let seq = || integers(name, rows.iter().map(|row| Some(row.seq as i64)));
    match table {
        Table::Liquidations => {
            let parts = || rows.iter().map(Row::liquidation);
            let event = |get: fn(&MarketEvent) -> Timestamp| {
                times(name, parts().map(|part| part.map(|(event, _)| get(event))))
            };
            let text = |get: fn(&MarketEvent, &Liquidation) -> String| {
                texts(name, parts().map(|part| part.map(|(event, liquidation)| get(event, liquidation))))
            };
            let number = |get: fn(&Liquidation) -> Option<f64>| {
                numbers(name, parts().map(|part| part.and_then(|(_, liquidation)| get(liquidation))))
            };
            match name {
                "event_time" => event(|event| event.event_time),
                "receive_time" => event(|event| event.receive_time),
                "known_at" => event(|event| event.known_at),
                "venue" => text(|event, _| event.feed.to_string()),
                "symbol" => text(|_, liquidation| liquidation.symbol.to_string()),
                "instrument" => text(|_, liquidation| liquidation.instrument.to_string()),
                "asset" => text(|_, liquidation| liquidation.instrument.asset().to_owned()),
                "position" => text(|_, liquidation| liquidation.position.as_str().to_owned()),
                "price" => number(|liquidation| Some(liquidation.price.get())),
                "quantity" => number(|liquidation| liquidation.quantity.map(Quantity::get)),
                "notional_usd" => number(|liquidation| liquidation.notional.map(Usd::get)),
                "venue_id" => texts(
                    name,
                    parts().map(|part| part.and_then(|(_, liquidation)| liquidation.venue_id.clone())),
                ),
                _ => seq(),
            }
        }
        Table::Gaps => {
            let parts = || rows.iter().map(Row::gap);
            let time = |get: fn(&MarketEvent, &Gap) -> Option<Timestamp>| {
                times(name, parts().map(|part| part.and_then(|(event, gap)| get(event, gap))))
            };
            match name {
                "venue" => texts(name, parts().map(|part| part.map(|(event, _)| event.feed.to_string()))),
                "from" => time(|_, gap| Some(gap.from)),
                "until" => time(|_, gap| gap.until),
                "cause" => texts(name, parts().map(|part| part.map(|(_, gap)| gap.cause.as_str()))),
                "detail" => texts(name, parts().map(|part| part.map(|(_, gap)| gap.detail.as_str()))),
                "event_time" => time(|event, _| Some(event.event_time)),
                "receive_time" => time(|event, _| Some(event.receive_time)),
                "known_at" => time(|event, _| Some(event.known_at)),
                _ => seq(),
            }
        }
        Table::Alerts => alert_column(name, rows).unwrap_or_else(seq),
        Table::Frames => {
            let parts = || rows.iter().map(Row::frame);
            match name {
                "receive_time" => times(name, parts().map(|part| part.map(|(frame, _)| frame.receive_time))),
                "venue" => texts(name, parts().map(|part| part.map(|(frame, _)| frame.feed.as_str()))),
                "text" => texts(name, parts().map(|part| part.and_then(|(frame, _)| text_of(frame)))),
                "binary" => BinaryChunked::from_iter_options(
                    name.into(),
                    parts().map(|part| {
                        part.filter(|(frame, _)| text_of(frame).is_none())
                            .map(|(frame, _)| frame.payload.as_bytes())
                    }),
                )
                .into_column(),
                "rejected" => texts(name, parts().map(|part| part.and_then(|(_, rejected)| rejected))),
                _ => seq(),
            }
        }
    }
}

fn alert_column(name: &str, rows: &[Row]) -> Option<Column> {
    let parts = || rows.iter().map(Row::alert);
    let text = |get: fn(&Alert) -> &str| texts(name, parts().map(|alert| alert.map(get)));
    let number = |get: fn(&Evidence) -> f64| {
        numbers(name, parts().map(|alert| alert.map(|alert| get(&alert.evidence))))
    };
    let count = |get: fn(&Evidence) -> u64| {
        integers(name, parts().map(|alert| alert.map(|alert| get(&alert.evidence) as i64)))
    };
    Some(match name {
        "at" => times(name, parts().map(|alert| alert.map(|alert| alert.at))),
        "rule" => text(|alert| &alert.rule),
        "severity" => text(|alert| alert.severity.as_str()),
        "state" => text(|alert| alert.state.as_str()),
        "subject" => text(|alert| &alert.subject),
        "headline" => text(|alert| &alert.headline),
        "notional_usd" => number(|evidence| evidence.notional_usd),
        "threshold_usd" => number(|evidence| evidence.threshold_usd),
        "window_secs" => count(|evidence| evidence.window_secs),
        "events" => count(|evidence| evidence.events),
        "unknown_notional" => count(|evidence| evidence.unknown_notional),
        "coverage" => number(|evidence| evidence.coverage),
        _ => return None,
    })
}

fn times(name: &str, values: impl Iterator<Item = Option<Timestamp>>) -> Column {
    Int64Chunked::from_iter_options(name.into(), values.map(|time| time.map(Timestamp::as_micros)))
        .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
        .into_column()
}

fn integers(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    Int64Chunked::from_iter_options(name.into(), values).into_column()
}

fn numbers(name: &str, values: impl Iterator<Item = Option<f64>>) -> Column {
    Float64Chunked::from_iter_options(name.into(), values).into_column()
}

fn texts<T: AsRef<str>>(name: &str, values: impl Iterator<Item = Option<T>>) -> Column {
    let values: Vec<Option<T>> = values.collect();
    StringChunked::from_iter_options(name.into(), values.iter().map(|text| text.as_ref().map(AsRef::as_ref)))
        .into_column()
}

/// The rows of a frame that was read from a file of `table`.
///
/// # Errors
/// Says which row and column hold what they cannot hold. Columns that the file does not have (it is
/// older than they are) count as empty.
pub(crate) fn to_rows(table: Table, mut frame: DataFrame) -> Result<Vec<Row>, String> {
    frame.rechunk_mut();
    let columns = Columns { frame: &frame };
    let read = match table {
        Table::Liquidations => liquidation_at,
        Table::Gaps => gap_at,
        Table::Alerts => alert_at,
        Table::Frames => frame_at,
    };
    (0..frame.height())
        .map(|at| {
            let seq = columns.integer("seq", at)?;
            let cells = read(&columns, at)?;
            Ok(Row { seq: seq as u64, cells })
        })
        .collect::<Result<_, Bad>>()
        .map_err(|bad| format!("column {} of row {} {}", bad.column, bad.row, bad.problem))
}

struct Bad {
    column: &'static str,
    row: usize,
    problem: String,
}

struct Columns<'a> {
    frame: &'a DataFrame,
}

impl<'a> Columns<'a> {
    fn get<T>(
        &self,
        name: &'static str,
        at: usize,
        read: impl FnOnce(&'a Column) -> PolarsResult<Option<T>>,
    ) -> Result<Option<T>, Bad> {
        match self.frame.column(name) {
            Ok(column) => {
                read(column).map_err(|error| Bad { column: name, row: at, problem: error.to_string() })
            }
            Err(_) => Ok(None),
        }
    }

    fn time_or_null(&self, name: &'static str, at: usize) -> Result<Option<Timestamp>, Bad> {
        let micros = self.get(name, at, |column| Ok(column.datetime()?.physical().get(at)))?;
        micros
            .map(|micros| {
                Timestamp::from_micros(micros).ok_or_else(|| Bad {
                    column: name,
                    row: at,
                    problem: format!("is no time: {micros}"),
                })
            })
            .transpose()
    }

    fn time(&self, name: &'static str, at: usize) -> Result<Timestamp, Bad> {
        present(name, at, self.time_or_null(name, at)?)
    }

    fn text_or_null(&self, name: &'static str, at: usize) -> Result<Option<&'a str>, Bad> {
        self.get(name, at, |column| Ok(column.str()?.get(at)))
    }

    fn text(&self, name: &'static str, at: usize) -> Result<&'a str, Bad> {
        present(name, at, self.text_or_null(name, at)?)
    }

    fn number_or_null(&self, name: &'static str, at: usize) -> Result<Option<f64>, Bad> {
        self.get(name, at, |column| Ok(column.f64()?.get(at)))
    }

    fn number(&self, name: &'static str, at: usize) -> Result<f64, Bad> {
        present(name, at, self.number_or_null(name, at)?)
    }

    fn integer(&self, name: &'static str, at: usize) -> Result<i64, Bad> {
        present(name, at, self.get(name, at, |column| Ok(column.i64()?.get(at)))?)
    }
}

fn present<T>(column: &'static str, row: usize, value: Option<T>) -> Result<T, Bad> {
    value.ok_or(Bad { column, row, problem: "is empty".to_owned() })
}

fn meant<T, E: std::fmt::Display>(column: &'static str, row: usize, value: Result<T, E>) -> Result<T, Bad> {
    value.map_err(|error| Bad { column, row, problem: format!("is wrong: {error}") })
}

/// The one of `choices` that tables write as `text`.
fn chosen<T: Copy>(
    column: &'static str,
    row: usize,
    text: &str,
    choices: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, Bad> {
    choices.iter().copied().find(|choice| name(*choice) == text).ok_or_else(|| Bad {
        column,
        row,
        problem: format!("has no meaning: {text:?}"),
    })
}

fn liquidation_at(columns: &Columns<'_>, at: usize) -> Result<Cells, Bad> {
    let sides = [PositionSide::Long, PositionSide::Short];
    let optional = |name| columns.number_or_null(name, at);
    Ok(Cells::Event(MarketEvent {
        feed: FeedId::new(columns.text("venue", at)?),
        event_time: columns.time("event_time", at)?,
        receive_time: columns.time("receive_time", at)?,
        known_at: columns.time("known_at", at)?,
        observation: Observation::Liquidation(Liquidation {
            symbol: SmolStr::new(columns.text("symbol", at)?),
            instrument: meant("instrument", at, columns.text("instrument", at)?.parse())?,
            position: chosen("position", at, columns.text("position", at)?, &sides, PositionSide::as_str)?,
            price: meant("price", at, Price::new(columns.number("price", at)?))?,
            quantity: meant("quantity", at, optional("quantity")?.map(Quantity::new).transpose())?,
            notional: meant("notional_usd", at, optional("notional_usd")?.map(Usd::new).transpose())?,
            venue_id: columns.text_or_null("venue_id", at)?.map(SmolStr::new),
        }),
    }))
}

fn gap_at(columns: &Columns<'_>, at: usize) -> Result<Cells, Bad> {
    Ok(Cells::Event(MarketEvent {
        feed: FeedId::new(columns.text("venue", at)?),
        event_time: columns.time("event_time", at)?,
        receive_time: columns.time("receive_time", at)?,
        known_at: columns.time("known_at", at)?,
        observation: Observation::Gap(Gap {
            from: columns.time("from", at)?,
            until: columns.time_or_null("until", at)?,
            cause: chosen("cause", at, columns.text("cause", at)?, &GapCause::ALL, GapCause::as_str)?,
            detail: columns.text("detail", at)?.to_owned(),
        }),
    }))
}

fn alert_at(columns: &Columns<'_>, at: usize) -> Result<Cells, Bad> {
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let states = [AlertState::Raised, AlertState::Cleared, AlertState::NoData, AlertState::DataRestored];
    let text = |name| columns.text(name, at).map(str::to_owned);
    Ok(Cells::Alert(Alert {
        rule: text("rule")?,
        severity: chosen("severity", at, columns.text("severity", at)?, &severities, Severity::as_str)?,
        state: chosen("state", at, columns.text("state", at)?, &states, AlertState::as_str)?,
        at: columns.time("at", at)?,
        subject: text("subject")?,
        headline: text("headline")?,
        evidence: Evidence {
            window_secs: columns.integer("window_secs", at)? as u64,
            notional_usd: columns.number("notional_usd", at)?,
            threshold_usd: columns.number("threshold_usd", at)?,
            events: columns.integer("events", at)? as u64,
            unknown_notional: columns.integer("unknown_notional", at)? as u64,
            coverage: columns.number("coverage", at)?,
        },
    }))
}

fn frame_at(columns: &Columns<'_>, at: usize) -> Result<Cells, Bad> {
    let payload = if let Some(text) = columns.text_or_null("text", at)? {
        Payload::Text(Bytes::copy_from_slice(text.as_bytes()))
    } else {
        let bytes = columns.get("binary", at, |column| Ok(column.binary()?.get(at)))?;
        Payload::Binary(Bytes::copy_from_slice(present("binary", at, bytes)?))
    };
    let frame = RawFrame {
        feed: FeedId::new(columns.text("venue", at)?),
        receive_time: columns.time("receive_time", at)?,
        payload,
    };
    Ok(Cells::Frame { frame, rejected: columns.text_or_null("rejected", at)?.map(str::to_owned) })
}
