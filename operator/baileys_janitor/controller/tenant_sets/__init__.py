"""Sets of tenants: creates BaileysTenants for the places found, within limits and as far as confirmed."""
