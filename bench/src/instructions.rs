//! The functions that go over every byte → the native instructions that they take
//! for a track, which depend on no machine, beside committed figures.

use anyhow::{Context as _, ensure};
use std::path::Path;
use std::process::Command;

/// Instructions a track. Write down what is counted when a change is meant.
const FIGURES: [(&str, u64); 4] = [
    ("scan", 19_618),
    ("item", 49_081),
    ("digest", 49_977),
    ("key", 843),
];

/// Of each figure, in per cent: compilers differ.
const TOLERANCE: u64 = 5;

/// Counts them by valgrind, which must be installed.
pub fn compare(folder: &Path) -> anyhow::Result<()> {
    println!("| function | instructions a track | committed |\n|---|---|---|");
    let mut differ = Vec::new();
    for (name, figure) in FIGURES {
        // What it takes to start and to end is in both.
        let count = |times| count(&folder.join("hot"), name, times);
        let each = (count("11")? - count("1")?) / 100;
        println!("| {name} | {each} | {figure} |");
        if each.abs_diff(figure) * 100 > figure * TOLERANCE {
            differ.push(name);
        }
    }
    ensure!(differ.is_empty(), "more than {TOLERANCE} % off: {differ:?}");
    Ok(())
}

fn count(program: &Path, name: &str, times: &str) -> anyhow::Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = valgrind.arg(program).args([name, times]).output();
    let said = output.context("run valgrind")?.stderr;
    let said = String::from_utf8_lossy(&said);
    let (_, collected) = said.split_once("Collected :").context("nothing counted")?;
    let number = collected.split_whitespace().next();
    Ok(number.context("nothing counted")?.parse()?)
}
