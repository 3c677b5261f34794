//! A component's bytes → its code for this machine, compiled or as an earlier
//! process left it in a file. The file is mapped, not read: what isn't run takes
//! no memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Files that are kept; with a new one those go that were made first.
const FILES: usize = 16;

/// How they end.
const ENDING: &str = "cwasm";

/// Where compiled code is kept, if anywhere.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    folder: Option<PathBuf>,
}

impl Compiled {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The component, compiled before or now. That it can't be kept is no reason
    /// to fail.
    pub(super) fn load(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(folder) = &self.folder else {
            return Component::from_binary(engine, bytes);
        };
        let file = folder.join(name(engine, bytes));
        if file.exists() {
            // SAFETY: only we write files of such names, whole, into a folder that
            // is the user's alone; wasmtime checks that it made them.
            match unsafe { Component::deserialize_file(engine, &file) } {
                Ok(component) => return Ok(component),
                Err(error) => tracing::debug!("compiled code is not used: {error:#}"),
            }
        }
        let component = Component::from_binary(engine, bytes)?;
        let kept = component.serialize().map_err(io::Error::other);
        if let Err(error) = kept.and_then(|code| keep(folder, &file, &code)) {
            tracing::debug!("compiled code is not kept: {error}");
        }
        Ok(component)
    }
}

/// The same for the same component on the same engine only.
fn name(engine: &Engine, bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
    format!("{digest}-{:016x}.{ENDING}", hasher.finish())
}

/// Whole or not at all, also where the machine stops or two processes do it.
fn keep(folder: &Path, file: &Path, code: &[u8]) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(code)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    let is_ours = |entry: &DirEntry| entry.path().extension() == Some(OsStr::new(ENDING));
    let mut files: Vec<_> = fs::read_dir(folder)?
        .flatten()
        .filter(is_ours)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort_unstable();
    for (_, old) in files.iter().rev().skip(FILES) {
        fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn files(folder: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(folder).unwrap();
        files.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn code_is_kept_once_and_taken_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/compiled");
        let compiled = Compiled::new(Some(folder.clone()));
        let engine = Engine::default();
        compiled.load(&engine, EMPTY).unwrap();
        let kept = files(&folder);
        let [file] = kept.as_slice() else {
            unreachable!("{kept:?}")
        };
        let made = fs::metadata(file).unwrap().modified().unwrap();
        compiled.load(&engine, EMPTY).unwrap();
        assert_eq!(files(&folder), kept);
        assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), made);
        // What isn't whole is compiled anew.
        fs::write(file, b"").unwrap();
        compiled.load(&engine, EMPTY).unwrap();
        assert_ne!(fs::metadata(file).unwrap().len(), 0);
    }

    #[test]
    fn files_do_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FILES + 3 {
            let file = folder.path().join(format!("{number}.{ENDING}"));
            keep(folder.path(), &file, b"x").unwrap();
            assert!(file.exists());
        }
        assert_eq!(files(folder.path()).len(), FILES);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_reason_to_fail() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, b"").unwrap();
        let compiled = Compiled::new(Some(file.join("compiled")));
        compiled.load(&Engine::default(), EMPTY).unwrap();
    }
}
