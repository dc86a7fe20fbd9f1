"""Collections of one and two purchases: small, as each is delivered hundreds of times."""

from standin import World


def archive_world() -> World:
    """One album, in an archive."""
    return _world(archives=1, tracks=0)


def track_world() -> World:
    """One track, as a bare file."""
    return _world(archives=0, tracks=1)


def pair_world() -> World:
    """One of each."""
    return _world(archives=1, tracks=1)


def _world(archives: int, tracks: int) -> World:
    world = World.build(purchases=5, preset="small", seconds=(0.3, 0.5))
    wanted = {False: archives, True: tracks}
    for purchase in list(world.purchases):
        bare = purchase.release is not None and purchase.release.bare
        if wanted[bare]:
            wanted[bare] -= 1
        else:
            world.remove_purchase(purchase.key)
    return world
