"""The `BaileysTenant` resource: its models, the operator's configuration, and how the two merge."""
