//! Where passwords and recovery codes come from: a file that the user names, or a prompt that does not
//! echo. Never the command line or the environment, which others on the machine can read.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use subrosa_wire::limits::PASSWORD_MAX;
use zeroize::Zeroizing;

use crate::{exit::usage, output::can_ask};

/// A password or a recovery code as it was typed.
pub(crate) type Secret = Zeroizing<String>;

/// An existing secret: from the file, or asked for once.
pub(crate) fn existing(file: Option<&Path>, what: &str, option: &str) -> anyhow::Result<Secret> {
    if let Some(file) = file {
        return from_file(file);
    }
    needs_terminal(what, option)?;
    prompt(&format!("{what}: "))
}

/// A new password: from the file, or asked for twice.
pub(crate) fn new(file: Option<&Path>, option: &str) -> anyhow::Result<Secret> {
    let Some(file) = file else {
        needs_terminal("new password", option)?;
        let first = prompt("New password: ")?;
        let second = prompt("New password again: ")?;
        if first != second {
            return Err(usage("the two passwords do not match"));
        }
        return Ok(first);
    };
    from_file(file)
}

fn needs_terminal(what: &str, option: &str) -> anyhow::Result<()> {
    if can_ask() {
        return Ok(());
    }
    Err(usage(format!(
        "there is no terminal to ask for the {}: use {option}",
        what.to_lowercase()
    )))
}

fn prompt(question: &str) -> anyhow::Result<Secret> {
    Ok(Zeroizing::new(rpassword::prompt_password(question)?))
}

/// The first line of a file; `-` is standard input.
fn from_file(path: &Path) -> anyhow::Result<Secret> {
    let problem = |error: io::Error| usage(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        if can_ask() {
            return Err(usage("- reads the password from a pipe, and there is none"));
        }
        return first_line(io::stdin().lock()).map_err(problem);
    }
    first_line(File::open(path).map_err(problem)?).map_err(problem)
}

fn first_line(source: impl io::Read) -> io::Result<Secret> {
    // One byte more than the longest password and its line end, so that a longer one is reported, not truncated.
    let bound = u64::try_from(PASSWORD_MAX + 3).unwrap_or(u64::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_MAX + 3));
    source.take(bound).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    if text.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its first line is empty",
        ));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own input has failed"
    )]
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_without_its_end() {
        for file in [
            "pass word",
            "pass word\n",
            "pass word\r\n",
            "pass word\nsecond line",
        ] {
            assert_eq!(
                first_line(file.as_bytes()).unwrap().as_str(),
                "pass word",
                "{file:?}"
            );
        }
    }

    #[test]
    fn spaces_belong_to_the_secret() {
        assert_eq!(first_line(" pass \n".as_bytes()).unwrap().as_str(), " pass ");
    }

    #[test]
    fn an_empty_or_binary_file_is_no_secret() {
        for file in [&b""[..], b"\n", b"\xff\xfe"] {
            first_line(file).unwrap_err();
        }
    }

    #[test]
    fn a_secret_that_is_too_long_is_not_cut_to_one_that_passes() {
        let long = "x".repeat(PASSWORD_MAX + 100);
        assert!(first_line(long.as_bytes()).unwrap().len() > PASSWORD_MAX);
    }
}
