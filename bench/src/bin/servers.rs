//! The servers of a measurement, in a process of their own: a source with canned
//! answers, and a DynamoDB that acknowledges every write and keeps none, and whose
//! Scan has always the same items. Prints their addresses as one line of JSON, and
//! ends with its standard input.
//!
//! Arguments: records in an answer, milliseconds that the source waits, and
//! milliseconds that DynamoDB waits.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use rowcast_bench::{SCANNED, tracks};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Different answers; each row's table key differs by the row.
const ANSWERS: u64 = 64;

/// Of a Scan.
const PAGES: u64 = 250;

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    batches: AtomicU64,
    /// Items written or read.
    puts: AtomicU64,
    bytes: AtomicU64,
    /// When the first request came, in microseconds since 1970.
    first_us: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<u64> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let [records, source_ms, dynamodb_ms] = arguments[..] else {
        anyhow::bail!("three numbers are needed");
    };
    let answers: Arc<Vec<Bytes>> = Arc::new(
        (0..ANSWERS)
            .map(|seed| tracks::body(seed, records).into())
            .collect(),
    );
    let counts = Arc::new(Counts::default());
    let (source, dynamodb) = (
        TcpListener::bind("127.0.0.1:0").await?,
        TcpListener::bind("127.0.0.1:0").await?,
    );
    println!(
        r#"{{"source":"http://{}","dynamodb":"http://{}"}}"#,
        source.local_addr()?,
        dynamodb.local_addr()?
    );
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let counted = counts.clone();
    tokio::spawn(serve(source, move |request: Request<Incoming>| {
        let (answers, counts) = (answers.clone(), counted.clone());
        async move {
            if request.uri().path() == "/counts" {
                let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
                return Bytes::from(format!(
                    r#"{{"requests":{},"batches":{},"puts":{},"bytes":{},"first_us":{}}}"#,
                    take(&counts.requests),
                    take(&counts.batches),
                    take(&counts.puts),
                    take(&counts.bytes),
                    take(&counts.first_us)
                ));
            }
            if counts.first_us.load(Ordering::Relaxed) == 0 {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
                counts.first_us.store(now, Ordering::Relaxed);
            }
            if source_ms > 0 {
                tokio::time::sleep(Duration::from_millis(source_ms)).await;
            }
            counts.requests.fetch_add(1, Ordering::Relaxed);
            // The same for the same request, so that a second run finds the same.
            let mut hasher = DefaultHasher::new();
            request.uri().path_and_query().hash(&mut hasher);
            let answer = usize::try_from(hasher.finish() % ANSWERS).unwrap_or_default();
            answers[answer].clone()
        }
    }));
    let page = Arc::new(OnceLock::new());
    serve(dynamodb, move |request: Request<Incoming>| {
        let (counts, page) = (counts.clone(), page.clone());
        async move {
            let target = request.headers().get("x-amz-target").cloned();
            let body = request.into_body().collect().await.map(|body| body.to_bytes());
            let body = body.unwrap_or_default();
            let target = target.as_ref().and_then(|target| target.to_str().ok());
            match target.and_then(|target| target.split('.').nth(1)) {
                Some("BatchWriteItem") => {
                    if dynamodb_ms > 0 {
                        tokio::time::sleep(Duration::from_millis(dynamodb_ms)).await;
                    }
                    let puts = memchr::memmem::find_iter(&body, b"\"PutRequest\"").count();
                    counts.batches.fetch_add(1, Ordering::Relaxed);
                    counts.puts.fetch_add(puts as u64, Ordering::Relaxed);
                    counts.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
                    Bytes::from_static(
                        br#"{"UnprocessedItems":{},"ConsumedCapacity":[{"TableName":"tracks","CapacityUnits":75.0}]}"#,
                    )
                }
                Some("DescribeTable") => Bytes::from_static(
                    br#"{"Table":{"TableName":"tracks","TableStatus":"ACTIVE","CreationDateTime":1700000000.0,"TableId":"11111111-1111-1111-1111-111111111111","TableArn":"arn:aws:dynamodb:us-east-1:000000000000:table/tracks","ItemCount":0,"TableSizeBytes":0,"AttributeDefinitions":[{"AttributeName":"artist_id","AttributeType":"S"},{"AttributeName":"country_track","AttributeType":"S"}],"KeySchema":[{"AttributeName":"artist_id","KeyType":"HASH"},{"AttributeName":"country_track","KeyType":"RANGE"}],"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"}}}"#,
                ),
                Some("Scan") => {
                    counts.puts.fetch_add(SCANNED / PAGES, Ordering::Relaxed);
                    next_page(page.get_or_init(|| tracks::page(SCANNED / PAGES)), &body)
                }
                _ => Bytes::from_static(b"{}"),
            }
        }
    })
    .await;
    Ok(())
}

/// The page after the one that the request names.
fn next_page(page: &str, request: &[u8]) -> Bytes {
    let request: serde_json::Value = serde_json::from_slice(request).unwrap_or_default();
    let seen = &request["ExclusiveStartKey"]["country_track"]["S"];
    let seen: u64 = seen
        .as_str()
        .and_then(|seen| seen.parse().ok())
        .unwrap_or(1);
    let end = if seen < PAGES {
        let key = format!(
            r#"{{"artist_id":{{"S":"a"}},"country_track":{{"S":"{}"}}}}"#,
            seen + 1
        );
        format!(r#","LastEvaluatedKey":{key}}}"#)
    } else {
        "}".to_owned()
    };
    [page, &end].concat().into()
}

async fn serve<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Bytes> + Send,
{
    while let Ok((stream, _)) = listener.accept().await.context("accept") {
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move {
                    let body = Full::new(answer.await);
                    let response = Response::builder()
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(body);
                    Ok::<_, Infallible>(response.unwrap_or_default())
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
