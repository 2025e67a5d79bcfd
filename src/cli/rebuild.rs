//! `vigie rebuild`: every stored frame decoded anew, with today's decoders.

use std::borrow::Cow;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{Global, say, say_json};
use crate::clock::SystemClock;
use crate::engine::Decoders;
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

impl Rebuild {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let mut decoders = Decoders::new(&settings.config);
        let rebuilt = store::rebuild(&settings.store_dir, Arc::new(SystemClock), &mut |frame| {
            let Some(decoded) = decoders.decode(frame.clone()) else {
                return (Some(format!("no feed is called {}", frame.feed)), Vec::new());
            };
            let rejected = decoded.verdict.complaint().map(Cow::into_owned);
            (rejected, decoded.events)
        })?;
        if self.json {
            return say_json(&json!({
                "frames": rebuilt.frames,
                "rejected": rebuilt.rejected,
                "reconsidered": rebuilt.reconsidered,
                "liquidations_before": rebuilt.liquidations_before,
                "liquidations": rebuilt.liquidations,
                "others_before": rebuilt.others_before,
                "others": rebuilt.others,
            }));
        }
        say(&format!(
            "{} frames decoded anew: {} liquidations (were {}), {} other events (were {}); {} frames rejected, {} judged otherwise than before",
            rebuilt.frames,
            rebuilt.liquidations,
            rebuilt.liquidations_before,
            rebuilt.others,
            rebuilt.others_before,
            rebuilt.rejected,
            rebuilt.reconsidered
        ))
    }
}
