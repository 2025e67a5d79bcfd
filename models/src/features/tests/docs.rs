//! `docs/features.md` names every column that the code makes, and no other.

use std::collections::BTreeMap;

use super::super::{TASKS, columns};

#[test]
fn every_column_is_documented_with_its_group_and_every_documented_one_exists() {
    let text = include_str!("../../../../docs/features.md");
    let mut documented = BTreeMap::new();
    for line in text.lines().skip_while(|line| !line.starts_with("## Columns")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        if let Some(name) = cells[0].strip_prefix("| `") {
            assert_eq!(cells.len(), 7, "seven cells: {line}");
            assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "{line}");
            let group = cells[6].trim_end_matches('|').trim().to_owned();
            assert_eq!(
                documented.insert(name.trim_end_matches('`').to_owned(), group),
                None,
                "twice: {line}"
            );
        }
    }
    let mut made = BTreeMap::new();
    for task in &TASKS {
        let columns = columns(task);
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), columns.len(), "{}: names are unique", task.id);
        made.extend(columns.into_iter().map(|column| (column.name, column.group.as_str().to_owned())));
        assert!(text.contains(&format!("| `{}` |", task.id)), "{} is documented", task.id);
    }
    assert_eq!(documented, made);
}
