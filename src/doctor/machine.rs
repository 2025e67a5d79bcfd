//! The machine: store, disk, terminal.

use std::path::Path;

use rustix::fs::statvfs;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{isatty, tcgetwinsize};
use store::{Reader, StoreError};

use super::Check;
use crate::config::ThemeChoice;

/// Below this a store soon stops: a day of every feed is about this much.
const LOW_MIB: u64 = 2_048;
/// Below this it stops now.
const EMPTY_MIB: u64 = 512;

/// Whether the store can be read, and what it holds.
pub fn examine_store(dir: &Path) -> Check {
    if !dir.exists() {
        return Check::ok(
            "store",
            "read",
            format!("{} does not exist yet; the first watch makes it", dir.display()),
        );
    }
    match Reader::open(dir).and_then(|reader| reader.summary()) {
        Ok(_) => Check::ok(
            "store",
            "read",
            format!("{} is readable; `vigie status` says what it holds", dir.display()),
        ),
        Err(error @ StoreError::NotAStore { .. }) => {
            Check::fail("store", "read", error.to_string(), "name an empty directory or a store with --store")
        }
        Err(error) => Check::fail(
            "store",
            "read",
            error.to_string(),
            "keep a copy of the directory, then run `vigie rebuild`",
        ),
    }
}

/// Room on the disk that the store is on.
pub fn examine_disk(dir: &Path) -> Check {
    let place = dir.ancestors().find(|place| place.exists()).filter(|place| !place.as_os_str().is_empty());
    let place = place.unwrap_or(Path::new("."));
    match statvfs(place) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
            let found = format!("{free} MiB free at {}", place.display());
            if free < EMPTY_MIB {
                Check::fail("disk", "room", found, "free some space, or put the store elsewhere with --store")
            } else if free < LOW_MIB {
                Check::warn("disk", "room", found, "free some space soon")
            } else {
                Check::ok("disk", "room", found)
            }
        }
        Err(error) => Check::fail(
            "disk",
            "room",
            format!("{}: {error}", place.display()),
            "put the store on a disk that can be asked, with --store",
        ),
    }
}

/// Whether a screen can be shown here, how large, and in which colours.
pub fn examine_terminal(theme: ThemeChoice) -> Check {
    if !isatty(stdout()) || !isatty(stdin()) {
        return Check::warn(
            "terminal",
            "screen",
            "input or output is no terminal",
            "run `vigie` in a terminal; `vigie daemon` and `vigie snapshot` need none",
        );
    }
    let colours = match theme {
        ThemeChoice::Truecolor => "24-bit colours",
        ThemeChoice::Ansi16 => "16 colours",
        ThemeChoice::Mono => "no colours",
        ThemeChoice::Auto => "colours decided at start",
    };
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col < 80 || size.ws_row < 24 => Check::warn(
            "terminal",
            "screen",
            format!("{} x {}, {colours}", size.ws_col, size.ws_row),
            "80 x 24 is the least that shows a whole workspace",
        ),
        Ok(size) => Check::ok("terminal", "screen", format!("{} x {}, {colours}", size.ws_col, size.ws_row)),
        Err(error) => {
            Check::warn("terminal", "screen", format!("its size is unknown: {error}"), "set it with stty")
        }
    }
}
