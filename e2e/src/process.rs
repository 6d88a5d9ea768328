//! A child process: what it writes is captured, every wait for it is bounded, and it dies with its value.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    task::JoinSet,
    time::timeout,
};

use crate::{PATIENCE, capture::Capture};

/// A running child.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Capture,
    stderr: Capture,
    readers: JoinSet<()>,
}

/// How a child ended, and all it wrote.
#[derive(Debug, Clone)]
pub struct Exit {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Everything on standard output.
    pub stdout: Vec<u8>,
    /// Everything on standard error.
    pub stderr: Vec<u8>,
}

/// The `subrosa` binary: `XTASK_BIN`, or what cargo has built beside these tests.
///
/// # Panics
/// If there is none.
pub fn subrosa() -> PathBuf {
    if let Some(named) = std::env::var_os("XTASK_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().unwrap_or_default();
    let folder = test.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let binary = folder.join("subrosa");
    assert!(
        binary.exists(),
        "{} is missing: cargo build -p subrosa",
        binary.display()
    );
    binary
}

/// A command that inherits nothing of the environment but the path to other programs.
pub fn clean_command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("RUST_BACKTRACE", "1")
        .env("LANG", "C.UTF-8")
        .current_dir(home);
    command
}

impl Process {
    /// Starts a child whose standard input is empty.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(command: Command) -> Self {
        Self::spawn(command, Stdio::null())
    }

    /// Starts a child that can be written to.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_with_input(command: Command) -> Self {
        Self::spawn(command, Stdio::piped())
    }

    fn spawn(mut command: Command, input: Stdio) -> Self {
        let name = format!("{:?}", command.as_std());
        let child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let mut readers = JoinSet::new();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            panic!("{name} has no output");
        };
        let stdout = Capture::start(stdout, &mut readers);
        let stderr = Capture::start(stderr, &mut readers);
        Self {
            name,
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            readers,
        }
    }

    /// The process id; `None` once it has ended and that was seen.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has written to standard output until now.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// The same as bytes.
    pub fn stdout_bytes(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    /// What it has written to standard error until now.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard output has what is looked for.
    ///
    /// # Panics
    /// If that does not come in time, or cannot come any more.
    pub async fn wait_for_output<T>(&self, what: &str, find: impl FnMut(&[u8]) -> Option<T>) -> T {
        self.wait_for(&self.stdout, what, find).await
    }

    /// Waits until standard error has what is looked for.
    ///
    /// # Panics
    /// If that does not come in time, or cannot come any more.
    pub async fn wait_for_note<T>(&self, what: &str, find: impl FnMut(&[u8]) -> Option<T>) -> T {
        self.wait_for(&self.stderr, what, find).await
    }

    /// Waits until standard error has what is looked for. `None` if the process has ended without it.
    ///
    /// # Panics
    /// If neither comes in time.
    pub async fn note_before_end<T>(&self, find: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
        match timeout(PATIENCE, self.stderr.wait(find)).await {
            Ok(found) => found,
            Err(elapsed) => panic!("{}: {elapsed}\n{}", self.name, self.written()),
        }
    }

    async fn wait_for<T>(&self, stream: &Capture, what: &str, find: impl FnMut(&[u8]) -> Option<T>) -> T {
        match timeout(PATIENCE, stream.wait(find)).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("{} ended without {what}\n{}", self.name, self.written()),
            Err(elapsed) => panic!(
                "{} did not come to {what}: {elapsed}\n{}",
                self.name,
                self.written()
            ),
        }
    }

    fn written(&self) -> String {
        format!(
            "--- standard output\n{}\n--- standard error\n{}",
            self.stdout(),
            self.stderr()
        )
    }

    /// Writes to standard input.
    ///
    /// # Panics
    /// If the child does not take it.
    pub async fn write(&mut self, bytes: &[u8]) {
        let Some(stdin) = &mut self.stdin else {
            panic!("{} has no input", self.name)
        };
        if let Err(error) = stdin.write_all(bytes).await {
            panic!("{} does not read: {error}\n{}", self.name, self.written());
        }
    }

    /// Ends standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal, if the child still runs.
    pub fn signal(&self, signal: Signal) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended in this instant: then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it does not end in time, or if it has panicked.
    pub async fn exit(mut self) -> Exit {
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            panic!("{} does not end in {PATIENCE:?}\n{}", self.name, self.written());
        };
        let status = status.unwrap_or_else(|error| panic!("{} cannot be waited for: {error}", self.name));
        self.finish(status).await
    }

    /// Ends it as a power cut would: SIGKILL.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn kill(self) -> Exit {
        self.signal(Signal::KILL);
        self.exit().await
    }

    async fn finish(mut self, status: ExitStatus) -> Exit {
        use std::os::unix::process::ExitStatusExt as _;
        // A grandchild may hold the streams open; what the child wrote is here by then.
        let _ = timeout(PATIENCE, async {
            tokio::join!(self.stdout.ended(), self.stderr.ended())
        })
        .await;
        self.readers.abort_all();
        // However it ended: nobody's binary panics.
        assert!(
            !self.stderr().contains("panicked at"),
            "{} has panicked\n{}",
            self.name,
            self.written()
        );
        Exit {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.bytes(),
            stderr: self.stderr.bytes(),
        }
    }
}
