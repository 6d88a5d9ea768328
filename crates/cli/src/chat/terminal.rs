//! The terminal while the interface is open: another screen, raw keys, marked pastes. It is given back as it
//! was whatever happens: at the end, on an error, in a panic.

use std::{
    io::{self, Stdout, Write as _},
    panic,
};

use crossterm::{
    cursor, event, execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};

/// The terminal, taken over until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn enter() -> io::Result<Self> {
        // Before anything changes, so that there is no moment in which a panic garbles the terminal.
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            earlier(info);
        }));
        match Self::take_over() {
            Ok(terminal) => Ok(Self { terminal }),
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

    pub(super) fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. Harmless if it was given back before; errors have nowhere to be told.
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
