"""The kit itself: what a plugin may do wrong, and the promises that catch it."""

from dataclasses import dataclass

import pytest

from support.installed_sample import Installed, installed

__all__ = ["installed"]
DISCOVERY = "lbdisc_sqlite/discovery.py"
REGISTRAR = "lbdisc_sqlite/registrar.py"
DATABASE = "lbdisc_sqlite/database.py"
RECORD = "record = records.write(endpoint)"
CLAIM = "return database.claim(self._path, *self._key, record, self._owner, self.lease)"
SPARED = "    WHERE owner = :owner OR expires <= :now"
OPEN = "yield _Row(self._settings, endpoint.key, self._owner)"
LOOP = "        while not stop.is_set():\n            revision"
WAIT = "stop.wait(self._settings.poll)"


@dataclass(frozen=True, slots=True)
class Mutant:
    """Edits of the sample (file, old text, new text), and the promises that they break."""

    edits: tuple[tuple[str, str, str], ...]
    caught_by: frozenset[str]


def mutant(*edits: tuple[str, str, str], caught_by: str) -> Mutant:
    return Mutant(edits, frozenset(f"test_{name}" for name in caught_by.split()))


MUTANTS = {
    "tags are dropped": mutant(
        (REGISTRAR, "import secrets", "import dataclasses\nimport secrets"),
        (REGISTRAR, RECORD, "record = records.write(dataclasses.replace(endpoint, tags=()))"),
        caught_by="tags_are_kept_while_held",
    ),
    "tags are never updated": mutant(
        (REGISTRAR, "import secrets", "import dataclasses\nimport secrets"),
        (
            REGISTRAR,
            RECORD,
            'self.tags = getattr(self, "tags", endpoint.tags)\n'
            "        record = records.write(dataclasses.replace(endpoint, tags=self.tags))",
        ),
        caught_by="tags_are_kept_while_held",
    ),
    "tags are not read": mutant(
        (DISCOVERY, "import sqlite3", "import dataclasses\nimport sqlite3"),
        (
            DISCOVERY,
            "records.read, record, service=service, name=name)",
            "lambda: dataclasses.replace(\n"
            "    records.read(record, service=service, name=name), tags=()))",
        ),
        caught_by="tags_are_published tags_are_kept_while_held",
    ),
    "a removal does not look whose entry it is": mutant(
        (DATABASE, "AND owner = ?", "AND ? != ''"),
        caught_by="anothers_entry_is_left_alone entry_that_another_took_over_is_left_alone",
    ),
    "a put does not look whose entry it is": mutant(
        (DATABASE, SPARED, ""),
        caught_by="anothers_entry_is_left_alone entry_that_another_took_over_is_left_alone "
        "first_of_one_name_holds",
    ),
    "a put is true while another holds the name": mutant(
        (REGISTRAR, CLAIM, CLAIM.removeprefix("return ") + "\n        return True"),
        caught_by="anothers_entry_is_left_alone first_of_one_name_holds "
        "who_never_held_a_name_touches_nothing a_cut_gives_no_name_away",
    ),
    "a put is true before it is written": mutant(
        (REGISTRAR, "import secrets", "import secrets, threading"),
        (
            REGISTRAR,
            CLAIM,
            "claim = (self._path, *self._key, record, self._owner, self.lease)\n"
            "        threading.Timer(0.4, database.claim, claim).start()\n"
            "        return True",
        ),
        caught_by="what_is_put_is_there",
    ),
    "a removal is over before it is done": mutant(
        (REGISTRAR, "import secrets", "import secrets, threading"),
        (
            REGISTRAR,
            "database.release(self._path, *self._key, self._owner)",
            "release = (self._path, *self._key, self._owner)\n"
            "        threading.Timer(0.4, database.release, release).start()",
        ),
        caught_by="what_is_put_is_there",
    ),
    "what was written once is not written again": mutant(
        (
            REGISTRAR,
            RECORD,
            f"{RECORD}\n"
            '        if record == getattr(self, "written", ""):\n'
            "            return True\n"
            "        self.written = record",
        ),
        caught_by="wiped_registry_is_filled_again entry_lives_on_while_it_is_put",
    ),
    "leaving is not told as draining": mutant(
        (DISCOVERY, "if leaving:", "if None:"),
        (REGISTRAR, RECORD, f"if endpoint.draining:\n            return True\n        {RECORD}"),
        caught_by="clean_leave_is_draining_first all_that_leave_at_once_are_draining_first",
    ),
    "of several that leave only one is told as draining": mutant(
        (DISCOVERY, "if leaving:", "for leaving in (leaving[:1],) if leaving else ():"),
        (REGISTRAR, RECORD, f"if endpoint.draining:\n            return True\n        {RECORD}"),
        caught_by="all_that_leave_at_once_are_draining_first",
    ),
    "a lease is never renewed": mutant(
        (DATABASE, "owner = :owner, expires = :expires", "owner = :owner"),
        caught_by="entry_lives_on_while_it_is_put",
    ),
    "a lease never ends": mutant(
        (DATABASE, "expires > ? FROM", "expires > 0 * ? FROM"),
        caught_by="crash_is_seen",
    ),
    "what drains has no lease": mutant(
        (
            REGISTRAR,
            CLAIM,
            CLAIM.replace("self.lease", "1e6 if endpoint.draining else self.lease"),
        ),
        caught_by="crash_while_draining_is_seen",
    ),
    "an unreachable registry is an empty one": mutant(
        (
            DISCOVERY,
            'raise DiscoveryError(f"sqlite.path: {self._settings.path}: {error}") from error',
            "return Snapshot(), set()",
        ),
        caught_by="lost_connection_never_publishes_fewer unreachable_at_start",
    ),
    "the first snapshot is not whole": mutant(
        (DISCOVERY, LOOP, f"        publish(Snapshot.of(self._look()[0].endpoints[:1]))\n{LOOP}"),
        caught_by="state_at_start_comes_first watch_may_be_called_again",
    ),
    "what changed while the registry was away is missed": mutant(
        (
            DISCOVERY,
            LOOP,
            '        published = self._look()[0] if hasattr(self, "again") else None\n'
            f"        self.again = True\n{LOOP}",
        ),
        caught_by="changes_during_a_cut_are_seen_after_it another_history_is_followed "
        "watch_may_be_called_again",
    ),
    "a bad entry ends the watch": mutant(
        (DISCOVERY, 'read_entry(f"row {service!a}/{name!a}", decode)', "decode()"),
        caught_by="malformed_entries_are_skipped_and_reported "
        "malformed_entries_at_start_are_skipped entry_that_turns_bad_harms_no_other",
    ),
    "only what is expected of an entry is caught": mutant(
        (DISCOVERY, "import sqlite3", "import json\nimport sqlite3"),
        (DISCOVERY, "records.read, record,", "records.from_object, json.loads(record),"),
        caught_by="malformed_entries_are_skipped_and_reported "
        "malformed_entries_at_start_are_skipped entry_that_turns_bad_harms_no_other",
    ),
    "a bad entry goes untold": mutant(
        (DISCOVERY, "problems.append(found)", "pass"),
        caught_by="malformed_entries_are_skipped_and_reported mended_entry_is_published",
    ),
    "the discovery loops without a pause": mutant(
        (DISCOVERY, WAIT, "stop.wait(0.0001)"), caught_by="idle_discovery_costs_little"
    ),
    "the registrar is told of a loss that never was": mutant(
        (REGISTRAR, "    lost = None", "    lost = Event()"),
        (REGISTRAR, RECORD, f"self.lost.set()\n        {RECORD}"),
        caught_by="idle_registrar_costs_little",
    ),
    "a stop is answered late": mutant(
        (DISCOVERY, "import sqlite3", "import sqlite3, time"),
        (DISCOVERY, WAIT, f"time.sleep(2.5 * {WAIT})"),
        caught_by="stopped_discovery_leaves_nothing",
    ),
    "a connection is left open": mutant(
        (
            DISCOVERY,
            LOOP,
            "        self.kept = [*getattr(SqliteDiscovery, 'kept', ()), database.opened(\n"
            "            self._settings.path)]\n"
            "        self.kept[-1].__enter__()\n"
            f"        SqliteDiscovery.kept = self.kept\n{LOOP}",
        ),
        caught_by="stopped_discovery_leaves_nothing",
    ),
    "a thread is left behind": mutant(
        (REGISTRAR, "import secrets", "import secrets, threading"),
        (
            REGISTRAR,
            OPEN,
            f"threading.Thread(target=Event().wait, daemon=True).start(), (\n{OPEN})",
        ),
        caught_by="stopped_registrar_leaves_nothing",
    ),
}
CONTROL = "test_removed_endpoint_is_left_out"


@pytest.mark.seldom
@pytest.mark.parametrize("how", MUTANTS)
def test_a_broken_plugin_is_caught(installed: Installed, how: str) -> None:
    for file, old, new in MUTANTS[how].edits:
        installed.edit(file, old, new)
    contract = "tests/test_sqlite_contract.py"
    installed.edit(contract, "patience = 8.0", "patience = 2.0")
    installed.edit(contract, "detection = 6.0", "detection = 3.0")
    outcomes = installed.outcomes("-k", " or ".join([*MUTANTS[how].caught_by, CONTROL]))
    assert outcomes.pop(CONTROL) == "pass", "it is broken as a whole"
    assert outcomes == dict.fromkeys(MUTANTS[how].caught_by, "fail")
