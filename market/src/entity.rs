//! Who and what the desk watches: companies, funds, coins and agents, and the names they go by, with dates.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::reference::{self, Reader, ReferenceError};
use crate::time::Date;

/// What an entity is to the desk. Many have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Mines bitcoin, or did so until lately.
    Miner,
    /// Leases data centres, or the machines in them, to users of AI.
    AiHost,
    /// Buys computing by the gigawatt.
    Hyperscaler,
    /// Designs the chips: for AI or for mining.
    Chipmaker,
    /// Holds coins on its balance sheet as a purpose.
    Treasury,
    /// A fund whose shares trade.
    Fund,
    /// Runs a venue where coins trade.
    Exchange,
    /// A coin.
    Coin,
    /// A token of a project that sells or steers AI, or computing for it.
    AiToken,
    /// Makes software agents that act on chains.
    Agent,
}

/// What one buys when one buys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetClass {
    /// Shares of a company.
    Equity,
    /// Shares of a fund.
    Fund,
    /// The coin of a chain.
    Coin,
    /// A token.
    Token,
    /// Nothing that trades.
    Private,
}

/// Entities that are averaged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basket {
    /// Listed bitcoin miners, also those that have turned to AI.
    Miners,
    /// Listed companies whose business is to host AI.
    AiHosts,
    /// Tokens of AI and computing projects.
    AiTokens,
    /// The buyers and makers of AI computing.
    BigTech,
    /// Listed companies whose business is to hold coins.
    Treasuries,
}

impl Basket {
    /// Every basket.
    pub const ALL: [Self; 5] = [Self::Miners, Self::AiHosts, Self::AiTokens, Self::BigTech, Self::Treasuries];

    /// The word in tables and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Miners => "miners",
            Self::AiHosts => "ai_hosts",
            Self::AiTokens => "ai_tokens",
            Self::BigTech => "big_tech",
            Self::Treasuries => "treasuries",
        }
    }
}

/// A name on an exchange, and when it was in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symbol {
    /// `KEEL`, `RENDER`.
    pub symbol: SmolStr,
    /// The exchange, for shares, where it is on record.
    #[serde(default)]
    pub exchange: Option<SmolStr>,
    /// The first day; `None`: from before our records.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub from: Option<Date>,
    /// The first day on which it was no longer in use; `None`: still in use.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub until: Option<Date>,
}

impl Symbol {
    /// Whether the name was in use on `date`.
    pub fn is_valid_on(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }
}

/// What a fund holds and who runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fund {
    /// The coin that it holds, as the entity's id; `None` for funds of shares.
    #[serde(default)]
    pub asset: Option<SmolStr>,
    /// Who runs it.
    pub issuer: String,
    /// The first day of trading as an exchange-traded fund, where it is on record.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub launched: Option<Date>,
}

/// A company, fund, coin, token or project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// The name in data and configuration: `keel`.
    pub id: SmolStr,
    /// The name for people.
    pub name: String,
    /// What it is to the desk; at least one.
    pub roles: Vec<Role>,
    /// What one buys when one buys it.
    pub class: AssetClass,
    /// Whether it can be bought today under a name of its own.
    pub is_listed: bool,
    /// Names on stock exchanges, oldest first.
    #[serde(default)]
    pub tickers: Vec<Symbol>,
    /// Names of its coin or token, oldest first. Which venues trade it, the venues tell.
    #[serde(default)]
    pub tokens: Vec<Symbol>,
    /// Other names under which people look for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The first day whose price is the price of what the entity is today: earlier prices are those of a
    /// shell, a predecessor or another business. `None`: no such trap is on record.
    #[serde(default, deserialize_with = "reference::some_date")]
    pub history_starts: Option<Date>,
    /// The baskets it is averaged in.
    #[serde(default)]
    pub baskets: Vec<Basket>,
    /// What a fund holds; `None` for all others.
    #[serde(default)]
    pub fund: Option<Fund>,
    /// What else to know.
    #[serde(default)]
    pub note: Option<String>,
    /// What is believed and not confirmed.
    #[serde(default)]
    pub unconfirmed: Option<String>,
    /// Where this is from.
    pub sources: Vec<String>,
}

impl Entity {
    /// Whether it has that role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.tickers.iter().chain(&self.tokens)
    }
}

/// An entity found by a name, which may be an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolMatch<'a> {
    /// Who it is.
    pub entity: &'a Entity,
    /// The name that was asked for.
    pub asked: &'a Symbol,
    /// The name that took its place; `None` while the one asked for is in use, or when none did.
    pub renamed_to: Option<&'a Symbol>,
}

impl fmt::Display for SymbolMatch<'_> {
    /// `BITF: KEEL since 2026-04-06 (Keel Infrastructure)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.entity.name;
        match (self.renamed_to, self.asked.until) {
            (Some(Symbol { symbol, from: Some(from), .. }), _) => {
                write!(f, "{}: {symbol} since {from} ({name})", self.asked.symbol)
            }
            (Some(Symbol { symbol, .. }), _) => write!(f, "{}: now {symbol} ({name})", self.asked.symbol),
            (None, Some(until)) => write!(f, "{}: not in use since {until} ({name})", self.asked.symbol),
            (None, None) => write!(f, "{} ({name})", self.asked.symbol),
        }
    }
}

/// Every entity, in the order in which tables show them.
#[derive(Clone, Debug)]
pub struct Entities {
    all: Vec<Entity>,
}

/// The shipped entities: `data/entities.toml`.
pub fn entities() -> &'static Entities {
    static ENTITIES: LazyLock<Entities> = LazyLock::new(|| {
        let text = include_str!("../../data/entities.toml");
        Entities::parse(text, "data/entities.toml").expect("a test parses the shipped entities")
    });
    &ENTITIES
}

impl Entities {
    /// Reads entities.
    ///
    /// # Errors
    /// The text is no list of entities, or the list contradicts itself; the error names entry and key.
    fn parse(text: &str, origin: &str) -> Result<Self, ReferenceError> {
        let reader = Reader { origin };
        let mut table = reader.table(text)?;
        let entries: Vec<(String, Entity)> = reader.take(&mut table, "entity")?;
        reader.finish(&table, "[[entity]]")?;
        let mut seen = BTreeSet::new();
        for (place, entity) in &entries {
            check(entity).map_err(|problem| reader.refuse(place, problem))?;
            if !seen.insert(entity.id.clone()) {
                return Err(reader.refuse(place, "id stands there twice"));
            }
        }
        let all: Vec<Entity> = entries.into_iter().map(|(_, entity)| entity).collect();
        for (at, entity) in all.iter().enumerate() {
            let others = &all[at + 1..];
            let pairs = [(entity.tickers.as_slice(), true), (&entity.tokens, false)];
            for (symbols, is_ticker) in pairs {
                for symbol in symbols {
                    let rival = others.iter().find(|other| {
                        let theirs = if is_ticker { &other.tickers } else { &other.tokens };
                        theirs.iter().any(|theirs| overlaps(symbol, theirs))
                    });
                    if let Some(rival) = rival {
                        let problem = format!("{} is also {}'s at that time", symbol.symbol, rival.id);
                        return Err(reader.refuse(&format!("entity {}", entity.id), problem));
                    }
                }
            }
            if let Some(asset) = entity.fund.as_ref().and_then(|fund| fund.asset.as_ref())
                && !seen.contains(asset)
            {
                let problem = format!("fund.asset is {asset:?}, which is no entity's id");
                return Err(reader.refuse(&format!("entity {}", entity.id), problem));
            }
        }
        Ok(Self { all })
    }

    /// Every entity.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entity> {
        self.all.iter()
    }

    /// The entity with that id.
    pub fn get(&self, id: &str) -> Option<&Entity> {
        self.all.iter().find(|entity| entity.id == id)
    }

    /// The ticker of entity `id` on `date`.
    pub fn ticker_of(&self, id: &str, date: Date) -> Option<&str> {
        let found = self.get(id)?.tickers.iter().find(|ticker| ticker.is_valid_on(date))?;
        Some(found.symbol.as_str())
    }

    /// Who goes, or last went, by a ticker: `BITF` finds Keel Infrastructure and tells the new name.
    pub fn by_ticker(&self, ticker: &str) -> Option<SymbolMatch<'_>> {
        self.by_symbol(ticker, |entity| &entity.tickers)
    }

    /// Which coin or token goes, or last went, by a symbol: `RNDR` finds Render.
    pub fn by_token(&self, token: &str) -> Option<SymbolMatch<'_>> {
        self.by_symbol(token, |entity| &entity.tokens)
    }

    fn by_symbol<'a>(
        &'a self,
        asked: &str,
        symbols: impl Fn(&'a Entity) -> &'a Vec<Symbol>,
    ) -> Option<SymbolMatch<'a>> {
        let named =
            self.all.iter().flat_map(|entity| symbols(entity).iter().map(move |symbol| (entity, symbol)));
        // A name in use beats one given up; of those, the one given up last.
        let (entity, asked) = named
            .filter(|(_, symbol)| symbol.symbol.eq_ignore_ascii_case(asked))
            .max_by_key(|(_, symbol)| (symbol.until.is_none(), symbol.until))?;
        let renamed_to = match asked.until {
            None => None,
            Some(_) => symbols(entity).iter().rfind(|symbol| symbol.until.is_none()),
        };
        Some(SymbolMatch { entity, asked, renamed_to })
    }

    /// Everyone with that role.
    pub fn with_role(&self, role: Role) -> Vec<&Entity> {
        self.all.iter().filter(|entity| entity.is(role)).collect()
    }

    /// The members of the basket called `name`; `None` when there is no such basket.
    pub fn basket(&self, name: &str) -> Option<Vec<&Entity>> {
        let basket = Basket::ALL.into_iter().find(|basket| basket.as_str() == name)?;
        Some(self.all.iter().filter(|entity| entity.baskets.contains(&basket)).collect())
    }

    /// The tickers on `on` of companies and of funds of shares. Funds of coins are in [`Entities::funds`].
    pub fn equity_symbols(&self, on: Date) -> Vec<&str> {
        self.all
            .iter()
            .filter(|entity| entity.fund.as_ref().is_none_or(|fund| fund.asset.is_none()))
            .flat_map(|entity| &entity.tickers)
            .filter(|ticker| ticker.is_valid_on(on))
            .map(|ticker| ticker.symbol.as_str())
            .collect()
    }

    /// The symbols on `on` of coins and tokens.
    pub fn token_symbols(&self, on: Date) -> Vec<&str> {
        let tokens = self.all.iter().flat_map(|entity| &entity.tokens);
        tokens.filter(|token| token.is_valid_on(on)).map(|token| token.symbol.as_str()).collect()
    }

    /// The funds that hold a coin, by its symbol (`BTC`), in the order of the flow tables.
    pub fn funds(&self, asset: &str) -> Vec<&Entity> {
        let Some(coin) = self.by_token(asset) else { return Vec::new() };
        let holds = |entity: &&Entity| {
            entity.fund.as_ref().and_then(|fund| fund.asset.as_ref()) == Some(&coin.entity.id)
        };
        self.all.iter().filter(holds).collect()
    }
}

fn overlaps(a: &Symbol, b: &Symbol) -> bool {
    let starts_before_end = |a: &Symbol, b: &Symbol| match (a.from, b.until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    a.symbol == b.symbol && starts_before_end(a, b) && starts_before_end(b, a)
}

/// What in an entry contradicts itself.
fn check(entity: &Entity) -> Result<(), String> {
    let is_kebab = |id: &str| {
        !id.is_empty()
            && id.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            })
    };
    if !is_kebab(&entity.id) {
        return Err("id is not lower-case words joined by -".to_owned());
    }
    if entity.name.is_empty() || entity.roles.is_empty() || entity.sources.is_empty() {
        return Err("name, roles and sources must not be empty".to_owned());
    }
    for symbol in entity.symbols() {
        let name = &symbol.symbol;
        if name.is_empty() || name.bytes().any(|c| !c.is_ascii_uppercase() && !c.is_ascii_digit()) {
            return Err(format!("symbol {name:?} is not upper-case letters and digits"));
        }
        if symbol.from.zip(symbol.until).is_some_and(|(from, until)| from >= until) {
            return Err(format!("symbol {name}: from is not before until"));
        }
    }
    for names in [&entity.tickers, &entity.tokens] {
        let is_ordered = names.windows(2).all(|pair| match (pair[0].until, pair[1].from) {
            (Some(until), Some(from)) => until <= from,
            _ => false,
        });
        if !is_ordered {
            return Err("symbols are not one after the other, oldest first".to_owned());
        }
    }
    if entity.is_listed != entity.symbols().any(|symbol| symbol.until.is_none()) {
        return Err("is_listed must say whether a ticker or token is in use".to_owned());
    }
    if (entity.class == AssetClass::Fund) != entity.fund.is_some() {
        return Err("fund must be given for funds and for no other class".to_owned());
    }
    let trades_as = match entity.class {
        AssetClass::Equity | AssetClass::Fund => entity.tokens.is_empty() && !entity.tickers.is_empty(),
        AssetClass::Coin | AssetClass::Token => entity.tickers.is_empty() && !entity.tokens.is_empty(),
        AssetClass::Private => entity.symbols().next().is_none(),
    };
    if trades_as { Ok(()) } else { Err("class does not fit tickers and tokens".to_owned()) }
}

#[cfg(test)]
mod tests;
