//! The command line itself, and the component as a file.

use crate::support::stage::Stage;
use expect_test::expect;
use rowcast::engine::COMPONENT;

#[tokio::test]
async fn help() {
    let stage = Stage::new("");
    stage
        .check(expect![[r#"
            $ rowcast --help
            exit 0
            --- stdout
            Rows from PostgreSQL, a REST call for each, every record in DynamoDB

            Usage: rowcast [OPTIONS] <COMMAND>

            Commands:
              run        Run the pipeline: rows → extract → load
              extract    Print the documents of rows, writing nothing to DynamoDB
              load       Write documents (JSON lines) to the table
              query      Print the documents that meet a condition
              table      Create or describe the DynamoDB table
              check      Try every connection and credential, writing nothing
              demo       See it work: a temporary PostgreSQL, a stand-in for an API, a local DynamoDB
              component  Describe a WASI component, or write it to a file
              init       Write a commented configuration file
              help       Print this message or the help of the given subcommand(s)

            Options:
              -h, --help
                      Print help (see a summary with '-h')

              -V, --version
                      Print version

            Options of every command:
              -c, --config <FILE>
                      The configuration file

                      [default: rowcast.toml]

              -v, --verbose...
                      Say more on standard error: twice for debugging, three times for all

              -q, --quiet
                      Say nothing but errors on standard error

                  --component <FILE>
                      Run this component instead of the one in the configuration or the embedded one

            Exit codes:
              0  everything asked for was done
              1  internal error: counts that don't balance, a component that fails
              2  the command line, the configuration, the input or the ledger's file is wrong
              3  credentials, permissions or a policy refuse it
              4  a server can't be reached or stays unavailable, or another process has the ledger
              5  it went through, but some rows, records or documents were rejected
              6  it was stopped in order with work left: a rate limit, Ctrl-C, a full disk, too many rejections
              130  a second Ctrl-C ended it at once
            $ rowcast run --help
            exit 0
            --- stdout
            Run the pipeline: rows → extract → load.

            A run that was stopped or killed is continued: rows that were finished aren't asked for again.
            Documents that haven't changed since they were written aren't written again.

            Usage: rowcast run [OPTIONS]

            Options:
                  --fresh
                      Begin anew, even if an earlier run was stopped before its end

                  --resume <RUN>
                      Go on with this run, or fail

                  --now
                      Resume even if the source asked for a pause and that isn't over

                  --write-unchanged
                      Write documents even if they haven't changed

                  --verify
                      Compare with the table itself instead of trusting the ledger; it costs reading each item

                  --rows <FILE>
                      Take these rows (JSON lines or CSV) instead of `[rows]`; a file that `--rejected` wrote is
                      fine, and `-` is standard input

                  --rows-format <FORMAT>
                      Their format; by default what the file's name ends in, or JSON lines

                      [possible values: jsonl, csv]

                  --rejected <FILE>
                      Write what is rejected to this file, as JSON lines

                  --report <WHAT>
                      What to print on standard output at the end

                      Possible values:
                      - none: Nothing; the summary is on standard error
                      - json: All counts, as one JSON object

                      [default: none]

              -h, --help
                      Print help (see a summary with '-h')

            Options of every command:
              -c, --config <FILE>
                      The configuration file

                      [default: rowcast.toml]

              -v, --verbose...
                      Say more on standard error: twice for debugging, three times for all

              -q, --quiet
                      Say nothing but errors on standard error

                  --component <FILE>
                      Run this component instead of the one in the configuration or the embedded one
        "#]])
        .await;
}

#[tokio::test]
async fn help_of_commands_with_much_to_say() {
    let stage = Stage::new("");
    stage
        .check(expect![[r#"
            $ rowcast query --help
            exit 0
            --- stdout
            Print the documents that meet a condition

            The condition is DynamoDB's grammar with literals in place:
              popularity > 90 AND begins_with(name, 'My') AND country IN ('US', 'CA')
            Text goes between single quotes; names that aren't plain identifiers go
            between backticks. Conditions on the keys use Query, all others Scan.

            Usage: rowcast query [OPTIONS] [CONDITION]

            Arguments:
              [CONDITION]
                      The condition; none: every document

            Options:
              -o, --output <FORMAT>
                      How to print documents

                      Possible values:
                      - jsonl: One document a line, as soon as it's there
                      - json:  One JSON array, as it comes
                      - table: A table of 10,000 documents at most: it is held in memory
                      - csv:   CSV with a header of all columns; kept in a temporary file until the end

                      [default: jsonl]

                  --count
                      Print only how many match

                  --select <PATHS>
                      Paths to print, such as `name,album.images[0].url`

                  --limit <N>
                      Matches at most

                  --index <NAME>
                      Ask a secondary index instead of the table

                  --segments <N>
                      Segments that a scan reads at the same time; 1 to 64

                      [default: 4]

                  --consistent
                      Strongly consistent reads

              -h, --help
                      Print help (see a summary with '-h')

            Options of every command:
              -c, --config <FILE>
                      The configuration file

                      [default: rowcast.toml]

              -v, --verbose...
                      Say more on standard error: twice for debugging, three times for all

              -q, --quiet
                      Say nothing but errors on standard error

                  --component <FILE>
                      Run this component instead of the one in the configuration or the embedded one
            $ rowcast demo -h
            exit 0
            --- stdout
            See it work: a temporary PostgreSQL, a stand-in for an API, a local DynamoDB

            Usage: rowcast demo [OPTIONS]

            Options:
                  --preset <NAME>  Run that preset, on a stand-in for its API [default: spotify-top-tracks]
                                   [possible values: spotify-top-tracks, deezer-top-tracks,
                                   listenbrainz-top-recordings, musicbrainz-recordings, github-issues,
                                   tmdb-movie-credits]
                  --artists <N>    Run on that many made-up artists instead, with ten tracks per country each,
                                   to measure
                  --print-config   Print the configuration it runs with, and nothing else, on standard output;
                                   with --keep it serves other commands meanwhile
                  --keep           Leave the servers running at the end, until Ctrl-C
                  --serve          Start the servers for other programs, and run nothing: prints where they are
                                   as one line of JSON, with the table made and empty, and stays until Ctrl-C
                  --latency <MS>   Let the stand-in for Spotify take that long for every answer, as a source
                                   across the internet does
              -h, --help           Print help (see more with '--help')

            Options of every command:
              -c, --config <FILE>     The configuration file [default: rowcast.toml]
              -v, --verbose...        Say more on standard error: twice for debugging, three times for all
              -q, --quiet             Say nothing but errors on standard error
                  --component <FILE>  Run this component instead of the one in the configuration or the embedded
                                      one
        "#]])
        .await;
}

#[tokio::test]
async fn a_command_is_unknown() {
    Stage::new("")
        .check(expect![[r#"
            $ rowcast qurey "popularity > 90"
            exit 2
            --- stderr
            error: unrecognized subcommand 'qurey'

              tip: a similar subcommand exists: 'query'

            Usage: rowcast [OPTIONS] <COMMAND>

            For more information, try '--help'.
        "#]])
        .await;
}

#[tokio::test]
async fn the_component_is_written_and_read_back() {
    let stage = Stage::new("");
    stage
        .check(expect![[r#"
            $ rowcast component -o rowcast.wasm
            exit 0
        "#]])
        .await;
    let written = std::fs::read(stage.path().join("rowcast.wasm")).unwrap();
    assert!(written == COMPONENT);
    let described = stage
        .rowcast(&["component", "--component", "rowcast.wasm"])
        .await
        .ok();
    assert!(
        described.stdout.contains("rowcast:pipeline/extract@0.2.0"),
        "{}",
        described.stdout
    );
    stage
        .check(expect![[r#"
            $ rowcast component -o missing/rowcast.wasm
            exit 2
            --- stderr
            error: write missing/rowcast.wasm
              because: No such file or directory (os error 2)
            $ rowcast component --component missing.wasm
            exit 2
            --- stderr
            error: read the component missing.wasm
              because: No such file or directory (os error 2)
            $ rowcast component --component rowcast.toml
            exit 2
            --- stderr
            error: load a WebAssembly component: this is empty
              hint: `wasm-tools component new` makes one of a core module
        "#]])
        .await;
}

#[tokio::test]
async fn schemas_and_the_contract_are_printed() {
    let stage = Stage::new("");
    for of in ["source", "table", "query", "config"] {
        let printed = stage
            .rowcast(&["component", "--schema", of])
            .await
            .ok()
            .stdout;
        let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(schema["type"], "object", "{of}: {printed}");
    }
    let contract = stage.rowcast(&["component", "--wit"]).await.ok().stdout;
    let contract = wit_parser::UnresolvedPackageGroup::parse("contract.wit", &contract).unwrap();
    assert_eq!(contract.main.name.to_string(), "rowcast:pipeline@0.2.0");
    stage
        .check(expect![[r#"
            $ rowcast component -h
            exit 0
            --- stdout
            Describe a WASI component, or write it to a file

            Usage: rowcast component [OPTIONS]

            Options:
                  --standalone     The standalone component: it signs for itself, configured by `AWS_*` and
                                   `ROWCAST_*` variables
                  --service        The service: the standalone component behind HTTP, POST /extract, /load,
                                   /transfer, /query and more
              -o, --output <FILE>  Write it to this file, for another host to run; `-` is standard output
                  --schema <OF>    Print a JSON Schema (draft 2020-12) instead [possible values: source, table,
                                   query, config]
                  --wit            Print the contract instead, as WIT: what a pipeline exports and imports
                  --rules          Print the answer rules that follow those of `source.rules` instead, as JSON:
                                   what the embedded components make of an answer
              -h, --help           Print help (see more with '--help')

            Options of every command:
              -c, --config <FILE>     The configuration file [default: rowcast.toml]
              -v, --verbose...        Say more on standard error: twice for debugging, three times for all
              -q, --quiet             Say nothing but errors on standard error
                  --component <FILE>  Run this component instead of the one in the configuration or the embedded
                                      one
        "#]])
        .await;
}
