//! What a source of fund flows has told: only what is new or changed is told again.

use std::collections::BTreeMap;

use market::{Date, EtfFlow, Observation, Usd};
use smol_str::SmolStr;

use crate::flow_grid::FundDay;
use crate::protocol::{DecodeError, FrameKind, Stamped};

/// Every flow told so far. A source prints its whole history each time; one cell of it is news.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowLedger {
    told: BTreeMap<(&'static str, Date, SmolStr), Option<Usd>>,
}

impl FlowLedger {
    /// Appends what is new in `days`, which are in order.
    pub(super) fn tell(&mut self, asset: &'static str, days: Vec<FundDay>, out: &mut Vec<Stamped>) {
        for FundDay { date, fund, net_flow } in days {
            let told = self.told.insert((asset, date, fund.clone()), net_flow);
            if told == Some(net_flow) {
                continue;
            }
            let flow = EtfFlow { fund, asset: SmolStr::new(asset), trade_date: date, net_flow };
            // Known when it is first seen here, however old the day is: sources revise.
            out.push(Stamped::news(date.start(), Observation::EtfFlow(flow)));
        }
    }

    /// What a frame of flows is, where `refused` says which of its rows are not told.
    ///
    /// # Errors
    /// No row is told.
    pub(super) fn verdict(told: usize, mut refused: Vec<String>) -> Result<FrameKind, DecodeError> {
        const LABEL: &str = "etf_flow";
        // A page that is all wrong needs no novel.
        const SHOWN: usize = 20;
        if refused.len() > SHOWN {
            let more = refused.len() - SHOWN;
            refused.truncate(SHOWN);
            refused.push(format!("and {more} more"));
        }
        match (told, refused.is_empty()) {
            (_, true) => Ok(FrameKind::Data(LABEL)),
            (0, false) => {
                Err(DecodeError::Page { reason: format!("no row can be trusted: {}", refused.join("; ")) })
            }
            (_, false) => Ok(FrameKind::DataWithout { label: LABEL, refused }),
        }
    }
}
