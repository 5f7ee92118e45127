"""The `BaileysTenant` resource: its models, the operator's configuration, and their merge."""
