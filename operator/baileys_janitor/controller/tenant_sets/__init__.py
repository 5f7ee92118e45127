"""Sets of tenants: what a volume or a selector has gets BaileysTenants, within limits and as far as was agreed."""
