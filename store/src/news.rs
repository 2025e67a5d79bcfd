//! What an import adds: events that the store does not know yet.

use std::collections::BTreeSet;

use market::MarketEvent;

use crate::asof::{Known, Word};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::table::{Row, Table, time_of};

impl Reader {
    /// Those of the events that add something, in their order: taking in the same file twice adds
    /// nothing the second time. What is told again adds something if it differs from what was known at
    /// that moment, or was knowable earlier; what occurs (quotes, funding, open interest, liquidations
    /// without a venue's id) if the store does not hold it. Gaps are always new.
    ///
    /// # Errors
    /// As [`Reader::liquidations`].
    pub fn news(&self, events: Vec<MarketEvent>) -> Result<Vec<MarketEvent>, StoreError> {
        let words = (events.iter().zip(u64::MAX / 2..))
            .map(|(event, number)| Word::of(event, number))
            .collect::<Result<Vec<Word>, StoreError>>()?;
        let tables: BTreeSet<Table> = events.iter().map(|event| Table::of(&event.observation)).collect();
        let mut known = Known::about(words.iter().map(|word| word.subject));
        for table in tables.into_iter().filter(|table| *table != Table::Gaps) {
            self.recall(table, &events, &mut known)?;
        }
        let mut news = Vec::new();
        for (event, word) in events.into_iter().zip(words) {
            let is_gap = event.observation.gap().is_some();
            if is_gap || known.is_news(&word, &event) {
                known.add(word, event.clone());
                news.push(event);
            }
        }
        Ok(news)
    }

    /// Adds what the store holds on the events of `table`.
    fn recall(&self, table: Table, events: &[MarketEvent], known: &mut Known) -> Result<(), StoreError> {
        let mut times: Vec<_> =
            events.iter().filter(|event| Table::of(&event.observation) == table).map(time_of).collect();
        times.sort_unstable();
        let may_hold = |file: &crate::manifest::TableFile| {
            // A block of one height may have been told with another time.
            let next = times.partition_point(|time| *time < file.min_time);
            let has_time = times.get(next).is_some_and(|time| *time <= file.max_time);
            has_time || table == Table::Chain
        };
        let is_asked = |row: &Row| table == Table::Chain || times.binary_search(&row.time()).is_ok();
        for row in self.collect(table, &may_hold, &is_asked)? {
            let seq = row.seq;
            if let Some(event) = row.into_event() {
                known.add(Word::of(&event, seq)?, event);
            }
        }
        Ok(())
    }
}
