//! An artist's id and a market → the body of Spotify's top-tracks answer.
//!
//! Everything is generated, the same each time, but for the three tracks of
//! `popularity-over-90.json`, which are real and the only ones above 90.

use crate::track::{self, Artist, NAMES, Seed, Track};
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
        tracks.extend(
            generated
                .into_iter()
                .map(|track| Entry::Generated(Box::new(track))),
        );
        Some(TopTracks { tracks }.body())
    }
}

#[derive(Serialize)]
struct TopTracks<'catalog> {
    tracks: Vec<Entry<'catalog>>,
}

impl TopTracks<'_> {
    #[expect(
        clippy::expect_used,
        reason = "structs of text and numbers always serialise"
    )]
    fn body(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("an answer serialises")
            .into()
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'catalog> {
    Real(&'catalog RawValue),
    Generated(Box<Track>),
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
mod tests;
