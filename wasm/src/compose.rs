//! Several components → one, in which they call each other.

use std::error::Error;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

/// Composes components, given with their names. Each takes what it imports
/// from the nearest one before it that exports it, and the rest from the host.
/// The result exports what the last one does.
pub fn compose(parts: &[(&str, &[u8])]) -> Result<Vec<u8>, Box<dyn Error>> {
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
            let earlier = instances.iter().rev();
            let provider = earlier
                .into_iter()
                .find(|(_, exports): &&(_, Vec<String>)| exports.contains(&import));
            if let Some((provider, _)) = provider {
                let export = graph.alias_instance_export(*provider, &import)?;
                graph.set_instantiation_argument(instance, &import, export)?;
            }
        }
        instances.push((instance, exports));
    }
    let (last, exports) = instances.pop().ok_or("there is nothing to compose")?;
    for name in exports {
        let export = graph.alias_instance_export(last, &name)?;
        graph.export(export, name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}
