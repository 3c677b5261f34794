//! The functions that go over every byte, as often as asked, for a program that
//! counts instructions.
//!
//! Arguments: `scan`, `item`, `digest` or `key`, and how often.

use anyhow::Context as _;
use rowcast_bench::tracks;
use rowcast_json::Index;
use rowcast_json::digest::{Digest, Digester, Scalar};
use rowcast_pipeline::dynamodb::marshal::marshal;
use rowcast_pipeline::settings::{KeyAttribute, KeyType, Keys};
use std::hint::black_box;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(what), Some(times)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("a function and a number are needed");
    };
    let body = tracks::body(1, 10);
    let mut index = Index::default();
    let root = index.read(&body).ok().context("no JSON")?;
    let tracks = root.member("tracks").context("no tracks")?;
    let records: Vec<&str> = tracks.elements().map(|track| track.text()).collect();
    let keys = Keys {
        partition: KeyAttribute {
            name: "id".to_owned(),
            kind: KeyType::Text,
        },
        sort: None,
    };
    let mut digester = Digester::new(Digest { high: 1, low: 2 });
    let mut index = Index::default();
    for _ in 0..times.parse()? {
        for record in &records {
            match what.as_str() {
                "item" => drop(black_box(marshal(&mut index, record, &keys))),
                "digest" => {
                    let record = index.read(record).ok().context("no JSON")?;
                    black_box(digester.content(record));
                }
                "scan" => drop(black_box(index.read(record).is_ok())),
                "key" => {
                    let parts = ["artist0000000000000001", "US#0123456789012345678901"];
                    black_box(digester.key(&parts.map(Scalar::Text)));
                }
                _ => anyhow::bail!("no such function"),
            }
        }
    }
    Ok(())
}
