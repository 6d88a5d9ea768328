//! A terminal: a program on a pseudo-terminal (`script` of util-linux makes it), its keys and its screen.

use std::{num::NonZeroU16, path::Path};

use crate::process::{Exit, Process, clean_command};

/// A program in a terminal.
pub struct Terminal {
    process: Process,
    rows: NonZeroU16,
    columns: NonZeroU16,
}

/// What the terminal was told until now.
pub struct Screen {
    parser: vt100::Parser,
    /// The bytes themselves.
    pub bytes: Vec<u8>,
}

impl Terminal {
    /// Runs a command line of the shell in a terminal of this size.
    pub fn start(command_line: &str, home: &Path, rows: NonZeroU16, columns: NonZeroU16) -> Self {
        let mut command = clean_command("script", home);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command.args(["--quiet", "--flush", "--return", "--command"]);
        command
            .arg(format!("stty rows {rows} cols {columns}; {command_line}"))
            .arg("/dev/null");
        Self {
            process: Process::start_with_input(command),
            rows,
            columns,
        }
    }

    /// Presses keys.
    pub async fn press(&mut self, keys: &str) {
        self.process.write(keys.as_bytes()).await;
    }

    /// Waits until the screen shows this text.
    pub async fn shows(&self, text: &str) -> Screen {
        self.until(text, |screen| screen.text().contains(text)).await
    }

    /// Waits until the screen is like this.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Screen) -> bool) -> Screen {
        let look = |bytes: &[u8]| {
            let screen = Screen::new(bytes.to_vec(), self.rows, self.columns);
            is_so(&screen).then_some(screen)
        };
        self.process.wait_for_output(what, look).await
    }

    /// Waits for the end of the program; the screen is as it leaves it.
    pub async fn end(self) -> (Screen, Exit) {
        let (rows, columns) = (self.rows, self.columns);
        let exit = self.process.exit().await;
        (Screen::new(exit.stdout.clone(), rows, columns), exit)
    }

    /// The process id of `script`, whose child is the program.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }
}

impl Screen {
    fn new(bytes: Vec<u8>, rows: NonZeroU16, columns: NonZeroU16) -> Self {
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(&bytes);
        Self { parser, bytes }
    }

    /// What can be read.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether a program left the terminal as it has found it: main screen, cursor shown, no mouse, no
    /// bracketed paste.
    pub fn is_restored(&self) -> bool {
        let screen = self.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Whether a program has the whole screen for itself.
    pub fn is_full_screen(&self) -> bool {
        self.parser.screen().alternate_screen()
    }
}
