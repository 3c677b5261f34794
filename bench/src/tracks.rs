//! Seeds → answers of tracks in the shape that music services send, 2.9 KB each,
//! indented.

use serde_json::{Value, json};

/// An answer with so many tracks.
#[must_use]
pub fn body(seed: u64, records: u64) -> String {
    let tracks: Vec<Value> = (0..records)
        .map(|number| track(seed * 1_000 + number))
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "tracks": tracks }));
    text.unwrap_or_default()
}

/// A page of a Scan with so many items, without its end.
#[must_use]
pub fn page(items: u64) -> String {
    let item = |number| {
        let Value::Object(mut item) = track(number) else {
            return Value::Null;
        };
        item.insert(
            "artist_id".to_owned(),
            json!(format!("artist{}", number / 20)),
        );
        item.insert("country_track".to_owned(), json!(format!("US#{number}")));
        let members = item
            .iter()
            .map(|(name, value)| (name.clone(), typed(value)));
        Value::Object(members.collect())
    };
    let items_typed: Vec<Value> = (0..items).map(item).collect();
    let text = serde_json::to_string(&items_typed).unwrap_or_default();
    format!(r#"{{"Count":{items},"ScannedCount":{items},"Items":{text}"#)
}

/// DynamoDB's JSON.
fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(truth) => json!({ "BOOL": truth }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(elements) => {
            let elements: Vec<Value> = elements.iter().map(typed).collect();
            json!({ "L": elements })
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), typed(value)));
            json!({ "M": Value::Object(members.collect()) })
        }
    }
}

fn track(number: u64) -> Value {
    let mut seed = Seed(number + 1);
    let artist = |seed: &mut Seed| {
        let id = seed.id(22);
        json!({
            "external_urls": { "spotify": format!("https://open.spotify.com/artist/{id}") },
            "href": format!("https://api.spotify.com/v1/artists/{id}"),
            "id": id,
            "name": format!("Ännchen {}", seed.id(8)),
            "type": "artist",
            "uri": format!("spotify:artist:{id}"),
        })
    };
    let (album, id) = (seed.id(22), seed.id(22));
    let image = |seed: &mut Seed, size: u64| {
        json!({
            "height": size,
            "url": format!("https://i.scdn.co/image/ab67616d0000b273{}", seed.id(24)),
            "width": size,
        })
    };
    json!({
        "album": {
            "album_type": "album",
            "artists": [artist(&mut seed)],
            "external_urls": { "spotify": format!("https://open.spotify.com/album/{album}") },
            "href": format!("https://api.spotify.com/v1/albums/{album}"),
            "id": album,
            "images": [image(&mut seed, 640), image(&mut seed, 300), image(&mut seed, 64)],
            "name": format!("The \"{}\" album", seed.id(10)),
            "release_date": "2009-09-22",
            "release_date_precision": "day",
            "total_tracks": seed.next() % 20,
            "type": "album",
            "uri": format!("spotify:album:{album}"),
        },
        "artists": [artist(&mut seed), artist(&mut seed)],
        "disc_number": 1,
        "duration_ms": 95_000 + seed.next() % 290_000,
        "explicit": seed.next().is_multiple_of(5),
        "external_ids": { "isrc": format!("QZRWC21{:05}", seed.next() % 100_000) },
        "external_urls": { "spotify": format!("https://open.spotify.com/track/{id}") },
        "href": format!("https://api.spotify.com/v1/tracks/{id}"),
        "id": id,
        "is_local": false,
        "is_playable": true,
        "name": format!("Ghosts 'n' Stuff {}", seed.id(12)),
        "popularity": seed.next() % 91,
        "preview_url": null,
        "track_number": seed.next() % 20,
        "type": "track",
        "uri": format!("spotify:track:{id}"),
    })
}

/// SplitMix64.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn id(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 64] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzAB";
        (0..length)
            .map(|_| char::from(LETTERS[(self.next() % 64) as usize]))
            .collect()
    }
}
