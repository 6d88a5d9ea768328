//! The terminal while the interface is open: alternate screen, raw mode, bracketed paste. It is restored whatever
//! happens: at the end, on an error, in a panic.
//!
//! A panic is printed after the terminal was restored, so nothing may be drawn after it, wherever it happened: a panic
//! in a background task ends the interface, too.

#[cfg(unix)]
use std::time::Duration;
use std::{
    io::{self, Stdout, Write as _},
    panic,
};

use crossterm::{
    cursor, event, execute,
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};
use tokio::sync::watch;

#[cfg(unix)]
use crate::signals::GoesOn;

/// How long a process that asks to be stopped waits for that.
#[cfg(unix)]
const SUSPEND_TIMEOUT: Duration = Duration::from_millis(200);

/// The terminal, taken over until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    panicked: watch::Receiver<bool>,
}

impl Screen {
    /// Takes over the terminal.
    pub(super) fn enter() -> io::Result<Self> {
        // Before anything changes, so that a panic never leaves the terminal garbled.
        let earlier = panic::take_hook();
        let (panics, panicked) = watch::channel(false);
        panic::set_hook(Box::new(move |info| {
            panics.send_replace(true);
            give_back();
            earlier(info);
        }));
        match Self::take_over() {
            Ok(terminal) => Ok(Self { terminal, panicked }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    fn take_over() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
        enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            event::EnableBracketedPaste,
            event::EnableFocusChange
        )?;
        Terminal::new(CrosstermBackend::new(io::stdout()))
    }

    /// Gives the terminal to the shell, stops this process as Ctrl+Z does elsewhere, and takes the terminal over again
    /// when the process goes on. Where no shell could let it go on, the system does not stop it.
    #[cfg(unix)]
    pub(super) async fn suspend(&mut self, goes_on: &mut GoesOn) -> io::Result<()> {
        give_back();
        // The whole group, as the terminal does it: the shell waits for all of it.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        // The signal may take effect a moment later. If it never does, nothing tells to go on.
        let _ = tokio::time::timeout(SUSPEND_TIMEOUT, goes_on.wait()).await;
        self.take_over_again()
    }

    /// Takes the terminal over once more, after another program had it.
    pub(super) fn take_over_again(&mut self) -> io::Result<()> {
        // Without this, crossterm takes the terminal to be in raw mode.
        disable_raw_mode()?;
        self.terminal = Self::take_over()?;
        // What was drawn before is forgotten, and everything is drawn anew.
        execute!(io::stdout(), Clear(ClearType::All))
    }

    /// Resolves after a panic: the terminal has been restored, and nothing may be drawn.
    pub(super) fn panicked(&self) -> impl Future<Output = ()> + use<> {
        let mut panicked = self.panicked.clone();
        async move {
            // The hook, which is never removed, holds the sender.
            let _ = panicked.wait_for(|panicked| *panicked).await;
        }
    }

    pub(super) fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // After a panic it has been restored already: a second time would move the cursor back onto the panic's
        // message.
        if !*self.panicked.borrow() {
            give_back();
        }
    }
}

/// Restores the terminal. Harmless if it has been restored before; errors cannot be shown anywhere.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        event::DisableFocusChange,
        event::DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "the tests are about panics, and a test stops at the first surprise"
    )]
    use std::process::Command;

    use super::*;

    /// `script` of util-linux runs a command on a terminal of its own.
    fn on_a_terminal(test: &str) -> String {
        let command = format!(
            "'{}' --exact chat::terminal::tests::{test} --include-ignored --nocapture; stty -a",
            std::env::current_exe().unwrap().display()
        );
        let output = Command::new("script")
            .args(["--quiet", "--flush", "--command", &command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What was written after the terminal was restored. The screen was taken over before, raw mode is off, and the
    /// cursor is visible.
    fn after_it_was_given_back(written: &str) -> &str {
        let (before, after) = written.rsplit_once("\u{1b}[?1049l").unwrap();
        assert!(before.contains("\u{1b}[?1049h"), "{written}");
        assert!(!before.contains("\u{1b}[?1049l"), "given back twice: {written}");
        assert!(after.contains("\u{1b}[?25h"), "{written}");
        assert!(
            before.contains("\u{1b}[?2004l") && before.contains("\u{1b}[?1004l"),
            "{written}"
        );
        for mode in ["icanon", "echo", "isig", "opost"] {
            let is_set = after.split_whitespace().any(|word| word == mode);
            assert!(is_set, "{mode}: {written}");
        }
        after
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        let written = on_a_terminal("panics");
        let first = written.find("\u{1b}[?1049l").unwrap();
        let told = written.find("in the middle of a picture").unwrap();
        assert!(first < told, "{written}");
        after_it_was_given_back(&written);
    }

    #[test]
    fn a_panic_in_the_background_ends_the_interface() {
        let written = on_a_terminal("panics_in_the_background");
        let first = written.find("\u{1b}[?1049l").unwrap();
        let told = written.find("behind the picture").unwrap();
        assert!(first < told && written.contains("1 passed"), "{written}");
        after_it_was_given_back(&written);
    }

    #[test]
    fn an_interface_that_ends_gives_the_terminal_back() {
        after_it_was_given_back(&on_a_terminal("ends"));
    }

    #[test]
    #[ignore = "run on a terminal of its own by the tests above"]
    fn panics() {
        let mut screen = Screen::enter().unwrap();
        screen.terminal().draw(|_| ()).unwrap();
        panic!("in the middle of a picture");
    }

    #[test]
    #[ignore = "run on a terminal of its own by the tests above"]
    fn panics_in_the_background() {
        let screen = Screen::enter().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async { panic!("behind the picture") });
            screen.panicked().await;
            assert!(tasks.join_next().await.unwrap().is_err());
        });
        drop(screen);
    }

    #[test]
    #[ignore = "run on a terminal of its own by the tests above"]
    fn ends() {
        drop(Screen::enter().unwrap());
    }
}
