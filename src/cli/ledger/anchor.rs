//! `vigie ledger anchor`: the head in the Bitcoin chain, if the user wants and pays for it.

use std::io;

use clap::Args;
use feeds::NodeRpc;
use market::Clock;

use super::{say, signed_head};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::failure::Failure;
use crate::ledger::anchor::{Draft, draft, send};
use crate::ledger::{Expected, Reader};

/// The feed whose table says where the node is.
const NODE: &str = "bitcoin-node";
/// What must be typed.
const WORD: &str = "send";

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Anchor {
    /// Do it although the configuration does not say `[ledger] anchor = true`
    #[arg(long)]
    allow: bool,
    /// Send without asking; on regtest and signet only
    #[arg(long)]
    yes: bool,
    /// Show the transaction and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Satoshis per virtual byte instead of what the wallet thinks right
    #[arg(long, value_name = "SAT_PER_VB")]
    fee_rate: Option<f64>,
    /// The node's wallet, where it has several
    #[arg(long, value_name = "NAME")]
    wallet: Option<String>,
}

impl Anchor {
    pub(super) fn run(self, reader: &Reader, settings: &Settings) -> Result<(), Failure> {
        if !settings.config.ledger.anchor && !self.allow {
            return Err(Failure::Usage(
                "anchoring spends coins of your own node's wallet and is off; set [ledger] anchor = true, or give --allow"
                    .to_owned(),
            ));
        }
        let node = settings.feeds.iter().find(|(row, _)| row.id == NODE);
        let (row, config) = node.ok_or_else(|| {
            Failure::Usage(format!(
                "anchoring goes through your own node; enable [feeds.{NODE}] and say where it is"
            ))
        })?;
        // What is damaged is not to be sealed.
        reader.verify(&Expected::default())?;
        let head = signed_head(reader)?;
        let node = NodeRpc::new(row, config, self.wallet.as_deref())
            .map_err(|error| Failure::Usage(format!("{error}; see [feeds.{NODE}]")))?;
        let draft = draft(&node, &head, self.fee_rate)?;
        say(&draft.describe())?;
        if self.dry_run {
            return say("nothing was sent");
        }
        self.consent(&draft)?;
        let txid = send(&node, &draft)?;
        say(&format!("sent {txid}"))?;
        reader.note_anchor(&head, &draft.chain, txid, SystemClock.now())?;
        Ok(())
    }

    /// Nothing is sent unless somebody said so, knowing the chain and the fee.
    fn consent(&self, draft: &Draft) -> Result<(), Failure> {
        if self.yes && draft.is_playground() {
            return Ok(());
        }
        if self.yes {
            say(&format!("--yes counts on regtest and signet only, and this is {}", draft.chain))?;
        }
        say(&format!("type {WORD} to send it; it cannot be taken back"))?;
        let mut typed = String::new();
        io::stdin()
            .read_line(&mut typed)
            .map_err(|error| Failure::Usage(format!("read the answer: {error}; nothing was sent")))?;
        if typed.trim() == WORD {
            return Ok(());
        }
        Err(Failure::Usage("not sent".to_owned()))
    }
}
