"""Hands live tokens to programs: `kunji exec`, hooks, files kept current, the local endpoint. Logs in nowhere."""
