//! The real program on a real (pseudo) terminal: what is drawn, and that the terminal is given back.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::workplace::Workplace;

/// Each state is waited for, and comes within a second or two; on a machine that is busy with other things, whenever it
/// is the program's turn. Only what never comes takes so long, or not even that: a program that is gone is seen at once.
const PATIENCE: Duration = Duration::from_mins(4);
const SIZE: PtySize = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

struct Screen {
    _place: Workplace,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
}

impl Screen {
    fn demo() -> Self {
        let place = Workplace::new();
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("demo");
        command.cwd(place.path(""));
        command.env("HOME", place.path(""));
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self {
            _place: place,
            child,
            master: pair.master,
            keyboard,
            bytes,
            parser: vt100::Parser::new(cells(SIZE.rows), cells(SIZE.cols), 0),
        }
    }

    /// Reads until the screen satisfies `is_shown`.
    fn wait_until(&mut self, what: &str, is_shown: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_shown(self.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(why) => panic!("never saw {what} ({why}):\n{}", self.parser.screen().contents()),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Reads to the end and checks that the terminal is as it was.
    fn expect_given_back(mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program did not end");
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.parser.process(&bytes);
            }
        };
        // Nobody else holds the terminal, so what was written ends with the program.
        loop {
            match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the terminal was not let go"),
            }
        }
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "left in the alternate screen");
        assert!(!screen.hide_cursor(), "left without a cursor");
        code
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn the_demo_fills_the_screen_and_q_gives_the_terminal_back() {
    let mut screen = Screen::demo();
    screen.wait_until("the badge", |screen| {
        screen.alternate_screen() && screen.contents().contains("SIMULATED")
    });
    screen.wait_until("liquidations", |screen| {
        let text = screen.contents();
        text.contains("LONG") || text.contains("SHORT")
    });
    screen.press("?");
    // All of it, to its last row: an Escape that is read together with the next key is another key.
    screen.wait_until("the help", |screen| screen.contents().contains("Ctrl-C"));
    screen.press("\x1b");
    screen.wait_until("no help", |screen| !screen.contents().contains("Ctrl-C"));
    screen.press("q");
    assert_eq!(screen.expect_given_back(), 0);
}

#[test]
fn the_screen_follows_the_terminal_s_size() {
    let mut screen = Screen::demo();
    screen.wait_until("the badge", |screen| screen.contents().contains("SIMULATED"));
    for (rows, cols) in [(24, 80), (3, 10), (1, 1), (60, 200)] {
        screen.master.resize(PtySize { rows, cols, ..SIZE }).unwrap();
        screen.parser.screen_mut().set_size(cells(rows), cells(cols));
    }
    screen.wait_until("the badge again, and something beyond the old width", |screen| {
        let mut beyond = screen.rows(SIZE.cols, 200 - SIZE.cols);
        screen.contents().contains("SIMULATED") && beyond.any(|row| !row.trim().is_empty())
    });
    screen.press("q");
    assert_eq!(screen.expect_given_back(), 0);
}

#[test]
fn sigterm_gives_the_terminal_back_too() {
    let mut screen = Screen::demo();
    screen.wait_until("the badge", |screen| screen.contents().contains("SIMULATED"));
    let id = screen.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(screen.expect_given_back(), 0);
}
