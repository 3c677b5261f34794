//! The program's own file → what of it is in memory. The kernel maps 16 pages of a
//! file for each that is touched, so that a program that has started holds most of
//! what it will never use again.

/// Gives back the pages of code and constants. They come again where they're needed.
#[cfg(target_os = "linux")]
pub fn give_back() {
    let (Ok(program), Ok(maps)) = (
        std::env::current_exe(),
        std::fs::read_to_string("/proc/self/maps"),
    ) else {
        return;
    };
    let program = program.display().to_string();
    for line in maps.lines().filter(|line| line.ends_with(&program)) {
        let mut fields = line.split(' ');
        let (range, rights) = (fields.next(), fields.next().unwrap_or_default());
        let range = range.and_then(|range| range.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = range.and_then(|(start, end)| Some((number(start)?, number(end)?)));
        let Some((start, end)) = range.filter(|_| rights.starts_with("r-")) else {
            return;
        };
        let from = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: nobody has ever written there, so the file has the same bytes.
        let given = unsafe {
            use rustix::mm::{Advice, madvise};
            madvise(from, end - start, Advice::LinuxDontNeed)
        };
        // What comes after the code was written when the program was loaded.
        if given.is_err() || rights.contains('x') {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn give_back() {}
