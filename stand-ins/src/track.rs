//! An artist and two numbers → a track object in the shape of Spotify's API.
//! The same numbers always give the same track.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A row of the `artists` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artist {
    /// 22 base62 characters.
    pub id: String,
    /// Any text.
    pub name: String,
}

/// The highest popularity that a generated track has.
pub const HIGHEST_POPULARITY: u64 = 90;
const LOWEST_POPULARITY: u64 = 20;

/// The words that generated names consist of.
#[derive(Deserialize)]
pub struct Names {
    /// Invented artists.
    pub artists: Vec<String>,
    beginnings: Vec<String>,
    endings: Vec<String>,
    albums: Vec<String>,
}

/// What `names.json` holds.
#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and the tests read it"
)]
pub static NAMES: LazyLock<Names> = LazyLock::new(|| {
    serde_json::from_str(include_str!("names.json")).expect("names.json has the shape of Names")
});

/// A track object as `/artists/{id}/top-tracks` answers it.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the API's")]
pub struct Track {
    album: Album,
    artists: Vec<ArtistObject>,
    disc_number: u64,
    duration_ms: u64,
    explicit: bool,
    external_ids: ExternalIds,
    external_urls: ExternalUrls,
    href: String,
    id: String,
    is_local: bool,
    is_playable: bool,
    name: String,
    /// 0 to 100; lists are sorted by it.
    pub popularity: u64,
    preview_url: Option<String>,
    track_number: u64,
    r#type: &'static str,
    uri: String,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the API's")]
struct Album {
    album_type: &'static str,
    artists: Vec<ArtistObject>,
    external_urls: ExternalUrls,
    href: String,
    id: String,
    images: [Image; 3],
    name: String,
    release_date: String,
    release_date_precision: &'static str,
    total_tracks: u64,
    r#type: &'static str,
    uri: String,
}

#[derive(Clone, Serialize)]
struct ArtistObject {
    external_urls: ExternalUrls,
    href: String,
    id: String,
    name: String,
    r#type: &'static str,
    uri: String,
}

#[derive(Clone, Serialize)]
struct ExternalUrls {
    spotify: String,
}

#[derive(Serialize)]
struct ExternalIds {
    isrc: String,
}

#[derive(Serialize)]
struct Image {
    height: u64,
    url: String,
    width: u64,
}

/// Track `number` of the artist who is `artist_number` in the catalogue.
pub fn generate(artist: &Artist, artist_number: usize, number: usize) -> Track {
    let mut seed = Seed::of(artist_number, number);
    let id = seed.id();
    let name = title(&mut seed, number);
    // One track is exactly at the bound, so that `> 90` and `>= 90` differ.
    let popularity = if artist_number == 0 && number == 0 {
        HIGHEST_POPULARITY
    } else {
        LOWEST_POPULARITY + seed.below(HIGHEST_POPULARITY - LOWEST_POPULARITY + 1)
    };
    let preview_url = (seed.below(3) > 0).then(|| {
        format!(
            "https://p.scdn.co/mp3-preview/{}?cid={}",
            seed.hex(40),
            seed.hex(32)
        )
    });
    let album = album(&mut seed, artist);
    Track {
        artists: album.artists.clone(),
        disc_number: 1,
        duration_ms: 95_000 + seed.below(290_000),
        explicit: seed.below(5) == 0,
        external_ids: ExternalIds {
            isrc: format!("QZRWC21{:05}", seed.below(100_000)),
        },
        external_urls: external_urls("track", &id),
        href: href("tracks", &id),
        is_local: false,
        is_playable: true,
        name,
        popularity,
        preview_url,
        track_number: 1 + seed.below(album.total_tracks),
        r#type: "track",
        uri: uri("track", &id),
        id,
        album,
    }
}

pub fn title(seed: &mut Seed, number: usize) -> String {
    let beginning = seed.choose(&NAMES.beginnings);
    let ending = seed.choose(&NAMES.endings);
    match seed.below(6) {
        0 => format!(
            "{beginning} {ending} (feat. {})",
            seed.choose(&NAMES.artists)
        ),
        1 => format!("{beginning} {ending} – Live, pt. {}", number + 1),
        _ => format!("{beginning} {ending}"),
    }
}

fn album(seed: &mut Seed, artist: &Artist) -> Album {
    let id = seed.id();
    let (album_type, total_tracks) = match seed.below(4) {
        0 => ("single", 1 + seed.below(3)),
        1 => ("compilation", 20 + seed.below(30)),
        _ => ("album", 8 + seed.below(10)),
    };
    let year = 1974 + seed.below(48);
    let (release_date, release_date_precision) = match seed.below(8) {
        0 => (format!("{year}"), "year"),
        1 => (format!("{year}-{:02}", 1 + seed.below(12)), "month"),
        _ => (
            format!("{year}-{:02}-{:02}", 1 + seed.below(12), 1 + seed.below(28)),
            "day",
        ),
    };
    let mut artists = vec![artist_object(&artist.id, &artist.name)];
    if seed.below(5) == 0 {
        let guest = seed.id();
        artists.push(artist_object(&guest, seed.choose(&NAMES.artists)));
    }
    let picture = seed.hex(24);
    let image = |size, kind| Image {
        height: size,
        url: format!("https://i.scdn.co/image/ab67616d0000{kind}{picture}"),
        width: size,
    };
    Album {
        album_type,
        artists,
        external_urls: external_urls("album", &id),
        href: href("albums", &id),
        images: [image(640, "b273"), image(300, "1e02"), image(64, "4851")],
        name: seed.choose(&NAMES.albums).to_owned(),
        release_date,
        release_date_precision,
        total_tracks,
        r#type: "album",
        uri: uri("album", &id),
        id,
    }
}

fn artist_object(id: &str, name: &str) -> ArtistObject {
    ArtistObject {
        external_urls: external_urls("artist", id),
        href: href("artists", id),
        id: id.to_owned(),
        name: name.to_owned(),
        r#type: "artist",
        uri: uri("artist", id),
    }
}

fn external_urls(kind: &str, id: &str) -> ExternalUrls {
    ExternalUrls {
        spotify: format!("https://open.spotify.com/{kind}/{id}"),
    }
}

fn href(collection: &str, id: &str) -> String {
    format!("https://api.spotify.com/v1/{collection}/{id}")
}

fn uri(kind: &str, id: &str) -> String {
    format!("spotify:{kind}:{id}")
}

/// Numbers that look random and are always the same (`SplitMix64`).
pub struct Seed(u64);

impl Seed {
    const ID_DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

    /// The numbers of that track of that artist.
    pub fn of(artist_number: usize, track_number: usize) -> Self {
        let [artist, track] =
            [artist_number, track_number].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        // Drawing once in between keeps neighbours from sharing a sequence.
        let between = Self(artist.wrapping_mul(0xD6E8_FEB8_6659_FD93)).next();
        Self(between ^ track.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// A base62 identifier of 22 characters, as Spotify's.
    pub fn id(&mut self) -> String {
        self.digits(Self::ID_DIGITS, 22)
    }

    fn hex(&mut self, length: usize) -> String {
        self.digits(Self::HEX_DIGITS, length)
    }

    fn digits(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .filter_map(|_| self.pick(alphabet))
            .map(|&digit| char::from(digit))
            .collect()
    }

    fn choose<'names>(&mut self, names: &'names [String]) -> &'names str {
        self.pick(names).map_or("", String::as_str)
    }

    fn pick<'items, T>(&mut self, items: &'items [T]) -> Option<&'items T> {
        let index = self.below(u64::try_from(items.len()).unwrap_or(u64::MAX));
        items.get(usize::try_from(index).unwrap_or(usize::MAX))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
