"""Metrics as a scraper has them: samples by name and labels."""

from collections.abc import Mapping

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


def scraped(port: int) -> Samples:
    """From the agent that serves at ``port`` of this machine."""
    return samples(httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text)
