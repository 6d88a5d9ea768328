//! A terminal: a program on a pseudo-terminal (`script` of util-linux makes it), its keys and its screen.

use std::{num::NonZeroU16, path::Path, process::Command};

use rustix::process::Pid;

use crate::{
    Person,
    process::{Exit, Process, clean_command},
};

/// A program in a terminal.
pub struct Terminal {
    process: Process,
    /// Its sizes, each with the number of bytes that were written before.
    sizes: Vec<Size>,
}

#[derive(Clone, Copy)]
struct Size {
    from_byte: usize,
    rows: NonZeroU16,
    columns: NonZeroU16,
}

/// What the terminal was told until now.
pub struct Screen {
    parser: vt100::Parser,
    /// The bytes themselves.
    pub bytes: Vec<u8>,
}

/// A number of rows or columns.
pub fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap_or(NonZeroU16::MIN)
}

impl Terminal {
    /// Runs `subrosa chat`, and says how it ended.
    pub fn chat(person: &Person, rows: u16, columns: u16) -> Self {
        Self::start(
            &format!("{}; echo \"ended with $?\"", person.chat_command()),
            person.home(),
            size(rows),
            size(columns),
        )
    }

    /// Runs a command line of the shell in a terminal of this size.
    pub fn start(command_line: &str, home: &Path, rows: NonZeroU16, columns: NonZeroU16) -> Self {
        let mut command = clean_command("script", home);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command.args(["--quiet", "--flush", "--return", "--command"]);
        command
            .arg(format!("stty rows {rows} cols {columns}; {command_line}"))
            .arg("/dev/null");
        let size = Size {
            from_byte: 0,
            rows,
            columns,
        };
        Self {
            process: Process::start_with_input(command),
            sizes: vec![size],
        }
    }

    /// Changes the size of the terminal that this process has, which hears of it by SIGWINCH.
    ///
    /// # Panics
    /// If the process has no terminal.
    pub fn resize(&mut self, process: Pid, rows: NonZeroU16, columns: NonZeroU16) {
        let process = process.as_raw_nonzero();
        let device = std::fs::read_link(format!("/proc/{process}/fd/0"));
        let device = device.unwrap_or_else(|error| panic!("the terminal of {process}: {error}"));
        self.sizes.push(Size {
            from_byte: self.process.stdout_bytes().len(),
            rows,
            columns,
        });
        let resized = Command::new("stty")
            .arg("-F")
            .arg(&device)
            .args(["rows", &rows.to_string(), "cols", &columns.to_string()])
            .status();
        assert!(
            resized.is_ok_and(|status| status.success()),
            "{} has no size",
            device.display()
        );
    }

    /// Presses keys.
    pub async fn press(&mut self, keys: &str) {
        self.process.write(keys.as_bytes()).await;
    }

    /// Waits until `subrosa chat` is connected and up to date. Before that its first line says "not connected".
    pub async fn connected(&self) -> Screen {
        self.shows("· connected").await
    }

    /// Waits until the screen shows this text.
    pub async fn shows(&self, text: &str) -> Screen {
        self.until(text, |screen| screen.text().contains(text)).await
    }

    /// Waits until the screen is like this.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Screen) -> bool) -> Screen {
        let look = |bytes: &[u8]| {
            let screen = Screen::new(bytes.to_vec(), &self.sizes);
            is_so(&screen).then_some(screen)
        };
        self.process.wait_for_output(what, look).await
    }

    /// Waits for the end of the program; the screen is as it leaves it.
    pub async fn end(self) -> (Screen, Exit) {
        let sizes = self.sizes;
        let exit = self.process.exit().await;
        // Whoever is on a terminal panics there.
        let text = String::from_utf8_lossy(&exit.stdout);
        assert!(!text.contains("panicked at"), "{text}");
        (Screen::new(exit.stdout.clone(), &sizes), exit)
    }

    /// The process id of `script`, whose child is the program.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }
}

impl Screen {
    fn new(bytes: Vec<u8>, sizes: &[Size]) -> Self {
        let mut parser = vt100::Parser::new(NonZeroU16::MIN, NonZeroU16::MIN, 0);
        for (index, size) in sizes.iter().enumerate() {
            parser.screen_mut().set_size(size.rows, size.columns);
            let end = sizes.get(index + 1).map_or(bytes.len(), |next| next.from_byte);
            let end = end.min(bytes.len());
            parser.process(&bytes[size.from_byte.min(end)..end]);
        }
        Self { parser, bytes }
    }

    /// The rows that can be read.
    pub fn rows(&self) -> Vec<String> {
        let (_, columns) = self.parser.screen().size();
        self.parser.screen().rows(0, columns.get()).collect()
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
