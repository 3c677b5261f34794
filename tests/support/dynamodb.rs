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

/// Runs a case on each implementation. The second argument is a table name of
/// the case's own.
pub async fn on_each(case: impl AsyncFn(Dynamo, String)) {
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
