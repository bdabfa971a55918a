"""Making virtual environments: once, again when requirements change, and clear words when it fails."""

from pathlib import Path

import pytest

from deploy.local.virtual_environment import InstallFailedError, VirtualEnvironment


@pytest.mark.usefixtures("programs")
def test_an_environment_is_installed_once_and_again_when_its_requirements_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pip\n")
    environment = VirtualEnvironment("the test", tmp_path / "venv", [requirements])
    assert environment.install() is True
    assert environment.python.exists()
    assert "Installed the test in" in capsys.readouterr().out
    kept = environment.folder / "kept"
    kept.touch()

    assert environment.install() is False
    assert capsys.readouterr().out == ""

    requirements.write_text("pip\nghost @ file:///no/such/ghost-1.0-py3-none-any.whl\n")
    assert not environment.is_current()
    with pytest.raises(InstallFailedError, match="Installing the test failed; pip's last words:") as caught:
        environment.install()
    assert "/no/such/ghost-1.0" in str(caught.value)
    assert not environment.is_current()
    assert kept.exists()
