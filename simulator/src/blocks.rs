//! The simulated chain of blocks, its mempool and fees: what a Bitcoin node and mempool.space both tell.

use crate::chance::Chance;
use crate::scene::{Scene, rounded};

/// The height of the last halving before the simulated present, and when it was, seconds since 1970.
const HALVING: (i64, i64) = (840_000, 1_713_571_767);
/// Seconds between two blocks, on average.
const MEAN_SECS: f64 = 600.0;
/// Seconds from the market's start to the first new block: soon, so that there is something to see.
const FIRST_SECS: f64 = 100.0;
/// Satoshis that a block creates since the halving.
pub(crate) const SUBSIDY: i64 = 312_500_000;
/// How hard a block is to find, relative to the easiest.
pub(crate) const DIFFICULTY: f64 = 152_271_804_282_568.3;
/// Blocks after which difficulty changes.
const EPOCH: i64 = 2_016;

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) height: i64,
    /// When it was found, seconds since 1970 UTC.
    pub(crate) time: i64,
    pub(crate) hash: String,
    pub(crate) txs: i64,
    /// Satoshis.
    pub(crate) fees: i64,
    /// Satoshis per virtual byte: the 10th, 25th, 50th, 75th and 90th percentile by weight.
    pub(crate) fee_rates: [i64; 5],
    pub(crate) bytes: i64,
    pub(crate) weight: i64,
}

/// The chain at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    scene: &'a Scene<'a>,
    chance: Chance,
    /// The last block before the market began.
    first: i64,
    pub(crate) tip: i64,
}

impl<'a> Chain<'a> {
    pub(crate) fn of(scene: &'a Scene<'a>) -> Self {
        let chance = scene.chance("blocks");
        let (height, at) = HALVING;
        let first = height + ((scene.start_micros / 1_000_000 - at) as f64 / MEAN_SECS) as i64;
        let mut chain = Self { scene, chance, first, tip: first };
        let (mut found, now) = (FIRST_SECS, scene.secs());
        while found <= now {
            chain.tip += 1;
            found += chain.gap(chain.tip);
        }
        chain
    }

    /// Seconds from a block to the next.
    fn gap(&self, height: i64) -> f64 {
        (-(1.0 - self.chance.uniform(height)).ln() * MEAN_SECS).clamp(45.0, 3_600.0)
    }

    /// Seconds from the market's start to a block: negative for those before.
    fn found(&self, height: i64) -> f64 {
        if height > self.first {
            return FIRST_SECS + (self.first + 1..height).map(|one| self.gap(one)).sum::<f64>();
        }
        // The last one before came as long before the first as any other gap, but for the start's sake.
        -150.0 - (height..self.first).map(|one| self.gap(one)).sum::<f64>()
    }

    /// The block at `height`; `None` past the tip, and before any block that is told of.
    pub(crate) fn block(&self, height: i64) -> Option<Block> {
        if height > self.tip || height < self.tip - EPOCH {
            return None;
        }
        let draw = |number: i64| self.chance.uniform(height * 8 + number);
        let rate = 1.0 + 9.0 * self.chance.wave(height as f64, 9.0).abs();
        let bytes = 1_450_000 + (draw(0) * 320_000.0) as i64;
        Some(Block {
            height,
            time: self.scene.start_micros / 1_000_000 + self.found(height).floor() as i64,
            hash: self.hash(height),
            txs: 2_100 + (draw(1) * 3_200.0) as i64,
            fees: (rate * 998_000.0 * (0.9 + 0.3 * draw(2))) as i64,
            fee_rates: [0.4, 0.6, 1.0, 1.6, 3.0].map(|part| ((rate * part) as i64).max(1)),
            bytes,
            weight: 3_990_000 + (draw(3) * 9_000.0) as i64,
        })
    }

    /// 64 hexadecimal digits, the first of them zeros.
    pub(crate) fn hash(&self, height: i64) -> String {
        let bits = |number: i64| self.chance.bits(height * 8 + 4 + number);
        format!("{:020}{:016x}{:016x}{:012x}", 0, bits(0), bits(1), bits(2) >> 16)
    }

    /// Seconds since 1970 in the middle of the last eleven blocks' times.
    pub(crate) fn median_time(&self) -> i64 {
        self.block(self.tip - 5).map_or(0, |block| block.time)
    }

    /// Hashes per second.
    pub(crate) fn hash_rate(&self) -> f64 {
        let stir = 1.0 + 0.03 * self.chance.wave(self.scene.secs(), 1_800.0);
        (DIFFICULTY * 4_294_967_296.0 / MEAN_SECS * stir).floor()
    }

    /// Transactions that wait, their virtual bytes, and the satoshis that they pay: a block takes its part.
    pub(crate) fn mempool(&self) -> Mempool {
        let now = self.scene.secs();
        let since_block = now - self.found(self.tip);
        let flow = 1.0 + 0.25 * self.chance.wave(now, 420.0);
        let txs = 18_000.0 + 9.0 * since_block.min(3_000.0) * flow + 6_000.0 * self.chance.wave(now, 5_400.0);
        let vbytes = txs * 365.0;
        Mempool { txs: txs as i64, vbytes: vbytes as i64, fees: (vbytes * self.fee(6)) as i64 }
    }

    /// Satoshis per virtual byte that confirm within this many blocks.
    pub(crate) fn fee(&self, within: i64) -> f64 {
        let now = self.scene.secs();
        let demand = 2.6 + 1.9 * self.chance.wave(now, 900.0) + 0.3 * self.chance.wave(now, 60.0);
        rounded((demand * (2.4 / (within as f64 + 1.0)).sqrt()).max(0.1), 3)
    }

    pub(crate) fn minimum_fee() -> f64 {
        0.1
    }
}

/// What waits for a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mempool {
    pub(crate) txs: i64,
    pub(crate) vbytes: i64,
    /// Satoshis.
    pub(crate) fees: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Prices;
    use crate::scene::tests::{FRIDAY, market};

    fn at<T>(secs: i64, ask: impl FnOnce(Chain<'_>) -> T) -> T {
        let (market, prices) = (market(), Prices::default());
        let scene = Scene::of(&market, &prices, FRIDAY + secs * 1_000_000);
        ask(Chain::of(&scene))
    }

    #[test]
    fn the_first_block_comes_soon_and_then_one_every_ten_minutes() {
        let [start, soon, day] = [0, 101, 86_400].map(|secs| at(secs, |chain| chain.tip));
        assert_eq!(soon, start + 1);
        assert!((120..170).contains(&(day - start)), "{}", day - start);
        assert!((970_000..985_000).contains(&start), "{start}");
    }

    #[test]
    fn blocks_never_change_and_their_times_go_forward() {
        let tip = at(0, |chain| chain.tip);
        for height in tip - 40..=tip {
            let (early, late) = (at(0, |chain| chain.block(height)), at(7_200, |chain| chain.block(height)));
            assert_eq!(early, late);
            let (this, before) =
                at(0, |chain| (chain.block(height).unwrap(), chain.block(height - 1).unwrap()));
            assert!(this.time > before.time && this.time < FRIDAY / 1_000_000);
            assert!(this.hash.len() == 64 && this.hash.starts_with("0000000000000000000"));
            assert!((500_000..15_000_000).contains(&this.fees));
        }
        assert_eq!(at(0, |chain| chain.block(tip + 1)), None);
    }

    #[test]
    fn the_mempool_fills_between_blocks_and_fees_fall_with_patience() {
        let before = at(99, |chain| chain.mempool());
        let after = at(101, |chain| chain.mempool());
        assert!(before.txs > after.txs && after.txs > 5_000, "{before:?} {after:?}");
        let [fast, slow] = [2, 6].map(|within| at(0, |chain| chain.fee(within)));
        assert!(fast > slow && slow >= Chain::minimum_fee());
        let rate = at(0, |chain| chain.hash_rate());
        assert!((0.9e21..1.3e21).contains(&rate), "{rate}");
    }
}
