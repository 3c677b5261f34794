//! Every request of a whole pipeline → its signature, computed a second time
//! from the bytes that a server receives.

use crate::support::dynamodb::on_each;
use crate::support::stage::{Stage, rows_section, spotify_section, table_section};
use hyper::Request;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use rowcast_stand_ins::catalog::Catalog;
use rowcast_stand_ins::demo::Demo;
use rowcast_stand_ins::http::Seen;
use rowcast_stand_ins::reference_sigv4;
use rowcast_stand_ins::table::{DynamoPlan, FaultyDynamo};
use std::collections::BTreeSet;

pub use reference_sigv4::SECRET;

pub const KEY: &str = "AKIDEXAMPLE";
pub const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token+=";

/// A request as it was received.
pub struct Received {
    parts: Parts,
    pub body: Bytes,
}

impl From<Seen> for Received {
    fn from(seen: Seen) -> Self {
        let (parts, body) = seen.request().unwrap().into_parts();
        Self { parts, body }
    }
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.parts.headers.get_all(name).iter();
        let value = values
            .next()
            .unwrap_or_else(|| panic!("there is no {name}"));
        assert!(values.next().is_none(), "{name} is there twice");
        value.to_str().unwrap()
    }

    /// What stands behind `mark` in the `Authorization` header.
    pub fn authorization(&self, mark: &str) -> &str {
        let header = self.header("authorization");
        let rest = header.split_once(mark).unwrap().1;
        rest.split_once(", ").map_or(rest, |(part, _)| part)
    }

    fn signed_headers(&self) -> Vec<&str> {
        self.authorization("SignedHeaders=").split(';').collect()
    }

    /// The signature by that secret over that body, and all else as received.
    pub fn signature(&self, secret: &str, body: &[u8]) -> String {
        let names = self.signed_headers();
        let headers: Vec<_> = names
            .iter()
            .map(|name| (*name, self.header(name)))
            .collect();
        let (_, scope) = self.authorization("Credential=").split_once('/').unwrap();
        assert_eq!(self.parts.uri.path_and_query().unwrap(), "/");
        reference_sigv4::steps(self.parts.method.as_str(), &headers, body, scope, secret).signature
    }
}

/// What must hold of each request.
fn check(received: &Received, authority: &str) {
    let whole = Request::from_parts(received.parts.clone(), received.body.clone());
    let signed = reference_sigv4::verify(&whole, SECRET);
    let signature = received.authorization("Signature=");
    assert_ne!(
        received.signature("another secret", &received.body),
        signature
    );
    let longer = [&received.body, " ".as_bytes()].concat();
    assert_ne!(received.signature(SECRET, &longer), signature);

    assert_eq!(received.header("host"), authority);
    assert_eq!(received.header("x-amz-security-token"), TOKEN);
    assert_eq!(
        signed,
        [
            "content-type",
            "host",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-target"
        ]
    );
    let credential = received.authorization("Credential=");
    let day = &received.header("x-amz-date")[..8];
    assert_eq!(
        credential,
        format!("{KEY}/{day}/us-east-1/dynamodb/aws4_request")
    );
    assert!(!String::from_utf8_lossy(&received.body).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_pipeline_carries_the_signature_of_what_is_received_on_each_dynamodb()
{
    let demo = Demo::start_with(Catalog::synthetic(12, 5)).await.unwrap();
    on_each(async |dynamodb, table| {
        let front = FaultyDynamo::start(DynamoPlan::QUIET, &dynamodb.endpoint).await;
        let credentials = format!(
            "access_key_id = \"{KEY}\"\nsecret_access_key = \"{SECRET}\"\nsession_token = \"{TOKEN}\"\n"
        );
        let test = "access_key_id = \"test\"\nsecret_access_key = \"test\"\n";
        let section = table_section(&front.endpoint(), &table);
        assert!(section.contains(test));
        let stage = Stage::new(
            &[
                rows_section(&demo.postgres().url(), "SELECT id FROM artists"),
                spotify_section(&demo.spotify().origin()),
                section.replace(test, &credentials),
            ]
            .concat(),
        );
        stage.rowcast(&["table", "create"]).await.ok();
        stage.rowcast(&["run"]).await.ok();
        let count = ["query", "--count", "begins_with(artists[0].name, 'Artist №')"];
        let count = stage.rowcast(&count).await.ok();
        assert_eq!(count.stdout, "120\n", "{}", dynamodb.name);
        let query = ["query", "artist_id = 'nobody, nëm'"];
        stage.rowcast(&query).await.ok();

        let received: Vec<_> = front.seen().into_iter().map(Received::from).collect();
        for request in &received {
            check(request, &front.authority());
        }
        let operations: BTreeSet<_> = received
            .iter()
            .map(|request| request.header("x-amz-target"))
            .collect();
        let expected = ["BatchWriteItem", "CreateTable", "DescribeTable", "Query", "Scan"];
        let expected = expected.map(|operation| format!("DynamoDB_20120810.{operation}"));
        assert_eq!(operations.into_iter().collect::<Vec<_>>(), expected);
        assert!(
            received.iter().any(|request| !request.body.is_ascii()),
            "no body had more than ASCII"
        );
    })
    .await;
}
