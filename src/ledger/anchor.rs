//! Writes a head into the Bitcoin chain through the user's own node: drafted, shown, and sent only when told to.
//!
//! An anchor shows that the head existed when its block was made. The node's wallet pays and signs; what it signed is
//! read here before anybody is asked.

use std::fmt::Write as _;

use feeds::{NodeError, NodeRpc};
use serde_json::{Value, json};

use super::head::Head;
use super::transaction::Transaction;
use super::words::{Digest, hex};

/// What the bytes in the chain begin with; the head's hash follows.
pub const TAG: &[u8; 6] = b"VIGIE1";

/// Satoshis in a bitcoin, the unit of the node's answers.
const SATOSHIS: f64 = 1e8;

/// Chains whose coins are worth nothing, where `--yes` is enough.
const PLAYGROUNDS: [&str; 2] = ["regtest", "signet"];

/// Why a head cannot be anchored.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The node cannot be asked, or refuses.
    #[error("{method}: {source}; [feeds.bitcoin-node] says where the node is")]
    Node {
        /// The call.
        method: &'static str,
        /// What came of it.
        source: NodeError,
    },
    /// The node's answer is not what was asked for. Nothing was sent.
    #[error("{method}: {problem}; nothing was sent")]
    Answer {
        /// The call.
        method: &'static str,
        /// What is wrong with its answer.
        problem: String,
    },
    /// The fee rate is not one.
    #[error("a fee rate of {rate} sat/vB is impossible; use 0.1 to 10000")]
    FeeRate {
        /// What was given.
        rate: f64,
    },
}

/// A transaction that is signed and not sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Which chain, in the node's word.
    pub chain: String,
    /// The head that it carries.
    pub head: Head,
    /// The transaction, hex.
    pub raw: String,
    /// Its id.
    pub txid: Digest,
    /// What the wallet pays for it, satoshis.
    pub fee: u64,
    /// Its size in virtual bytes.
    pub vsize: u64,
}

/// The bytes that are written: the tag and the hash of the last record.
pub fn payload(head: &Head) -> Vec<u8> {
    [&TAG[..], head.hash.as_bytes()].concat()
}

/// Has the node's wallet make and sign a transaction that carries `head`, at `fee_rate` sat/vB or at the wallet's own
/// choice. Nothing is sent.
///
/// # Errors
/// The node cannot, or its answer is not what was asked for.
pub fn draft(node: &NodeRpc, head: &Head, fee_rate: Option<f64>) -> Result<Draft, AnchorError> {
    if let Some(rate) = fee_rate.filter(|rate| !(0.1..=10_000.0).contains(rate)) {
        return Err(AnchorError::FeeRate { rate });
    }
    let info = call(node, "getblockchaininfo", &[])?;
    let chain = text(&info, "getblockchaininfo", "chain")?;
    let payload = payload(head);

    let created = call(node, "createrawtransaction", &[json!([]), json!([{ "data": hex(&payload) }])])?;
    let created = created.as_str().ok_or_else(|| wrong("createrawtransaction", "no transaction"))?;
    let options = fee_rate.map_or_else(|| json!({}), |rate| json!({ "fee_rate": rate }));
    let funded = call(node, "fundrawtransaction", &[json!(created), options])?;
    let fee = funded.get("fee").and_then(Value::as_f64).map(|bitcoins| bitcoins * SATOSHIS);
    let fee = fee.filter(|fee| (0.0..1e15).contains(fee)).map(|fee| fee.round() as u64);
    let fee = fee.ok_or_else(|| wrong("fundrawtransaction", "no fee"))?;
    let unsigned = text(&funded, "fundrawtransaction", "hex")?;

    let method = "signrawtransactionwithwallet";
    let signed = call(node, method, &[json!(unsigned)])?;
    if signed.get("complete").and_then(Value::as_bool) != Some(true) {
        let errors = signed.get("errors").map(Value::to_string).unwrap_or_default();
        return Err(wrong(method, format!("the wallet could not sign all of it {errors}")));
    }
    let raw = text(&signed, method, "hex")?;
    let transaction = unhex(&raw).and_then(|bytes| Transaction::parse(&bytes));
    let transaction = transaction.ok_or_else(|| wrong(method, "no transaction"))?;
    let carriers = transaction.outputs.iter().filter(|output| output.data().is_some());
    let [carrier] = carriers.collect::<Vec<_>>()[..] else {
        return Err(wrong(method, "the transaction does not carry one piece of data"));
    };
    if carrier.data() != Some(&payload) || carrier.value != 0 {
        return Err(wrong(method, "the transaction carries something else than the head"));
    }
    let Transaction { vsize, txid, .. } = transaction;
    Ok(Draft { chain, head: head.clone(), raw, txid, fee, vsize })
}

/// Sends it. From here on it cannot be taken back.
///
/// # Errors
/// The node refuses it.
pub fn send(node: &NodeRpc, draft: &Draft) -> Result<Digest, AnchorError> {
    let method = "sendrawtransaction";
    let sent = call(node, method, &[json!(draft.raw)])?;
    if sent.as_str() != Some(&draft.txid.to_string()) {
        tracing::warn!(answer = %sent, txid = %draft.txid, "the node calls the transaction otherwise than we do");
    }
    Ok(draft.txid)
}

impl Draft {
    /// Whether its coins are worth nothing, so that nobody must be asked who said yes beforehand.
    pub fn is_playground(&self) -> bool {
        PLAYGROUNDS.contains(&self.chain.as_str())
    }

    /// Satoshis per virtual byte.
    pub fn rate(&self) -> f64 {
        self.fee as f64 / self.vsize.max(1) as f64
    }

    /// All that is to be known before it is sent.
    pub fn describe(&self) -> String {
        let Self { chain, head, raw, txid, fee, vsize } = self;
        let mut text = String::new();
        let _ = writeln!(text, "chain        {chain}");
        let _ = writeln!(text, "head         {} (of {} records)", head.hash, head.count);
        let _ = writeln!(text, "OP_RETURN    {}", hex(&payload(head)));
        let _ = writeln!(text, "fee          {fee} sat, {:.2} sat/vB over {vsize} vB", self.rate());
        let _ = writeln!(text, "transaction  {txid}");
        let _ = write!(text, "raw          {raw}");
        text
    }
}

fn call(node: &NodeRpc, method: &'static str, parameters: &[Value]) -> Result<Value, AnchorError> {
    node.call(method, parameters).map_err(|source| AnchorError::Node { method, source })
}

fn wrong(method: &'static str, problem: impl Into<String>) -> AnchorError {
    AnchorError::Answer { method, problem: problem.into() }
}

fn text(answer: &Value, method: &'static str, field: &str) -> Result<String, AnchorError> {
    let found = answer.get(field).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| wrong(method, format!("the answer has no {field}")))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None })
        .collect()
}
