//! A person at a terminal: a profile folder, and the commands given in it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::{
    PATIENCE, Server,
    process::{Exit, Process, clean_command, subrosa},
};

/// The password of everybody who has no reason for another.
pub const PASSWORD: &str = "a rose by any other name";

/// One profile of somebody.
pub struct Person {
    /// The handle, without `@`.
    pub handle: String,
    /// The server's address as this person knows it.
    pub server: String,
    /// The recovery code, if this profile made the account.
    pub recovery_code: String,
    folder: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it was called.
    pub command: String,
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Person {
    /// Somebody who has done nothing yet.
    ///
    /// # Panics
    /// If there is no folder for the profile.
    pub fn new(server: &Server, handle: &str) -> Self {
        Self::at(server.url(), handle)
    }

    /// Somebody who knows the server by this address.
    ///
    /// # Panics
    /// If there is no folder for the profile.
    pub fn at(server: String, handle: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let person = Self {
            handle: handle.to_owned(),
            server,
            recovery_code: String::new(),
            folder,
        };
        person.set_password(PASSWORD);
        person
    }

    /// Somebody with an account, who has chosen that nothing waits as a request.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_up(server: &Server, handle: &str) -> Self {
        let person = Self::sign_up_as_most(server, handle).await;
        let open = ["privacy", "--messages", "everybody", "--groups", "everybody"];
        person.run(&open).await.ok();
        person
    }

    /// Somebody with an account, who has chosen nothing.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_up_as_most(server: &Server, handle: &str) -> Self {
        let mut person = Self::new(server, handle);
        let account = person.run(&["signup", handle]).await.ok().one();
        account["recovery_code"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut person.recovery_code);
        assert!(!person.recovery_code.is_empty(), "no recovery code: {account}");
        person
    }

    /// The same person with a further device, which is signed in.
    ///
    /// # Panics
    /// If that fails.
    pub async fn second_device(&self) -> Self {
        let second = Self::at(self.server.clone(), &self.handle);
        second.run(&["signin", &self.handle]).await.ok();
        second
    }

    /// Puts a password into the file that commands read it from.
    ///
    /// # Panics
    /// If that fails.
    pub fn set_password(&self, password: &str) {
        self.write("password", password);
    }

    /// Writes a file beside the profile, and says where it is.
    ///
    /// # Panics
    /// If that fails.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// The profile folder.
    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    /// The folder around it.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// `subrosa chat` in this profile as the shell reads it.
    pub fn chat_command(&self) -> String {
        let command = self.plain_command(&["chat"]);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy());
        let words: Vec<String> = std::iter::once(command.as_std().get_program())
            .chain(command.as_std().get_args())
            .map(quoted)
            .collect();
        words.join(" ")
    }

    /// A command in this profile, with JSON as its output.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let words = [&["--json"], arguments].concat();
        self.words(arguments.first().copied(), &words)
    }

    /// A command in this profile, with text as its output.
    pub fn plain_command(&self, arguments: &[&str]) -> Command {
        self.words(arguments.first().copied(), arguments)
    }

    fn words(&self, name: Option<&str>, words: &[&str]) -> Command {
        let mut command = clean_command(subrosa(), self.folder.path());
        command
            .arg("--server")
            .arg(&self.server)
            .arg("--profile")
            .arg(self.profile());
        if matches!(name, Some("signup" | "signin" | "recover" | "passwd")) {
            command
                .arg("--password-file")
                .arg(self.folder.path().join("password"));
        }
        command.args(words);
        command
    }

    /// Gives a command and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments)).await
    }

    /// The same with text as its output.
    pub async fn run_plain(&self, arguments: &[&str]) -> Finished {
        finish(self.plain_command(arguments)).await
    }

    /// Sends a text and waits until the server has it. Returns the message.
    pub async fn send(&self, to: &Person, text: &str) -> Value {
        self.run(&["send", &format!("@{}", to.handle), text])
            .await
            .ok()
            .one()
    }

    /// Gives a command that shows something, and waits until it shows what the server has: if that is slow to answer, a
    /// command shows what is stored here and says so.
    ///
    /// # Panics
    /// If that takes longer than [`PATIENCE`].
    pub async fn run_up_to_date(&self, arguments: &[&str]) -> Finished {
        let looking = async {
            loop {
                let finished = self.run(arguments).await;
                if !finished.stderr.contains("is slow to answer") {
                    return finished;
                }
            }
        };
        match timeout(PATIENCE, looking).await {
            Ok(finished) => finished,
            Err(elapsed) => panic!("{arguments:?}: the server is slow to answer: {elapsed}"),
        }
    }

    /// Every message of a conversation, as this device shows it when it is up to date.
    pub async fn history(&self, with: &Person) -> Vec<Value> {
        let mut lines = self
            .run_up_to_date(&["history", &format!("@{}", with.handle), "--limit", "1000000"])
            .await
            .ok()
            .lines();
        // What is no message has an event in place of an id.
        lines.retain(|line| line["event"].is_null());
        lines
    }

    /// The texts of a conversation.
    pub async fn texts(&self, with: &Person) -> Vec<String> {
        let messages = self.history(with).await;
        messages
            .iter()
            .map(|message| message["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Stays connected and prints what arrives, until dropped.
    pub fn listen(&self) -> Listening {
        Listening {
            process: Process::start(self.command(&["listen"])),
            seen: 0,
        }
    }

    /// Waits for so many messages and returns them.
    pub async fn receive(&self, count: usize) -> Vec<Value> {
        let count = count.to_string();
        let finished = self.run(&["listen", "--count", &count, "--timeout", "50"]).await;
        finished
            .ok()
            .lines()
            .into_iter()
            .filter(|line| line["event"] == "message")
            .collect()
    }
}

/// Runs a command to its end.
pub async fn finish(command: Command) -> Finished {
    let called = format!("{:?}", command.as_std());
    Finished::new(called, &Process::start(command).exit().await)
}

impl Finished {
    /// What an ended process tells.
    ///
    /// # Panics
    /// If a signal ended it, or if it wrote something that is no text.
    pub fn new(command: String, exit: &Exit) -> Self {
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => panic!("{command}: {error}: {}", String::from_utf8_lossy(bytes)),
        };
        let (stdout, stderr) = (text(&exit.stdout), text(&exit.stderr));
        let Some(code) = exit.code else {
            panic!("{command}: ended by signal {:?}\n{stderr}", exit.signal)
        };
        Self {
            command,
            code,
            stdout,
            stderr,
        }
    }

    /// It has succeeded.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.ends_with(0)
    }

    /// It has ended with this code.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn ends_with(&self, code: i32) -> &Self {
        let Self {
            command,
            stdout,
            stderr,
            ..
        } = self;
        assert_eq!(
            self.code, code,
            "{command}\n--- standard output\n{stdout}\n--- standard error\n{stderr}"
        );
        self
    }

    /// Its standard output, one JSON object a line.
    ///
    /// # Panics
    /// If that is something else.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The one object it has printed.
    ///
    /// # Panics
    /// If it has printed none or several.
    #[track_caller]
    pub fn one(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.stdout);
        lines.remove(0)
    }

    /// Its standard error, one JSON object a line.
    ///
    /// # Panics
    /// If that is something else.
    #[track_caller]
    pub fn notes(&self) -> Vec<Value> {
        json_lines(&self.stderr)
    }

    /// The object on standard error that says why it failed; notes before it are left out.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn failure(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }
}

#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

/// A `listen` that goes on.
pub struct Listening {
    process: Process,
    /// Bytes of the output that were looked at.
    seen: usize,
}

impl Listening {
    /// The next line for which this holds; those before it are passed over.
    pub async fn next(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let from = self.seen;
        let find = |output: &[u8]| {
            let mut at = from;
            for line in output[from..].split_inclusive(|byte| *byte == b'\n') {
                at += line.len();
                let value = serde_json::from_slice::<Value>(line).ok()?;
                if line.ends_with(b"\n") && is_it(&value) {
                    return Some((value, at));
                }
            }
            None
        };
        let (value, at) = self.process.wait_for_output(what, find).await;
        self.seen = at;
        value
    }

    /// The next message.
    pub async fn message(&mut self) -> Value {
        self.next("a message", |line| line["event"] == "message").await
    }

    /// Waits until the message with this id has this status.
    pub async fn status(&mut self, id: &Value, status: &str) {
        let is_it = |line: &Value| line["event"] == "status" && line["id"] == *id && line["status"] == status;
        self.next(status, is_it).await;
    }

    /// Waits until it says this, be it a note on standard error or a warning among the events.
    pub async fn note(&self, part: &str) {
        let find = |written: &[u8]| String::from_utf8_lossy(written).contains(part).then_some(());
        tokio::select! {
            () = self.process.wait_for_note(part, find) => {}
            () = self.process.wait_for_output(part, find) => {}
        }
    }

    /// All lines until now.
    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.process.stdout())
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it as a user does, with Ctrl-C, so that the profile is free.
    pub async fn end(self) -> Finished {
        self.process.signal(rustix::process::Signal::INT);
        Finished::new("listen".to_owned(), &self.process.exit().await)
    }

    /// Ends it as a power cut does.
    pub async fn kill(self) {
        self.process.kill().await;
    }
}
