#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use super::*;
use serde_json::{Value, json};
use std::collections::HashSet;

fn tracks(catalog: &Catalog, artist_id: &str, market: &str) -> Vec<Value> {
    let body = catalog.top_tracks(artist_id, Some(market)).unwrap();
    let mut answer: Value = serde_json::from_slice(&body).unwrap();
    serde_json::from_value(answer["tracks"].take()).unwrap()
}

/// Every track of the demo in these markets: artist, market, track.
fn everything() -> Vec<(String, &'static str, Value)> {
    let catalog = Catalog::demo();
    let mut all = Vec::new();
    for id in catalog.artist_ids() {
        for market in ["US", "CA"] {
            let list = tracks(&catalog, id, market);
            assert_eq!(list.len(), 10, "{id} {market}");
            all.extend(list.into_iter().map(|track| (id.to_owned(), market, track)));
        }
    }
    all
}

#[test]
fn sizes_and_identities() {
    let catalog = Catalog::demo();
    assert_eq!(catalog.artists().len(), 36);
    let all = everything();
    assert_eq!(all.len(), 720);
    let keys: HashSet<_> = all
        .iter()
        .map(|(artist, market, track)| (artist, market, track["id"].as_str()))
        .collect();
    assert_eq!(keys.len(), 720, "a key occurs twice");
    for id in catalog.artist_ids().chain(
        all.iter()
            .map(|(_, _, track)| track["id"].as_str().unwrap()),
    ) {
        assert!(
            id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{id}"
        );
    }
    let named: HashSet<_> = catalog
        .artists()
        .iter()
        .map(|artist| &artist.name)
        .collect();
    assert!(
        named.len() == 36 && named.iter().all(|name| !name.is_empty()),
        "{named:?}"
    );
}

#[test]
fn only_the_real_tracks_are_above_90() {
    let found: Vec<_> = everything()
        .into_iter()
        .filter(|(_, _, track)| track["popularity"].as_u64().unwrap() > 90)
        .map(|(artist, market, mut track)| {
            assert_eq!([&track["artist_id"], &track["country"]], [&Value::Null; 2]);
            track["artist_id"] = json!(artist);
            track["country"] = json!(market);
            track
        })
        .collect();
    let expected: Vec<Value> = serde_json::from_str(POPULARITY_OVER_90).unwrap();
    assert_eq!(found, expected);
    let popularities: HashSet<_> = everything()
        .iter()
        .map(|(_, _, track)| track["popularity"].as_u64().unwrap())
        .collect();
    assert!(
        popularities.contains(&90),
        "no track is exactly at the bound"
    );
    assert!(
        popularities
            .iter()
            .all(|popularity| (20..=91).contains(popularity))
    );
}

#[test]
fn markets_share_some_tracks() {
    let catalog = Catalog::demo();
    for id in catalog.artist_ids() {
        let [us, ca] = ["US", "CA"].map(|market| {
            tracks(&catalog, id, market)
                .iter()
                .map(|track| track["id"].as_str().unwrap().to_owned())
                .collect::<HashSet<_>>()
        });
        let shared = us.intersection(&ca).count();
        assert!((5..=7).contains(&shared), "{id}: {shared}");
        assert_eq!(
            catalog.top_tracks(id, None),
            catalog.top_tracks(id, Some("US"))
        );
    }
    assert_eq!(
        catalog.top_tracks("0000000000000000000000", Some("US")),
        None
    );
}

/// The members of an object and of what is in it, as sorted paths.
fn paths(prefix: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(&format!("{prefix}/{name}"), member, into);
            }
        }
        Value::Array(items) => paths(&format!("{prefix}/0"), &items[0], into),
        _ => into.push(prefix.to_owned()),
    }
}

#[test]
fn generated_tracks_have_the_shape_of_the_real_ones() {
    let shape = |track: &Value| {
        let mut found = Vec::new();
        paths("", track, &mut found);
        found.sort();
        found
    };
    let all = everything();
    let real = shape(&all[0].2);
    assert!(
        real.iter().any(|path| path == "/album/images/0/height"),
        "{real:?}"
    );
    for (_, _, track) in &all {
        assert_eq!(shape(track), real, "{track}");
    }
    let nulls = all
        .iter()
        .filter(|(_, _, track)| track["preview_url"].is_null())
        .count();
    assert!((100..500).contains(&nulls), "{nulls}");
    let text: String = all
        .iter()
        .map(|(_, _, track)| track["name"].as_str().unwrap())
        .collect();
    for part in ["é", "봄", "の", "🎹", "\"", "\\", "Ω"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn synthetic_catalogues_are_as_large_as_asked() {
    let catalog = Catalog::synthetic(2_000, 25);
    assert_eq!(catalog.artist_ids().collect::<HashSet<_>>().len(), 2_000);
    let last = catalog.artist_ids().last().unwrap();
    let ids: HashSet<_> = tracks(&catalog, last, "CA")
        .iter()
        .map(|track| track["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), catalog.tracks_per_list()), (25, 25));
    let again = Catalog::synthetic(2_000, 25);
    assert_eq!(
        catalog.top_tracks(last, Some("US")),
        again.top_tracks(last, Some("US"))
    );
}
