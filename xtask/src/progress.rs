//! The numbered lines that say what a command is doing: `[2/4] building the server…`.

/// Counts the steps of one command.
pub(crate) struct Steps {
    done: usize,
    total: usize,
}

impl Steps {
    /// A command of `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { done: 0, total }
    }

    /// Announces the next step. The text has no trailing dots: they are added here.
    pub(crate) fn next(&mut self, what: &str) {
        self.done += 1;
        debug_assert!(
            self.done <= self.total,
            "the command announces more steps than it promised"
        );
        say(&format!("[{}/{}] {what}…", self.done, self.total));
    }
}

/// Prints one line for the person at the terminal; standard output stays free for results.
#[expect(clippy::print_stderr, reason = "this is the one place where xtask talks")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
