//! Rules: what raises an alert, when it clears, and when there is not enough data to say.

mod liquidations;
mod regime;

use market::{Alert, Board, MarketEvent, RuleStatus, Timestamp};

/// A rule: a deterministic state machine over events and time.
pub trait Rule: Send {
    /// Its name in `config.toml`.
    fn name(&self) -> &str;

    /// Takes an event in. The hub calls it once for every event, in order of receive time.
    fn observe(&mut self, event: &MarketEvent);

    /// Decides what there is to say at `now`. `board` gives the feeds' coverage.
    fn evaluate(&mut self, now: Timestamp, board: &Board) -> Option<Alert>;

    /// Where it stands, for the screen.
    fn status(&self) -> RuleStatus;
}

/// Makes a rule from its name and its table, or says what is wrong with the table.
pub type Build = fn(&str, toml::Table) -> Result<Box<dyn Rule>, String>;

/// One kind of rule.
pub struct RuleRow {
    /// The `kind` that a rule's table names.
    pub kind: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Builds a rule from its name and the rest of its table; the error names the key and the remedy.
    pub build: Build,
}

/// Every kind of rule.
pub const RULES: &[RuleRow] = &[liquidations::ROW, regime::ROW];

/// Builds the rule `name` from its table.
///
/// # Errors
/// The kind is missing or unknown, or the kind refuses the table; the text says what to write.
pub fn build(name: &str, mut table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let known = || RULES.iter().map(|row| row.kind).collect::<Vec<_>>().join(", ");
    let Some(kind) = table.remove("kind") else {
        return Err(format!("has no kind; add kind = \"…\", one of: {}", known()));
    };
    let row = RULES
        .iter()
        .find(|row| kind.as_str() == Some(row.kind))
        .ok_or_else(|| format!("has kind = {kind}; known are: {}", known()))?;
    (row.build)(name, table)
}
