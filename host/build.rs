//! The component's sources → the WASI component that the host embeds.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rowcast_wasm::embed("rowcast-component", "component", "ROWCAST_PIPELINE")
}
