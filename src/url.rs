//! A URL's parts, as far as they are needed here.

/// `wss://host:port/path?query` → `host:port` and `/path?query`.
pub fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_are_told_apart() {
        for (url, parts) in [
            ("wss://ws.okx.com:8443/ws/v5/public", ("ws.okx.com:8443", "/ws/v5/public")),
            ("ws://127.0.0.1:1?streams=a/b", ("127.0.0.1:1", "?streams=a/b")),
            ("https://www.okx.com", ("www.okx.com", "")),
        ] {
            assert_eq!(split(url), parts);
        }
    }
}
