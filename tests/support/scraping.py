"""Metrics as a scraper has them: samples by name and labels."""

from collections.abc import Mapping
from contextlib import suppress

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, float]


def samples(text: str) -> Samples:
    """By ``name{label="value"}``, labels sorted; without any just the name."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{v}"' for name, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def answers(port: int) -> bool:
    """Whether anything is served at ``port`` of this machine."""
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/livez").is_success
    return False


def scraped(port: int) -> Samples:
    """From the agent that serves at ``port`` of this machine."""
    return samples(httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text)
