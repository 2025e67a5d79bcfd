//! Turns failures into gaps: one per stretch without sight, with the cause that began it.

use market::{Gap, MarketEvent, Observation, Timestamp};

use super::FeedMessage;
use super::failure::{Ended, Failure};
use super::outlet::Outlet;

/// The gap of one feed, while it is open.
pub(super) struct GapKeeper {
    open: Option<Gap>,
}

impl GapKeeper {
    /// A feed that starts inside `open`, where the hub knows a gap already.
    pub(super) fn new(open: Option<Gap>) -> Self {
        Self { open }
    }

    /// Notes that the feed has not been watching since `from`; a gap that is open already goes on.
    pub(super) async fn open(
        &mut self,
        outlet: &Outlet,
        from: Timestamp,
        failure: &Failure,
    ) -> Result<(), Ended> {
        if self.open.is_some() {
            return Ok(());
        }
        let gap = Gap { from, until: None, cause: failure.cause, detail: failure.detail.clone() };
        self.open = Some(gap.clone());
        tell(outlet, gap).await
    }

    /// Notes that the feed watches again.
    pub(super) async fn close(&mut self, outlet: &Outlet) -> Result<(), Ended> {
        let Some(mut gap) = self.open.take() else {
            return Ok(());
        };
        gap.until = Some(outlet.now().max(gap.from));
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
