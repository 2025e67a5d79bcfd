//! Frames that can no longer be read.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::tape::Payload;

/// A frame that can no longer be read: cut short, or a part of it overwritten.
pub(super) fn broken(payload: &Payload, rng: &mut ChaCha8Rng) -> Payload {
    match payload {
        Payload::Text(text) => Payload::Text(broken_text(text, rng)),
        Payload::Binary(bytes) => Payload::Binary(broken_bytes(bytes, rng)),
    }
}

/// No longer JSON: cut short, or a bracket overwritten.
fn broken_text(text: &str, rng: &mut ChaCha8Rng) -> String {
    if rng.random::<bool>() {
        let cut = rng.random_range(1..text.len().max(2));
        return text.chars().take(cut).collect();
    }
    let brackets: Vec<usize> = text
        .char_indices()
        .filter(|(_, letter)| matches!(letter, '{' | '}' | '[' | ']'))
        .map(|(at, _)| at)
        .collect();
    let Some(at) = brackets.get(rng.random_range(0..brackets.len().max(1))) else { return "#".into() };
    let mut garbled = text.to_owned();
    garbled.replace_range(*at..=*at, "#");
    garbled
}

/// Cut short, or the last half's every byte inverted: no checksum survives either.
fn broken_bytes(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let half = bytes.len() / 2;
    if rng.random::<bool>() {
        return bytes[..half].to_vec();
    }
    bytes[..half].iter().copied().chain(bytes[half..].iter().map(|byte| !byte)).collect()
}
