"""Commands: their text, their success, and that nothing can hide in them."""

import pytest

from lbdisc.haproxy.errors import HaproxyError, Refused
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.commands import Command
from lbdisc.haproxy.sockets.contents import AddToAcl, AddToMap, Clear, Commit, Prepare
from lbdisc.haproxy.sockets.framing import without_continuations


@pytest.mark.parametrize(
    ("command", "text", "success"),
    [
        (
            cmd.AddServer("b", "s", "10.0.0.1:80", ("check", "weight", "5")),
            "add server b/s 10.0.0.1:80 check weight 5",
            "New server registered.\n",
        ),
        (cmd.EnableServer("b", "s"), "enable server b/s", ""),
        (cmd.EnableHealth("b", "s"), "enable health b/s", "\n"),
        (cmd.SetWeight("b", "s", 0), "set server b/s weight 0", ""),
        (
            cmd.SetAddress("b", "s", "::1", 80),
            "set server b/s addr ::1 port 80",
            "IP changed from '127.0.0.1' to '::1', no need to change the port by 'stats socket'",
        ),
        (cmd.SetAddress("b", "s", "::1", 80), "set server b/s addr ::1 port 80", "nothing changed"),
        (cmd.SetState("b", "s", "drain"), "set server b/s state drain", ""),
        (cmd.SetHealth("b", "s", "up"), "set server b/s health up", ""),
        (cmd.DeleteServer("b", "s"), "del server b/s", "Server deleted."),
        (cmd.ShutdownSessions("b", "s"), "shutdown sessions server b/s", ""),
        (cmd.WaitRemovable("b", "s", 500), "wait 500ms srv-removable b/s", "Done.\n"),
        (cmd.EnableDynamicCookie("b", "s"), "enable dynamic-cookie backend b", ""),
    ],
)
def test_each_command_knows_its_text_and_its_success(
    command: Command, text: str, success: str
) -> None:
    assert command.text == text
    command.check(success)
    with pytest.raises(Refused, match=r"refused '.*': Something new"):
        command.check("Something new\nand more\n")


def test_a_success_of_another_command_is_none() -> None:
    with pytest.raises(Refused, match="Server deleted"):
        cmd.EnableServer("b", "s").check("Server deleted.\n")
    with pytest.raises(Refused, match="no text"):
        cmd.AddServer("b", "s", "10.0.0.1:80").check("\n")


@pytest.mark.parametrize("reply", ["Invalid addr 'x'", "IP changed, but an error occurred"])
def test_a_half_done_move_is_no_success(reply: str) -> None:
    with pytest.raises(Refused):
        cmd.SetAddress("b", "s", "10.0.0.1", 80).check(reply)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\nb", "a/b", "a#", "ä", "a'", 'a"', "a\\"])
def test_a_name_can_hide_no_second_command(name: str) -> None:
    with pytest.raises(HaproxyError, match="no name for a command"):
        cmd.EnableServer("b", name)
    with pytest.raises(HaproxyError, match="no name for a command"):
        cmd.EnableServer(name, "s")


@pytest.mark.parametrize("word", ["", "a b", "a;b", "<<", "a\n", "$X", "a\\ b", "é"])
def test_a_word_can_hide_no_second_command(word: str) -> None:
    with pytest.raises(HaproxyError, match="no word for a command"):
        cmd.AddServer("b", "s", "10.0.0.1:80", ("check", word))
    with pytest.raises(HaproxyError, match="no word for a command"):
        cmd.SetAddress("b", "s", word, 80)


def test_a_weight_out_of_range_is_refused() -> None:
    with pytest.raises(HaproxyError, match="weight of b/s is 257: 0 to 256"):
        cmd.SetWeight("b", "s", 257)


def test_a_line_that_haproxy_would_not_answer_is_refused() -> None:
    with pytest.raises(HaproxyError, match="bytes"):
        cmd.AddServer("b", "s", "10.0.0.1:80", ("sni", "a" * 9000))


@pytest.mark.parametrize("payload", ["a\n\nb", "a\r\n\r\nb", "\na", "a\0", "a" * 17000])
def test_a_payload_that_would_end_early_is_refused(payload: str) -> None:
    with pytest.raises(HaproxyError, match="the payload of a command on /m"):
        AddToMap("/m", 1, (payload,))


def test_a_payload_stands_behind_its_command_and_ends_in_an_empty_line() -> None:
    order = AddToMap("/m", 1, ("a b", "c d;<<"))
    assert (order.text, order.sent) == ("add map @1 /m <<", "add map @1 /m <<\na b\nc d;<<\n\n")
    with pytest.raises(HaproxyError, match="no word for a command"):
        AddToMap("/m <<", 1, ("a b",))


def test_a_map_and_a_list_are_also_known_by_their_numbers() -> None:
    assert Prepare(3, "map").text == "prepare map #3"
    assert AddToAcl(3, 1, "^/a|b$").text == "add acl @1 #3 ^/a|b$"
    assert Commit(3, 1, "acl").text == "commit acl @1 #3"
    assert Clear("/m", 1, "map").text == "clear map @1 /m"


@pytest.mark.parametrize("pattern", ["", "a b", "a;b", "<<", "a\n", "a\\b", "'a'", '"', "é"])
def test_a_pattern_can_hide_no_second_command(pattern: str) -> None:
    with pytest.raises(HaproxyError, match="no word for a command on #3"):
        AddToAcl(3, 1, pattern)


def test_continuations_are_no_part_of_a_reply() -> None:
    sent = "add map @1 /m <<\na b\n\n"
    assert without_continuations("+ + done\n", sent) == "done\n"
    assert without_continuations("+ done\n", sent) == "done\n"
    assert without_continuations("+ done\n", "show x\n") == "+ done\n"
