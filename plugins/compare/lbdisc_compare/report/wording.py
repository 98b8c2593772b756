"""Figures as people read them."""

_NAMED = {"count": "", "share": ""}


def told(value: float, unit: str) -> str:
    """Three digits that count, with a unit that fits: ``12.3 ms``, ``1.2 s``, ``4 requests``."""
    if unit == "s":
        return _time(value)
    if unit == "ms":
        return _time(value / 1000)
    if unit in ("share", "%"):
        return f"{_digits(value * 100 if unit == 'share' else value)} %"
    if unit in ("bytes", "bytes/s"):
        return f"{_bytes(value)}{unit.removeprefix('bytes')}"
    return f"{_digits(value)} {_plural(unit, value)}".rstrip()


def brief(value: float, unit: str) -> str:
    """The same, without a unit that is the same everywhere: for axes and beside rows."""
    scaled = unit in ("s", "ms", "share", "%", "bytes", "bytes/s")
    return told(value, unit if scaled else "count")


def _time(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    if abs(seconds) < 0.001:
        return f"{_digits(seconds * 1e6)} µs"
    if abs(seconds) < 1:
        return f"{_digits(seconds * 1000)} ms"
    return f"{_digits(seconds)} s"


def _bytes(value: float) -> str:
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= size:
            return f"{_digits(value / size)} {name}"
    return f"{_digits(value)} B"


def _digits(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _plural(unit: str, value: float) -> str:
    unit = _NAMED.get(unit, unit)
    return unit.removesuffix("s") if value == 1 and unit in ("requests", "messages") else unit
