"""What tests run against: a source whose faults are scripted, and a DynamoDB."""
