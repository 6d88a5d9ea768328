//! A compressed archive whose bytes depend on nothing but the files in it and one time: no owner, no order of a
//! folder, no time of the packing.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::Result;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tar::{Builder, EntryType, Header};

/// What may be done with a file.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// It is read.
    Document,
    /// It is read and run.
    Program,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Document => 0o644,
            Self::Program => 0o755,
        }
    }
}

/// Files that are packed below one folder.
pub(super) struct Archive {
    folder: String,
    /// Seconds since 1970: when every file in it was changed, as it says.
    changed_at: u64,
    files: BTreeMap<String, (Mode, Vec<u8>)>,
}

impl Archive {
    pub(super) fn new(folder: String, changed_at: u64) -> Self {
        Self {
            folder,
            changed_at,
            files: BTreeMap::new(),
        }
    }

    /// Adds a file under this path below the folder.
    pub(super) fn add(&mut self, path: &str, mode: Mode, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (mode, content));
    }

    /// The archive as tar, compressed by gzip.
    pub(super) fn pack(&self) -> Result<Vec<u8>> {
        // The header of gzip gets neither time nor name.
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
        for (path, (mode, content)) in &self.files {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(mode.bits());
            header.set_mtime(self.changed_at);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, format!("{}/{path}", self.folder), &content[..])?;
        }
        Ok(builder.into_inner()?.finish()?)
    }
}

/// The files in an archive, by their whole path.
pub(super) fn unpack(packed: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(GzDecoder::new(packed)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(path, content);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, Mode)]) -> Archive {
        let mut archive = Archive::new("subrosa-1".to_owned(), 1_700_000_000);
        for (path, mode) in files {
            archive.add(path, *mode, format!("what is in {path}").into_bytes());
        }
        archive
    }

    #[test]
    fn the_same_files_in_any_order_are_the_same_bytes() -> Result<()> {
        let one = archive(&[("subrosa", Mode::Program), ("book/a.md", Mode::Document)]);
        let other = archive(&[("book/a.md", Mode::Document), ("subrosa", Mode::Program)]);
        assert_eq!(one.pack()?, other.pack()?);
        Ok(())
    }

    #[test]
    fn an_archive_says_nothing_of_who_packed_it_and_when() -> Result<()> {
        let packed = archive(&[("subrosa", Mode::Program), ("README.md", Mode::Document)]).pack()?;
        // RFC 1952, section 2.3: no name among the flags, no time, an unknown operating system.
        assert_eq!(packed[3..8], [0; 5]);
        assert_eq!(packed[9], 255);
        let mut headers = Vec::new();
        for entry in tar::Archive::new(GzDecoder::new(&packed[..])).entries()? {
            let entry = entry?;
            let header = entry.header();
            assert_eq!((header.uid()?, header.gid()?), (0, 0));
            assert_eq!(header.username().ok().flatten(), Some(""));
            headers.push((
                entry.path()?.display().to_string(),
                header.mode()?,
                header.mtime()?,
            ));
        }
        assert_eq!(
            headers,
            [
                ("subrosa-1/README.md".to_owned(), 0o644, 1_700_000_000),
                ("subrosa-1/subrosa".to_owned(), 0o755, 1_700_000_000),
            ]
        );
        Ok(())
    }

    #[test]
    fn what_was_packed_comes_out() -> Result<()> {
        let files = unpack(&archive(&[("book/a.md", Mode::Document)]).pack()?)?;
        assert_eq!(files["subrosa-1/book/a.md"], b"what is in book/a.md");
        assert_eq!(files.len(), 1);
        Ok(())
    }
}
