//! A preset's name → the commented file that `rowcast init` writes.

/// A commented configuration: with the preset's name, or, without one, with
/// every setting of a source to fill in.
#[must_use]
pub fn commented(preset: Option<&str>) -> String {
    let source = match preset {
        Some(name) => PRESET.replace("{preset}", name),
        None => SOURCE.to_owned(),
    };
    let keys = if preset.is_some() { PRESET_KEYS } else { KEYS };
    [HEAD, &source, TABLE, keys, TAIL].concat()
}

const HEAD: &str = r#"# Rowcast: rows in, a request for each, every record in DynamoDB.
# ${NAME} and ${NAME:-default} in text come from the environment; $${ is ${ itself.

# Where rows come from.
[rows]
postgres = "${DATABASE_URL}"        # a URL, or key=value pairs as for libpq
query = "SELECT id FROM artists"    # its columns are what {…} names below
# Or a file; "-" is standard input.
# file = "artists.jsonl"            # or .csv, with a header
# format = "jsonl"                  # or "csv"; by the extension if left out

"#;

const PRESET: &str = r#"# What is asked for each row. The preset fills in whatever isn't given here.
[source]
preset = "{preset}"
# url = "https://api.spotify.com/v1/artists/{id}/top-tracks?market={country}"
# records = "/tracks"               # JSON Pointer to the records in an answer
# require = ["/id", "/popularity"]  # what each record must have

# One request per row and combination.
[source.matrix]
country = ["US", "CA"]

# Added to each record; these make the table's keys.
# [source.attributes]
# artist_id = "{id}"
# country = "{country}"
# country_track = "{country}#{record:/id}"

[source.auth]
type = "client-credentials"
client_id = "${SPOTIFY_CLIENT_ID}"
client_secret = "${SPOTIFY_CLIENT_SECRET}"
# by = "component"                  # where the host can't add the header itself

"#;

const SOURCE: &str = r#"# What is asked for each row.
[source]
url = "https://api.example.com/v1/artists/{id}/tracks?country={country}"
records = "/tracks"                 # JSON Pointer to the records in an answer
require = ["/id"]                   # what each record must have
# concurrency = 8                   # requests at once within one call
# request_timeout_ms = 20000        # one attempt
# max_pages = 100                   # of one request
# max_body_bytes = 8388608          # of one answer

# [source.headers]
# Accept-Language = "en"

# One request per row and combination.
[source.matrix]
country = ["US", "CA"]

# Added to each record.
[source.attributes]
artist_id = "{id}"
country_track = "{country}#{record:/id}"

[source.auth]
type = "none"                       # "bearer", "basic", "client-credentials"
# token = "${API_TOKEN}"            # bearer
# username = "…"                    # basic, with password
# token_url = "https://…"           # client-credentials, with client_id,
#                                   # client_secret and perhaps scope

[source.pagination]
type = "none"                       # "next-url", "cursor", "link-header"
# pointer = "/next"                 # next-url and cursor
# parameter = "after"               # cursor

# [source.retry]
# max_attempts = 5
# base_delay_ms = 200
# max_delay_ms = 20000
# max_retry_after_ms = 60000        # a longer Retry-After stops the run, politely

"#;

const TABLE: &str = r#"# Where records go.
[table]
name = "top_tracks"
# region = "eu-west-1"              # by default what the AWS environment says
# profile = "…"
# endpoint = "http://127.0.0.1:8000"    # a local DynamoDB
# concurrency = 8                   # batches at once within one call

"#;

const PRESET_KEYS: &str = r#"# What `rowcast table create` makes. A table that is there already may have
# other keys; if they are given here, a run insists on them.
# [table.keys]
# partition = { name = "artist_id", type = "S" }
# sort = { name = "country_track", type = "S" }

"#;

const KEYS: &str = r#"# For `rowcast table create`, and compared with the table before a run.
[table.keys]
partition = { name = "artist_id", type = "S" }
sort = { name = "country_track", type = "S" }

"#;

const TAIL: &str = r#"# What the component may reach beyond the source itself.
# [egress]
# origins = ["https://cdn.example.com"]
# addresses = ["127.0.0.1"]         # private addresses are refused unless named
# plain_http = ["http://dynamodb-local:8000"]   # gets credentials without TLS

# [run]
# chunk_rows = 50                   # rows per call into the component
# workers = 4                       # calls at once
# max_wait = "1h"                   # for an upstream that has answered before
# max_rejected = "5%"               # or a number; the run stops beyond it
# resume_within = "12h"             # an older run is begun anew

# What was written is kept beside this file, so that a run that was stopped or
# killed goes on, and what hasn't changed isn't written again.
# [ledger]
# file = ".rowcast/ledger.redb"
# table = "rowcast_ledger"          # in DynamoDB, where there is no disk
# off = true

# [limits]
# call_seconds = 120
# memory_mib = 256
"#;
