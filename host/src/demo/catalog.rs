//! An artist's id and a market → the body of Spotify's top-tracks answer.
//!
//! Everything is generated, the same each time, but for the three tracks of
//! `popularity-over-90.json`, which are real and the only ones above 90.

use super::track::{self, NAMES, Seed, Track};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The documents that `popularity > 90` finds in the whole demo, as a pipeline
/// leaves them, except for the sort key it adds. `artist_id` and `country` are
/// the pipeline's too; the stand-in's answers lack them.
pub const POPULARITY_OVER_90: &str = include_str!("popularity-over-90.json");

const DEMO_TRACKS: usize = 10;
/// A market's list starts this much further in the artist's tracks than the
/// market before it, so that lists of two markets share most of them.
const MARKET_STEP: usize = 3;

/// A row of the `artists` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artist {
    /// 22 base62 characters.
    pub id: String,
    /// Any text.
    pub name: String,
}

/// Artists and their top tracks.
pub struct Catalog {
    artists: Vec<Artist>,
    numbers: HashMap<String, usize>,
    real: Vec<RealTrack>,
    tracks: usize,
}

/// A track that is under its artist's id in one market only.
struct RealTrack {
    artist_id: String,
    market: String,
    track: Box<RawValue>,
}

impl Catalog {
    /// 36 artists with ten tracks per market.
    #[must_use]
    pub fn demo() -> Self {
        let real = real_tracks();
        // Several of the real tracks may be under one artist.
        let mut artists: Vec<Artist> = real.iter().map(|(artist, _)| artist.clone()).collect();
        artists.dedup();
        artists.extend(
            NAMES
                .artists
                .iter()
                .enumerate()
                .map(|(number, name)| Artist {
                    id: artist_id(number),
                    name: name.clone(),
                }),
        );
        Self::new(
            artists,
            real.into_iter().map(|(_, track)| track).collect(),
            DEMO_TRACKS,
        )
    }

    /// A generated catalogue of any size, for measurements. Answers are made
    /// when they are asked for, so memory holds the artists only.
    #[must_use]
    pub fn synthetic(artists: usize, tracks: usize) -> Self {
        let artists = (0..artists)
            .map(|number| Artist {
                id: artist_id(number),
                name: format!("Artist № {number}"),
            })
            .collect();
        Self::new(artists, Vec::new(), tracks)
    }

    fn new(artists: Vec<Artist>, real: Vec<RealTrack>, tracks: usize) -> Self {
        let numbers = artists
            .iter()
            .enumerate()
            .map(|(number, artist)| (artist.id.clone(), number))
            .collect();
        Self {
            artists,
            numbers,
            real,
            tracks,
        }
    }

    /// The rows of the `artists` table.
    #[must_use]
    pub fn artists(&self) -> &[Artist] {
        &self.artists
    }

    /// The artists' ids.
    pub fn artist_ids(&self) -> impl Iterator<Item = &str> {
        self.artists.iter().map(|artist| artist.id.as_str())
    }

    /// How many tracks each list has.
    #[must_use]
    pub fn tracks_per_list(&self) -> usize {
        self.tracks
    }

    /// The answer for an artist, `None` if there is no such artist. Without a
    /// market it is the one for the United States.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "structs of text and numbers always serialise"
    )]
    pub fn top_tracks(&self, artist_id: &str, market: Option<&str>) -> Option<Bytes> {
        let number = *self.numbers.get(artist_id)?;
        let artist = self.artists.get(number)?;
        let market = market.unwrap_or("US");
        let mut tracks: Vec<_> = self
            .real
            .iter()
            .filter(|real| real.artist_id == artist_id && real.market == market)
            .map(|real| Entry::Real(&real.track))
            .collect();
        let mut generated: Vec<_> = (offset(market)..)
            .take(self.tracks.saturating_sub(tracks.len()))
            .map(|track| track::generate(artist, number, track))
            .collect();
        generated.sort_by_key(|track| std::cmp::Reverse(track.popularity));
        tracks.extend(generated.into_iter().map(Entry::Generated));
        let body = serde_json::to_vec(&TopTracks { tracks }).expect("an answer serialises");
        Some(body.into())
    }
}

#[derive(Serialize)]
struct TopTracks<'catalog> {
    tracks: Vec<Entry<'catalog>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'catalog> {
    Real(&'catalog RawValue),
    Generated(Track),
}

fn artist_id(number: usize) -> String {
    // No track has that number, so no track has an artist's id either.
    Seed::of(number, usize::MAX).id()
}

fn offset(market: &str) -> usize {
    match market {
        "US" => 0,
        "CA" => MARKET_STEP,
        other => other.bytes().map(usize::from).sum::<usize>() % 5 * MARKET_STEP,
    }
}

#[derive(Deserialize)]
struct Added {
    artist_id: String,
    country: String,
    artists: Vec<Credit>,
}

#[derive(Deserialize)]
struct Credit {
    id: String,
    name: String,
}

/// The real tracks as the API sends them, and whose they are.
#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and the tests read it"
)]
fn real_tracks() -> Vec<(Artist, RealTrack)> {
    let documents: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(POPULARITY_OVER_90).expect("the file is a list of objects");
    documents
        .into_iter()
        .map(|mut document| {
            let added = Added::deserialize(serde_json::Value::Object(document.clone()))
                .expect("each track has artists, artist_id and country");
            for name in ["artist_id", "country"] {
                document.shift_remove(name);
            }
            let name = added
                .artists
                .into_iter()
                .find(|credit| credit.id == added.artist_id)
                .map_or_else(String::new, |credit| credit.name);
            let track = serde_json::value::to_raw_value(&document).expect("an object serialises");
            let artist = Artist {
                id: added.artist_id.clone(),
                name,
            };
            (
                artist,
                RealTrack {
                    artist_id: added.artist_id,
                    market: added.country,
                    track,
                },
            )
        })
        .collect()
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests {
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
}
