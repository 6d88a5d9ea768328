//! Gathers the files of the web app for `src/web_app.rs`: those in the folder that `XTASK_WEB_DIST` names, or
//! else in `web/dist` of the target directory, where `cargo xtask` puts them. Without either the binary has no
//! web app, and says so.

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

const FOLDER_VARIABLE: &str = "XTASK_WEB_DIST";

/// Where the copy of the web app is, below `OUT_DIR`.
const COPY: &str = "web";

/// Compressed forms of the file whose name they extend.
const COMPRESSED: [&str; 2] = ["br", "gz"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed={FOLDER_VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    // A copy of our own: the folder may be built anew while the compiler reads.
    let copy = out.join(COPY);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    let mut paths = Vec::new();
    if let Some(folder) = folder(&out) {
        // Cargo watches only what exists; what does not exist is always new to it.
        fs::create_dir_all(&folder)?;
        println!("cargo::rerun-if-changed={}", folder.display());
        gather(&folder, Path::new(""), &copy, &mut paths)?;
    }
    paths.sort();
    fs::write(out.join("web_app.rs"), list(&paths))
}

/// Where the web app is, or will be once it is built.
fn folder(out: &Path) -> Option<PathBuf> {
    if let Some(named) = env::var_os(FOLDER_VARIABLE) {
        return Some(named.into());
    }
    // OUT_DIR is target/PROFILE/build/subrosa-HASH/out, with the target's name after target/ where one is given.
    let target = out
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists())?;
    Some(target.join("web/dist"))
}

/// Copies what is below `folder` and notes the path of each file.
fn gather(folder: &Path, below: &Path, copy: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    fs::create_dir_all(copy.join(below))?;
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            gather(folder, &path, copy, paths)?;
        } else {
            fs::copy(entry.path(), copy.join(&path))?;
            paths.push(path);
        }
    }
    Ok(())
}

/// The Rust expression with all files. It does not say where they are: the names that the compiler gives to what it makes
/// depend on the bytes of its sources, and would differ from folder to folder.
fn list(paths: &[PathBuf]) -> String {
    let mut list = String::from("&[\n");
    for path in paths {
        let is_compressed = path
            .extension()
            .and_then(OsStr::to_str)
            .is_some_and(|extension| COMPRESSED.contains(&extension));
        if is_compressed {
            continue;
        }
        let bytes = |path: &Path| {
            let path = format!("/{COPY}/{}", with_slashes(path));
            format!("include_bytes!(concat!(env!(\"OUT_DIR\"), {path:?}))")
        };
        let [brotli, gzip] = COMPRESSED.map(|extension| {
            let mut name = path.clone().into_os_string();
            name.push(".");
            name.push(extension);
            let variant = paths.iter().find(|path| path.as_os_str() == name);
            variant.map_or_else(|| "None".to_owned(), |path| format!("Some({})", bytes(path)))
        });
        let name = with_slashes(path);
        // Writing to a string cannot fail.
        let _ = writeln!(
            list,
            "    EmbeddedFile {{ path: {name:?}, content: {}, brotli: {brotli}, gzip: {gzip} }},",
            bytes(path)
        );
    }
    list.push(']');
    list
}

fn with_slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
