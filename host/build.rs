//! The components' sources → the WASI component that the host embeds, and for
//! the command those that it can write out for other hosts.

use rowcast_build::Builder;
use std::env;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Builder::new()?;
    builder.watch("component/json");
    builder.watch("component/pipeline");
    for path in ["schemas", "build.rs"] {
        println!("cargo::rerun-if-changed=../component/pipeline/{path}");
    }
    builder.watch("component/wasi");
    let plugin = builder.build("rowcast-plugin", "component/plugin")?;
    builder.embed("rowcast", &plugin, "ROWCAST_PLUGIN")?;
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }

    builder.watch("component/aws");
    let standalone = builder.build("rowcast-standalone", "component/standalone")?;
    builder.embed("rowcast-standalone", &standalone, "ROWCAST_STANDALONE")?;
    println!("cargo::rerun-if-changed=../component/service/openapi.json");
    let service = builder.build("rowcast-service", "component/service")?;
    builder.embed("rowcast-service", &service, "ROWCAST_SERVICE")
}
