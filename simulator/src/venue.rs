//! Which venues are simulated, and what they are called.

use std::fmt;
use std::sync::LazyLock;

use crate::venues::{Share, VENUES, VenueRow};

/// A simulated venue: a row of the table of venues.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Venue(u8);

impl Venue {
    /// Every venue, in the order in which simultaneous frames are told.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..VENUES.len() as u8).map(Self)
    }

    /// The name in configuration, on the tape and in the counters.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// The venue called `id`.
    pub fn find(id: &str) -> Option<Self> {
        Self::all().find(|venue| venue.id() == id)
    }

    /// Whether positions are liquidated here; elsewhere only prices, flows or blocks are told of.
    pub fn liquidates(self) -> bool {
        self.row().share != Share::Beside(0.0)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn row(self) -> &'static VenueRow {
        &VENUES[self.index()]
    }
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What to write where a venue is asked for.
pub(crate) static REMEDY: LazyLock<String> = LazyLock::new(|| {
    let ids: Vec<&str> = VENUES.iter().map(|row| row.id).collect();
    format!("use one of {}", ids.join(", "))
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Delivery;

    #[test]
    fn every_venue_is_found_by_its_own_name_and_no_other() {
        for venue in Venue::all() {
            assert_eq!(Venue::find(venue.id()), Some(venue));
            assert_eq!(VENUES.iter().filter(|row| row.id == venue.id()).count(), 1, "{venue}");
        }
        assert!(Venue::find("binance").is_none() && Venue::find("").is_none());
        let idle: Vec<Venue> = Venue::all().filter(|venue| !venue.liquidates()).collect();
        assert!(idle.len() > 10);
        assert!(idle.iter().all(|venue| (venue.row().lists)(Delivery::next(0)).is_empty()));
        assert!(REMEDY.starts_with("use one of binance-usdm, "));
    }
}
