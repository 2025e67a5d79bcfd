//! `vigie ledger`: the record of forecasts: listed, shown, verified, replayed, exported, anchored.

mod anchor;
mod list;
mod replay;
mod verify;
mod write_out;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Global, say, say_json};
use crate::failure::Failure;
use crate::ledger::{Head, Reader, dir_in};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Ledger {
    /// Ledger to use instead of the store's: a copy that somebody gave you, for example
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// List forecasts, the latest last
    List(list::List),
    /// Show one forecast with everything it was made from, or the proof that it is in the ledger
    Show(list::Show),
    /// Check every hash, link and signature; name the first bad record
    Verify(verify::Verify),
    /// Make a forecast again from its record and compare every bit
    Replay(replay::Replay),
    /// Write all forecasts as CSV, or as lines that can be verified
    Export(write_out::Export),
    /// Print the signed head and the public key: keep them elsewhere
    Head(HeadOf),
    /// Write the head into the Bitcoin chain through your own node; shows everything and asks first
    Anchor(anchor::Anchor),
}

/// See [`LedgerCommand::Head`].
#[derive(Debug, Args)]
struct HeadOf {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Ledger {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let dir = self.dir.unwrap_or_else(|| dir_in(&settings.store_dir));
        let reader = Reader::open(&dir)?;
        match self.command {
            LedgerCommand::List(list) => list.run(&reader),
            LedgerCommand::Show(show) => show.run(&reader),
            LedgerCommand::Verify(verify) => verify.run(&reader),
            LedgerCommand::Replay(replay) => replay.run(&reader, &settings),
            LedgerCommand::Export(export) => export.run(&reader),
            LedgerCommand::Head(head) => head.run(&reader),
            LedgerCommand::Anchor(anchor) => anchor.run(&reader, &settings),
        }
    }
}

impl HeadOf {
    fn run(self, reader: &Reader) -> Result<(), Failure> {
        let head = signed_head(reader)?;
        if self.json {
            return say_json(&json!({
                "count": head.count,
                "hash": head.hash,
                "root": head.root,
                "signed_at": head.signed_at.to_string(),
                "public_key": head.public_key,
                "signature": head.signature,
                "verifier": head.public_key.verifier(),
            }));
        }
        say(&format!("head        {}:{}", head.count, head.hash))?;
        say(&format!("merkle root {}", head.root))?;
        say(&format!("signed at   {}", head.signed_at))?;
        say(&format!("public key  {}", head.public_key))?;
        say(&format!("verifier    {}", head.public_key.verifier()))?;
        say(&format!("signature   {}", head.signature))
    }
}

/// The last head; a ledger without one has nothing to say of it.
fn signed_head(reader: &Reader) -> Result<Head, Failure> {
    let head = reader.head()?;
    head.ok_or_else(|| {
        Failure::Usage("the ledger has no forecast yet; it begins with the first one".to_owned())
    })
}
