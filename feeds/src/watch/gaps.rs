//! Turns failures into gaps: one per stretch without sight, with the cause that began it.

use market::{Gap, MarketEvent, Observation, Timestamp};

use super::FeedMessage;
use super::failure::{Ended, Failure};
use super::outlet::Outlet;

/// The gap of one feed, while it is open.
pub(crate) struct GapKeeper {
    open: Option<Gap>,
    /// When the last gap ended: the next one begins no sooner, or a moment would be missing twice.
    closed_at: Timestamp,
}

impl GapKeeper {
    /// A feed that starts inside `open`, where the hub knows a gap already.
    pub(crate) fn new(open: Option<Gap>) -> Self {
        Self { open, closed_at: Timestamp::EPOCH }
    }

    /// Notes that the feed has not been watching since `from`; a gap that is open already goes on.
    pub(crate) async fn open(
        &mut self,
        outlet: &Outlet,
        from: Timestamp,
        failure: &Failure,
    ) -> Result<(), Ended> {
        if self.open.is_some() {
            return Ok(());
        }
        let from = from.max(self.closed_at);
        let gap = Gap { from, until: None, cause: failure.cause, detail: failure.detail.clone() };
        self.open = Some(gap.clone());
        tell(outlet, gap).await
    }

    /// Notes that the feed watches again.
    pub(crate) async fn close(&mut self, outlet: &Outlet) -> Result<(), Ended> {
        let Some(mut gap) = self.open.take() else {
            return Ok(());
        };
        self.closed_at = outlet.now().max(gap.from);
        gap.until = Some(self.closed_at);
        tell(outlet, gap).await
    }
}

async fn tell(outlet: &Outlet, gap: Gap) -> Result<(), Ended> {
    let now = outlet.now();
    let event = MarketEvent {
        feed: outlet.feed().clone(),
        event_time: gap.from,
        receive_time: now,
        known_at: now,
        observation: Observation::Gap(gap),
    };
    outlet.send(FeedMessage::Gap(event)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use market::{FeedId, GapCause, ManualClock};
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::super::timing::Timing;
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(secs))
    }

    #[tokio::test]
    async fn a_gap_begins_no_sooner_than_the_last_one_ended() {
        let clock = Arc::new(ManualClock::new(at(10)));
        let (out, mut told) = mpsc::channel(8);
        let outlet =
            Outlet::new(FeedId::new("okx"), clock, out, CancellationToken::new(), &Timing::default());
        let failure = Failure::new(GapCause::Disconnected, String::new());
        let mut gaps = GapKeeper::new(None);
        gaps.open(&outlet, at(5), &failure).await.unwrap();
        gaps.close(&outlet).await.unwrap();
        gaps.open(&outlet, at(9), &failure).await.unwrap();
        drop(outlet);
        let mut starts = Vec::new();
        while let Some(FeedMessage::Gap(event)) = told.recv().await {
            starts.push(event.event_time);
        }
        assert_eq!(starts, [at(5), at(5), at(10)]);
    }
}
