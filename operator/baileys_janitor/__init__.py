"""Keeps the WhatsApp (Baileys) session volumes of many tenants healthy."""

__version__ = "0.1.0"
