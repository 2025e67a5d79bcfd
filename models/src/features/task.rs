//! What rows are made of: the targets, under the name that forecasts know them by.

pub use market::{Grid, MOST_DECISIONS as MOST_ROWS, TARGETS as TASKS, Target as Task, target as task};
pub(super) use market::{Subject, TooManyDecisions};

use super::FeatureError;

impl From<TooManyDecisions> for FeatureError {
    fn from(TooManyDecisions { count, from }: TooManyDecisions) -> Self {
        Self::TooManyRows { rows: count, most: MOST_ROWS, from }
    }
}
