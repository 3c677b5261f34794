//! A file that is locked → the process that has it, where the system tells.

use std::path::Path;

/// From Linux's list of locks, such as
/// `1: FLOCK  ADVISORY  WRITE 4112 fe:00:10076753 0 EOF`.
#[cfg(target_os = "linux")]
pub fn of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata(path).ok()?.ino().to_string();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(4);
        let process = fields.next()?.parse().ok()?;
        let file = fields.next()?.rsplit(':').next()?;
        (file == inode).then_some(process)
    })
}

#[cfg(not(target_os = "linux"))]
pub fn of(_path: &Path) -> Option<u32> {
    None
}
