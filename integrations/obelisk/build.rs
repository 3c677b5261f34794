//! The workflow's sources → the component that `main.rs` writes out.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=workflow/wit");
    rowcast_wasm::embed(
        "rowcast-obelisk-workflow",
        "integrations/obelisk/workflow",
        "ROWCAST_OBELISK_WORKFLOW",
    )
}
