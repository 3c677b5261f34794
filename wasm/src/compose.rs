//! Several components → one, in which they call each other.

use std::error::Error;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// Composes components, given with their names. Each takes what it imports
/// from the nearest one before it that exports it, and the rest from the host.
/// The result exports `wanted`, each from the last one that has it.
pub fn compose(parts: &[(&str, &[u8])], wanted: &[&str]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut graph = CompositionGraph::new();
    let mut instances = Vec::new();
    for (name, bytes) in parts {
        let package = Package::from_bytes(name, None, *bytes, graph.types_mut())?;
        let world = package.ty();
        let package = graph.register_package(package)?;
        let instance = graph.instantiate(package);
        let names = |items: &mut dyn Iterator<Item = &String>| items.cloned().collect::<Vec<_>>();
        let imports = names(&mut graph.types()[world].imports.keys());
        let exports = names(&mut graph.types()[world].exports.keys());
        for import in imports {
            if let Some(provider) = nearest(&instances, &import) {
                let export = graph.alias_instance_export(provider, &import)?;
                graph.set_instantiation_argument(instance, &import, export)?;
            }
        }
        instances.push((instance, exports));
    }
    for name in wanted {
        let provider = nearest(&instances, name);
        let provider = provider.ok_or_else(|| format!("no component exports {name}"))?;
        let export = graph.alias_instance_export(provider, name)?;
        graph.export(export, *name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}

/// The last of them that exports that.
fn nearest(instances: &[(NodeId, Vec<String>)], name: &str) -> Option<NodeId> {
    let exports = |(_, exports): &&(NodeId, Vec<String>)| exports.iter().any(|it| it == name);
    let found = instances.iter().rev().find(exports);
    found.map(|(instance, _)| *instance)
}
