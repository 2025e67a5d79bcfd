//! What stands under each command's help: lines to try.

pub(super) const VIGIE: &str = "\
Examples:
  vigie demo                                a simulated market: ? shows the keys, q quits
  vigie doctor                              is everything there that a watch rests on?
  vigie --store S                           watch, and keep what is seen in S
  vigie export liquidations --store S       what was seen, as CSV

Exit codes: 0 ok, 2 usage or configuration, 3 store, 4 no feed reachable, 70 bug.
Logs go to stderr (to a file while the screen is up); VIGIE_LOG sets what is logged, for example VIGIE_LOG=debug.
NO_COLOR is heeded.";

pub(super) const DEMO: &str = "\
Examples:
  vigie demo
  vigie demo --scenario flash-crash --seed 7
  vigie demo --faults drop=30s,malformed=0.01,status=429:okx";

pub(super) const DAEMON: &str = "\
Examples:
  vigie daemon --store S >> alerts.jsonl
  vigie daemon --store S --events --for 30s";

pub(super) const DOCTOR: &str = "\
Examples:
  vigie doctor
  vigie doctor --feed okx --feed deribit --wait 30s";

pub(super) const CHECK_CONFIG: &str = "\
Examples:
  vigie check-config
  vigie --config mine.toml check-config --json";

pub(super) const BACKFILL: &str = "\
Examples:
  vigie backfill yahoo binance --store S --from 2024-01-01
  vigie backfill binance --store S --symbol BTC --interval 1h --from 2025-01-01";

pub(super) const IMPORT: &str = "\
Examples:
  vigie import etf-flows FILE.csv --store S
  vigie import bars KEEL.csv BTC-USD_1d.csv --store S";

pub(super) const RECORD: &str = "\
Examples:
  vigie record --out today.jsonl.zst --for 1h";

pub(super) const REPLAY: &str = "\
Examples:
  vigie replay today.jsonl.zst --store S    into a store; twice is still once
  vigie replay today.jsonl.zst --json       which rules would have fired?
  vigie replay today.jsonl.zst --tui --speed 10";

pub(super) const REBUILD: &str = "\
Examples:
  vigie rebuild --store S";

pub(super) const STATUS: &str = "\
Examples:
  vigie status --store S --json";

pub(super) const EXPORT: &str = "\
Examples:
  vigie export liquidations --store S --venue okx --format parquet --out okx.parquet
  vigie export etf_flows --store S --as-of 2025-11-18T02:10:00Z
  vigie export gaps --store S";

pub(super) const SNAPSHOT: &str = "\
Examples:
  vigie snapshot --workspace miners --out miners.svg
  vigie snapshot --demo --workspace regimes --size 120x40 --out regimes.svg
  vigie snapshot --store S --panel tape --out tape.svg";

pub(super) const EVENTS: &str = "\
Examples:
  vigie events --upcoming
  vigie events --about IREN
  vigie events study --store S --entity KEEL --date 2025-11-13";

pub(super) const REGIMES: &str = "\
Examples:
  vigie regimes FILE.csv --columns ret --model ms --switching-variance --chart ret.svg
  vigie regimes FILE.csv --columns level --model margin-only --horizon 5";

pub(super) const EVALUATE: &str = "\
Examples:
  vigie evaluate --input FILE.csv --horizon 5 --min-train 700 --refit 63
  vigie evaluate --store S --target vol-24h --audit";

pub(super) const TRAIN: &str = "\
Examples:
  vigie train --store S
  vigie train --store S --target vol-24h";

pub(super) const FORECAST: &str = "\
Examples:
  vigie forecast --store S
  vigie forecast --store S --as-of 2026-01-06T14:05:00Z";

pub(super) const MODELS: &str = "\
Examples:
  vigie models --store S
  vigie models show ID --store S
  vigie models excitation --store S";

pub(super) const LEDGER: &str = "\
Examples:
  vigie ledger list --store S
  vigie ledger verify --store S --expected-head HEAD
  vigie ledger replay 0 --store S --times 10000 --threads 4";

pub(super) const SIM: &str = "\
Examples:
  vigie sim > sim.toml                      and beside it: vigie --config sim.toml --store S
  vigie sim --faults drop=20s,malformed=0.01 --for 10m > sim.toml";
