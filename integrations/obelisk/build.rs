//! The workflow's sources → the component that `main.rs` writes out.

use rowcast_build::Builder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Builder::new()?;
    println!("cargo::rerun-if-changed=workflow/wit");
    let workflow = builder.build("rowcast-obelisk-workflow", "integrations/obelisk/workflow")?;
    builder.embed("rowcast-workflow", &workflow, "ROWCAST_OBELISK_WORKFLOW")
}
