//! `vigie ledger verify`: whether the ledger is what was written.

use clap::Args;
use serde_json::json;

use super::{say, say_json};
use crate::failure::Failure;
use crate::ledger::{Expected, LedgerError, PublicKey, Reader, Verified};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A head that you kept, HASH or COUNT:HASH; it must be in the chain
    #[arg(long, value_name = "HEAD")]
    expected_head: Option<String>,
    /// Whose signatures the heads must bear
    #[arg(long, value_name = "KEY")]
    public_key: Option<PublicKey>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self, reader: &Reader) -> Result<(), Failure> {
        let expected = self.expected_head.as_deref().map(Expected::head).transpose();
        let expected = expected.map_err(|error| Failure::Usage(error.to_string()))?.unwrap_or_default();
        let outcome = reader.verify(&Expected { public_key: self.public_key, ..expected });
        if self.json {
            match &outcome {
                Ok(verified) => say_json(&sound(verified))?,
                Err(LedgerError::Damaged(damage)) => say_json(&json!({
                    "sound": false,
                    "first_bad_record": damage.record(),
                    "problem": damage.to_string(),
                }))?,
                Err(_) => {}
            }
            outcome?;
            return Ok(());
        }
        let verified = outcome?;
        describe(&verified, self.public_key.is_some())
    }
}

fn sound(verified: &Verified) -> serde_json::Value {
    let span = verified.span.map(|(first, last)| [first.to_string(), last.to_string()]);
    json!({
        "sound": true,
        "count": verified.count,
        "abstained": verified.abstained,
        "span": span,
        "head": verified.head.as_ref().map(|head| head.hash),
        "root": verified.head.as_ref().map(|head| head.root),
        "public_key": verified.head.as_ref().map(|head| head.public_key),
        "expected_head_at": verified.expected,
        "anchors": verified.anchors,
        "unfinished_bytes": verified.unfinished,
    })
}

fn describe(verified: &Verified, is_key_known: bool) -> Result<(), Failure> {
    let Verified { count, abstained, span, head, expected, anchors, unfinished } = verified;
    let Some(head) = head else { return say("sound: the ledger has no forecast yet") };
    let span = span.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
    say(&format!("sound: {count} forecasts, {abstained} of them abstentions{span}"))?;
    say(&format!("head {count}:{}", head.hash))?;
    let whose = if is_key_known { "the key that you gave" } else { "its own key" };
    say(&format!("every head is signed by {whose}, {}", head.public_key))?;
    match expected {
        Some(at) => say(&format!(
            "the head that you kept is its head of {at} forecasts; {} were added since",
            count - at
        ))?,
        None => say(
            "give --expected-head with a head that you kept: only that shows a ledger rebuilt or rolled back as a whole",
        )?,
    }
    for anchor in anchors {
        say(&format!(
            "the head of {} forecasts was sent to the {} chain at {}, transaction {}; ask a node whether it is there",
            anchor.count, anchor.chain, anchor.sent_at, anchor.txid
        ))?;
    }
    if *unfinished > 0 {
        say(&format!(
            "{unfinished} bytes after the last signed forecast are a write that is going on, or was cut short; nobody was told of it"
        ))?;
    }
    Ok(())
}
