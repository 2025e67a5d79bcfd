//! `vigie status`: what the store holds.

use clap::Args;
use store::Reader;

use super::{Global, say, say_json};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let summary = Reader::open(&settings.store_dir)?.summary()?;
        if self.json {
            return say_json(&summary);
        }
        let text =
            toml::to_string(&summary).map_err(|error| Failure::Bug(format!("print the summary: {error}")))?;
        say(&format!("# {}\n{}", settings.store_dir.display(), text.trim_end()))
    }
}
