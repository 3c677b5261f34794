//! Real DynamoDB implementations: dynoxide in this process, and Amazon's own
//! DynamoDB Local on Java. What a test says holds on both.

use super::local_dynamo::DynamoDbLocal;
use rowcast_stand_ins::dynamodb::TemporaryDynamoDb;
use tokio::sync::OnceCell;

/// A running DynamoDB implementation.
#[derive(Clone, Debug)]
pub struct Dynamo {
    pub name: &'static str,
    pub endpoint: String,
}

/// DynamoDB Local takes seconds to start, so one serves all tests of this
/// process; it ends with it. Tests name their tables apart.
static LOCAL: OnceCell<DynamoDbLocal> = OnceCell::const_new();

/// Which implementations a run of the tests is for: `dynoxide`, which needs
/// nothing installed, `local`, or both where it isn't set.
const VARIABLE: &str = "ROWCAST_TEST_DYNAMODB";

/// Runs a case on each implementation. The second argument is a table name of
/// the case's own. A test that calls this has a name that ends in
/// `_on_each_dynamodb`, so that `cargo xtask test` finds it.
pub async fn on_each(case: impl AsyncFn(Dynamo, String)) {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let wants = |name: &str| wanted.is_empty() || wanted == name;
    assert!(wants("dynoxide") || wants("local"), "{VARIABLE}={wanted}");
    if wants("dynoxide") {
        on_dynoxide(&case).await;
    }
    if wants("local") {
        on_local(&case).await;
    }
}

async fn on_dynoxide(case: &impl AsyncFn(Dynamo, String)) {
    let dynoxide = TemporaryDynamoDb::start().await.unwrap();
    let endpoint = dynoxide.endpoint();
    case(
        Dynamo {
            name: "dynoxide",
            endpoint,
        },
        table_name(),
    )
    .await;
    dynoxide.shutdown().await;
}

async fn on_local(case: &impl AsyncFn(Dynamo, String)) {
    let local = LOCAL
        .get_or_init(async || DynamoDbLocal::start().await.unwrap())
        .await;
    let endpoint = local.endpoint();
    case(
        Dynamo {
            name: "DynamoDB Local",
            endpoint,
        },
        table_name(),
    )
    .await;
}

/// A table name that no other test has.
pub fn table_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("top_tracks_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
