//! What mining earns beside what AI hosting is paid.

use std::collections::BTreeMap;
use std::sync::Arc;

use market::{
    Deal, FeedId, MarketEvent, Mining, Occasion, OccasionKind, PricePoint, entities, mining_usd_per_mw_year,
};
use smol_str::SmolStr;

use super::Assumptions;

/// Hashprice and revenue per megawatt, from the chain's latest state and Bitcoin's price.
pub(super) fn mining(
    chain: &BTreeMap<FeedId, Arc<MarketEvent>>,
    bitcoin: &PricePoint,
    assumed: &Assumptions,
) -> Option<Mining> {
    // The user's own node before anybody's word, unless it is an hour behind.
    let own = chain.iter().find(|(feed, _)| feed.as_str() == "bitcoin-node").map(|(_, event)| event);
    let latest = chain.values().max_by_key(|event| (event.receive_time, event.feed.clone()))?;
    let is_current =
        |event: &&Arc<MarketEvent>| latest.receive_time.since(event.receive_time).as_secs() < 3_600;
    let event = own.filter(is_current).unwrap_or(latest);
    let hashprice_usd = event.observation.chain_tip()?.hashprice_usd(bitcoin.price.get())?;
    Some(Mining {
        chain: Arc::clone(event),
        bitcoin: bitcoin.clone(),
        hashprice_usd,
        usd_per_mw_year: mining_usd_per_mw_year(hashprice_usd, assumed.joules_per_terahash, assumed.uptime),
        joules_per_terahash: assumed.joules_per_terahash,
        uptime: assumed.uptime,
    })
}

/// AI-hosting contracts whose worth and term are on record, newest first.
pub(super) fn deals(occasions: &[Occasion]) -> Vec<Deal> {
    let of_kind = occasions.iter().rev().filter(|occasion| occasion.kind == OccasionKind::Deal);
    of_kind.filter_map(deal).collect()
}

fn deal(occasion: &Occasion) -> Option<Deal> {
    let figures = &occasion.figures;
    let host = entities().get(occasion.entities.first()?)?;
    let ticker = host.tickers.iter().rfind(|ticker| ticker.until.is_none());
    Some(Deal {
        host: ticker.map_or_else(|| SmolStr::new(&host.name), |ticker| ticker.symbol.clone()),
        counterparty: SmolStr::new(figures.counterparty.as_ref()?),
        announced: occasion.at.date(),
        service: figures.service,
        usd: figures.usd?,
        years: figures.years?,
        megawatts: figures.megawatts,
        power: figures.power,
        usd_per_mw_year: occasion.usd_per_megawatt_year(),
        source: occasion.sources.join("; "),
    })
}
