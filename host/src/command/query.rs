//! `rowcast query`: a condition → the documents that meet it.

use super::error::stopped;
use super::output::{Columns, Format, Printer, TooMany, terminal_width};
use super::print;
use super::{Exit, Failure, Global};
use clap::Args;
use rowcast::config::Section;
use rowcast::engine::{CallResult, Explanation, Query as Settings, counted};
use rowcast::host::Host;
use rowcast::run::Upstream;
use std::fmt::{self, Write as _};
use std::io::stdout;

/// Print the documents that meet a condition
///
/// The condition is DynamoDB's grammar with literals in place:
///   popularity > 90 AND begins_with(name, 'My') AND country IN ('US', 'CA')
/// Text goes between single quotes; names that aren't plain identifiers go
/// between backticks. Conditions on the keys use Query, all others Scan.
#[expect(
    clippy::doc_markdown,
    reason = "help shows the condition as it is typed"
)]
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Query {
    /// The condition; none: every document.
    #[arg(
        default_value = "",
        value_name = "CONDITION",
        hide_default_value = true
    )]
    filter: String,
    /// How to print documents.
    #[arg(
        long,
        short,
        value_enum,
        default_value = "jsonl",
        value_name = "FORMAT"
    )]
    output: Format,
    /// Print only how many match.
    #[arg(long, conflicts_with_all = ["select", "output"])]
    count: bool,
    /// Paths to print, such as `name,album.images[0].url`.
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    select: Vec<String>,
    /// Matches at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Ask a secondary index instead of the table.
    #[arg(long, value_name = "NAME")]
    index: Option<String>,
    /// Segments that a scan reads at the same time; 1 to 64.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    segments: u32,
    /// Strongly consistent reads.
    #[arg(long)]
    consistent: bool,
}

/// What a query came to.
#[derive(Default)]
pub struct Totals {
    matched: u64,
    scanned: u64,
    capacity: f64,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            matched,
            scanned,
            capacity,
        } = self;
        write!(
            formatter,
            "matches: {matched}, in {scanned} items read; {capacity} read capacity units"
        )
    }
}

impl Query {
    pub async fn execute(self, global: &Global) -> Result<Exit, Failure> {
        let host = global.host(global.config(&[Section::Table])?).await?;
        let mut query = host.query(&self.filter)?;
        query.limit = self.limit;
        query.index = self.index;
        query.segments = Some(self.segments);
        query.consistent = self.consistent;
        query.select = self.select;
        let count = self.count;
        let columns = columns(&host, self.output, &query.select).await;
        let mut printer = Printer::new(self.output, columns, stdout().lock(), terminal_width());
        let totals = ask(&host, &query, |documents| {
            if count {
                return Ok(());
            }
            documents
                .iter()
                .try_for_each(|document| printer.print(document))?;
            printer.flush()
        });
        let totals = match totals.await? {
            Asked::All(totals) => totals,
            // What is printed was all that was wanted.
            Asked::Enough => return Ok(Exit::Done),
        };
        if count {
            print::data(format!("{}\n", totals.matched))?;
        } else if let Err(error) = printer.finish() {
            if print::nobody_reads(&error) {
                return Ok(Exit::Done);
            }
            return Err(error.into());
        }
        if global.talks() {
            print::note(&format!("{totals}\n"));
            if totals.matched == 0 && !query.filter.is_empty() {
                print::note(&explain(&host, &query).await?);
            }
        }
        Ok(Exit::Done)
    }
}

/// Documents of DynamoDB have their members in no order, so tables get one.
async fn columns(host: &Host, format: Format, select: &[String]) -> Columns {
    if !select.is_empty() {
        return Columns::selected(select);
    }
    if matches!(format, Format::Jsonl | Format::Json) {
        return Columns::AsTheyCome;
    }
    // What is wrong with the table is better said of the query.
    let keys = host.describe_table().await.ok().map(|table| table.keys);
    let keys = keys
        .iter()
        .flat_map(|keys| [Some(&keys.partition), keys.sort.as_ref()]);
    Columns::Sorted {
        first: keys.flatten().map(|key| key.name.clone()).collect(),
    }
}

/// How far a query was answered.
pub enum Asked {
    /// To its end.
    All(Totals),
    /// Until nobody read the answers any more.
    Enough,
}

/// Asks page after page.
pub async fn ask(
    host: &Host,
    query: &Settings,
    mut print: impl FnMut(&[String]) -> anyhow::Result<()>,
) -> Result<Asked, Failure> {
    let mut totals = Totals::default();
    let mut cursor: Option<String> = None;
    loop {
        let page = host
            .pipeline()
            .query(&query.text(), cursor.as_deref(), None)
            .await;
        let page = done(page)?;
        totals.matched += page.documents.len() as u64;
        totals.scanned += page.scanned;
        totals.capacity += counted(&page.counters, "dynamodb.read-capacity");
        match print(&page.documents) {
            Err(error) if print::nobody_reads(&error) => return Ok(Asked::Enough),
            Err(error) if error.is::<TooMany>() => {
                let hint = TooMany::hint("`--limit 10000` shows the first ones; ");
                return Err(Failure::new(error, Some(hint), Exit::Invalid));
            }
            printed => printed?,
        }
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(Asked::All(totals)),
        }
    }
}

/// Why nothing matched, where the items tell.
async fn explain(host: &Host, query: &Settings) -> Result<String, Failure> {
    let explanation = host.pipeline().explain(&query.text(), None).await;
    Ok(describe(&done(explanation)?))
}

fn describe(explanation: &Explanation) -> String {
    let mut text = String::new();
    let items = explanation.scanned;
    let least = if explanation.complete {
        ""
    } else {
        "at least "
    };
    for diagnosis in &explanation.diagnoses {
        let path = &diagnosis.path;
        if diagnosis.missing > 0 {
            let _ = writeln!(
                text,
                "note: {least}{} of {items} items have no `{path}`",
                diagnosis.missing
            );
        }
        if diagnosis.other_type > 0 {
            let (other, expected) = (diagnosis.other_type, &diagnosis.expected);
            let _ = writeln!(
                text,
                "note: {least}{other} of {items} items hold `{path}` with another type than {expected}"
            );
        }
    }
    text
}

fn done<T>(called: CallResult<T>) -> Result<T, Failure> {
    called.result.map_err(|error| {
        let reason = rowcast::run::call_stopped(error, called.violation, Upstream::Table);
        stopped(reason, "the query could not be answered")
    })
}
