//! What sites made for browsers want to be asked with.

/// Names us and what a browser names: servers that look for the latter alone answer nothing to
/// anything else.
const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) vigie/",
    env!("CARGO_PKG_VERSION")
);

/// The headers of a request for JSON.
pub(crate) fn headers() -> Vec<(&'static str, String)> {
    vec![
        ("user-agent", USER_AGENT.to_owned()),
        ("accept", "application/json, text/plain, */*".to_owned()),
        ("accept-language", "en-US,en;q=0.9".to_owned()),
    ]
}
