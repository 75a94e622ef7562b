"""Small Python modules that a scripted module imports: i18n, packaging, SampleData.

Nothing is ever installed or downloaded: requests are recorded, and refused unless the test says.
"""

import importlib.metadata
import inspect
import re
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

from PySide6 import QtCore

_PLACEHOLDER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


def _context_of(path: str) -> str:
    """Qt's translation context of a file: its name, with its package's name before it."""
    file = Path(path)
    package = file.parent.name if (file.parent / "__init__.py").is_file() else ""
    return f"{package}.{file.stem}" if package else file.stem


def _translate(context: str, text: str) -> str:
    return QtCore.QCoreApplication.translate(context, text)


def _tr(text: str) -> str:
    caller = inspect.currentframe().f_back
    translated = _translate(_context_of(caller.f_code.co_filename), text)
    same = set(_PLACEHOLDER.findall(text)) == set(_PLACEHOLDER.findall(translated))
    return translated if same else text


def make_i18n() -> types.ModuleType:
    """`slicer.i18n`: `tr` and `translate`, over Qt's own translators."""
    module = types.ModuleType("slicer.i18n")
    module.tr, module.translate, module.getContext = _tr, _translate, _context_of
    return module


class Packages:
    """`slicer.packaging`: the state is real, the installing is recorded and refused."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.install: Any = None

    def clear(self) -> None:
        """Forget the requests and refuse again."""
        self.requested.clear()
        self.install = None

    def pip_install(self, requirements: Any, *_: Any, **__: Any) -> None:
        """Record; call the test's `install(list of texts)`, or refuse."""
        wanted = [str(one) for one in _as_list(requirements)]
        self.requested += wanted
        if self.install is None:
            raise RuntimeError(f"The test host installs nothing; asked for {wanted}")
        self.install(wanted)

    def pip_check(self, requirements: Any) -> bool:
        """Whether all requirements are met by what is installed."""
        return all(_is_met(str(one)) for one in _as_list(requirements))

    def pip_ensure(
        self,
        requirements: Any,
        constraints: Any = None,
        skip_packages: Any = None,
        prompt_install: bool = True,
        prompt_restart: bool = True,
        requester: str | None = None,
        skip_in_testing: bool = True,
        show_progress: bool = True,
    ) -> None:
        """Install what is missing, through `pip_install`; nothing in testing mode."""
        import slicer

        missing = [one for one in _as_list(requirements) if not self.pip_check([one])]
        if missing and not (skip_in_testing and slicer.app.testingEnabled()):
            self.pip_install(missing)

    def as_module(self) -> types.ModuleType:
        """The module that `import slicer.packaging` gives."""
        module = types.ModuleType("slicer.packaging")
        module.pip_install, module.pip_uninstall = self.pip_install, self.pip_install
        module.pip_check, module.pip_ensure = self.pip_check, self.pip_ensure
        module.load_requirements = load_requirements
        return module


def _as_list(requirements: Any) -> list[Any]:
    return requirements.split() if isinstance(requirements, str) else list(requirements)


def _is_met(text: str) -> bool:
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return importlib.metadata.version(requirement.name) in requirement.specifier
    except importlib.metadata.PackageNotFoundError:
        return False


def load_requirements(path: str | Path) -> list[Any]:
    """The requirements of a file; comments and pip's options are left out, as in Slicer."""
    from packaging.requirements import Requirement

    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


class SampleDataLogic:
    """`SampleData.SampleDataLogic`: registrations are kept, nothing is downloaded."""

    categories: ClassVar[dict[str, str]] = {}
    sources: ClassVar[list[dict[str, Any]]] = []

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str | None = None) -> None:
        """Keep a category's title."""
        SampleDataLogic.categories[category] = title or category

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
        loadFileType: Any = None,
        sampleDescription: str | None = None,
    ) -> None:
        """Keep a data set's description."""
        given = {name: value for name, value in locals().items() if value is not None}
        SampleDataLogic.sources.append(given)


def install_sample_data() -> None:
    """Make `import SampleData` work."""
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    sys.modules["SampleData"] = module
