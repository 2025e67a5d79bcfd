//! Who holds how many coins.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::money::Quantity;
use crate::time::Date;

/// Coins that an entity held on a day, as one source told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// The holder's name as the source writes it.
    pub holder: SmolStr,
    /// Its ticker, where it is listed.
    pub ticker: Option<SmolStr>,
    /// The coin, upper case.
    pub asset: SmolStr,
    /// Coins.
    pub quantity: Quantity,
    /// The day that the figure is for.
    pub as_of: Date,
}
