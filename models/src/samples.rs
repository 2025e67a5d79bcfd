//! What a forecast of a regime learns from: rows at decision times, each with only what was known by then.

use market::Timestamp;

/// Which family a column belongs to. Everything but [`Group::Core`] has to earn its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The history of the forecast quantity itself: always used.
    Core,
    /// Fund flows.
    Flows,
    /// Miners' shares.
    Miners,
    /// Liquidations.
    Liquidations,
    /// Tokens of decentralised AI.
    Ai,
    /// Funding and open interest.
    Funding,
    /// Highs and lows.
    Range,
    /// Hour and weekday.
    Calendar,
}

impl Group {
    /// Every group that has to earn its place.
    pub const OUTSIDE: [Self; 7] =
        [Self::Flows, Self::Miners, Self::Liquidations, Self::Ai, Self::Funding, Self::Range, Self::Calendar];

    /// `core`, `flows`, `miners`, `liquidations`, `ai`, `funding`, `range` or `calendar`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Flows => "flows",
            Self::Miners => "miners",
            Self::Liquidations => "liquidations",
            Self::Ai => "ai",
            Self::Funding => "funding",
            Self::Range => "range",
            Self::Calendar => "calendar",
        }
    }
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: `har_5`, `flow_5d_z`.
    pub name: String,
    /// Its family.
    pub group: Group,
}

/// What ends the name of a column that says how far its neighbours can be relied on.
const STANDING: [&str; 3] = ["_age", "_told", "_coverage"];

impl Column {
    /// Whether it says how old or how complete its neighbours are, and nothing of the market. Such a column stays put
    /// for years where nothing is known, or all of it is, so that a weight on it would be an intercept: a group
    /// without data would seem to say something.
    pub fn is_standing(&self) -> bool {
        STANDING.iter().any(|ending| self.name.ends_with(ending))
    }
}

/// Rows on a regular grid of decision times, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Decision times, ascending, one grid step apart (a session, a day, an hour).
    pub times: Vec<Timestamp>,
    /// The quantity whose regime is forecast, over the window that ends at the row, as known at the row's
    /// time: the log of realised volatility, say. `None` where too little of the window was observed.
    pub level: Vec<Option<f64>>,
    /// The features.
    pub columns: Vec<Column>,
    /// Rows × columns, row-major, finite. What was not known is 0 (its column is a robust z, whose middle
    /// is 0), and an `…_age` column says how old what is carried forward is.
    pub values: Vec<f64>,
}

impl Samples {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The features of one row, in order of `columns`; empty beyond the last.
    pub fn row(&self, row: usize) -> &[f64] {
        let width = self.columns.len();
        self.values.get(row * width..(row + 1) * width).unwrap_or_default()
    }
}
