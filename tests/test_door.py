"""Who gives way to whom at the door, decided without sockets."""

import asyncio

from agent.door import Bounds, Door, peer_of


class Line(asyncio.Transport):
    """A connection from an address; counts as nothing else."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1)})
        self.cut = False

    def abort(self) -> None:
        self.cut = True


def crowd(*addresses: str) -> list[Line]:
    return [Line(one) for one in addresses]


async def test_where_all_of_a_full_house_are_at_work_nobody_is_let_in_and_nobody_cut() -> None:
    door, lines = Door(Bounds(2, 2, 10, 10)), crowd("10.0.0.1", "10.0.0.1")
    for one in lines:
        assert door.admit(one)
        door.busy(one)
    assert not door.admit(Line("10.0.0.2"))
    assert not any(one.cut for one in lines)
    door.leave(lines[0])
    assert door.admit(Line("10.0.0.2"))


async def test_a_flood_from_one_address_never_cuts_another_ones_only_connection() -> None:
    door, honest = Door(Bounds(4, 4, 10, 10)), Line("10.0.0.1")
    assert door.admit(honest)
    flood = crowd(*["10.0.0.2"] * 50)
    assert all(door.admit(one) for one in flood)
    assert not honest.cut
    assert [one.cut for one in flood] == [True] * 47 + [False] * 3


async def test_who_has_left_counts_no_more_in_his_share() -> None:
    door = Door(Bounds(4, 1, 10, 10))
    for one in crowd(*["10.0.0.1"] * 3):
        assert door.admit(one)
        door.busy(one)
        assert not door.admit(Line("10.0.0.1"))
        door.leave(one)


async def test_a_share_is_of_an_ipv6_network_and_of_a_mapped_ipv4_address() -> None:
    assert peer_of(Line("2001:db8::1")) == peer_of(Line("2001:db8::ffff"))
    assert peer_of(Line("2001:db8::1")) != peer_of(Line("2001:db8:0:1::1"))
    assert peer_of(Line("::ffff:10.0.0.1")) == peer_of(Line("10.0.0.1")) == "10.0.0.1"
    assert peer_of(Line("fe80::1%eth0")) == peer_of(Line("fe80::2%eth0"))
