//! Configurations: the shipped one, those that must load, and those that must be refused with a remedy.

use std::path::Path;

use vigie::config::{DEFAULT_CONFIG, Settings};

fn folder(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn the_shipped_configuration_has_every_feed_at_its_own_address() {
    let settings = Settings::parse(DEFAULT_CONFIG, "config.toml").unwrap();
    for row in feeds::FEEDS {
        let feed = settings.config.feeds.get(row.id).unwrap_or_else(|| panic!("{} has no table", row.id));
        assert!(feed.url.as_deref().is_none_or(|url| url == row.url), "{}", row.id);
        assert!(feed.rest_url.as_deref().is_none_or(|url| url == row.rest_url), "{}", row.id);
        let needs_nothing = row.keys.is_empty() && row.id != "bitcoin-node";
        assert!(needs_nothing || !feed.enabled, "{} cannot run as shipped", row.id);
    }
    assert!(!settings.config.feeds["farside"].enabled, "its terms are for its readers to accept");
    assert!(!settings.rules.is_empty());
}

#[test]
fn valid_configurations_load() {
    for (name, text) in folder("valid") {
        if let Err(error) = Settings::parse(&text, &name) {
            panic!("{name}: {error}");
        }
    }
}

/// Each file says in its first line what the error must contain: `# says: …`.
#[test]
fn invalid_configurations_are_refused_with_the_file_the_key_and_the_remedy() {
    for (name, text) in folder("invalid") {
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# says: ")).unwrap();
        let Err(error) = Settings::parse(&text, &name) else { panic!("{name} was accepted") };
        let said = error.to_string();
        assert!(said.starts_with(&name), "{name}: {said}");
        for part in expected.split(" | ") {
            assert!(said.contains(part), "{name} says {said:?}, which lacks {part:?}");
        }
    }
}
