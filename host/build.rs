//! The components' sources → the WASI component that the host embeds, and for
//! the command those that it can write out for other hosts.

use rowcast_wasm::{Builder, compose};
use std::env;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Builder::new()?;
    builder.watch("component/guest");
    builder.watch("component/json");
    let pipeline = builder.build("rowcast-component", "component")?;
    builder.embed("rowcast-component", &pipeline, "ROWCAST_PIPELINE")?;
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }

    let adapter = builder.build("rowcast-dynamodb", "component/adapter")?;
    let egress = builder.build("rowcast-egress", "component/egress")?;
    let secrets = builder.build("rowcast-secrets", "component/secrets")?;
    let standalone = compose(
        &[
            ("rowcast:dynamodb", &adapter),
            ("rowcast:egress", &egress),
            ("rowcast:pipeline", &pipeline),
            ("rowcast:secrets", &secrets),
        ],
        &[
            "rowcast:pipeline/extract@0.1.0",
            "rowcast:pipeline/load@0.1.0",
            "rowcast:pipeline/query@0.1.0",
        ],
    )?;
    println!("cargo::rerun-if-changed=../component/service/openapi.json");
    let front = builder.build("rowcast-service", "component/service")?;
    let service = compose(
        &[
            ("rowcast:standalone", &standalone),
            ("rowcast:service", &front),
        ],
        &["wasi:http/incoming-handler@0.2.12"],
    )?;
    builder.embed("rowcast-dynamodb", &adapter, "ROWCAST_ADAPTER")?;
    builder.embed("rowcast-egress", &egress, "ROWCAST_EGRESS")?;
    builder.embed("rowcast-secrets", &secrets, "ROWCAST_SECRETS")?;
    builder.embed("rowcast-standalone", &standalone, "ROWCAST_STANDALONE")?;
    builder.embed("rowcast-front", &front, "ROWCAST_FRONT")?;
    builder.embed("rowcast-service", &service, "ROWCAST_SERVICE")?;
    Ok(())
}
