from pathlib import Path

import pytest
from bandcamp_sync.paths import DataFolder, MusicFolder
from unit.backup.making import fill


@pytest.fixture
def music(tmp_path: Path) -> MusicFolder:
    return MusicFolder(tmp_path / "music")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """Books with a job in each state, and everything around them."""
    return fill(DataFolder(tmp_path / "data"))
