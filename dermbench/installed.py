"""What this installation has of what dermbench asks for, read from the metadata of the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

from packaging.requirements import Requirement

CORE = ""
"""Name of what is always installed, which is no extra."""


@dataclass(frozen=True)
class Package:
    """A package that dermbench asks for.

    Attributes
    ----------
    name
        Name in the index of packages.
    needed
        Versions that will do, as ``>=2.6``; empty for any.
    version
        The version that is here, None where the package is missing.
    fits
        Whether that version will do.
    """

    name: str
    needed: str
    version: str | None
    fits: bool


@dataclass(frozen=True)
class Extra:
    """A set of packages that is installed together.

    Attributes
    ----------
    name
        Name of the extra, as in ``dermbench[train]``; empty for what is always installed.
    packages
        Its packages, in alphabetical order.
    """

    name: str
    packages: tuple[Package, ...]

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is missing or too old, in words; empty where all is there."""
        return tuple(
            f"{package.name} is missing"
            if package.version is None
            else f"{package.name} {package.version} is not {package.needed}"
            for package in self.packages
            if not package.fits
        )

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"python -m pip install 'dermbench{f'[{self.name}]' if self.name else ''}'"


def installed_extras(package: Distribution | None = None) -> tuple[Extra, ...]:
    """Return what is always installed and every extra, with what is here of it.

    Parameters
    ----------
    package
        Package with its metadata; by default dermbench.

    Returns
    -------
    tuple
        The extra ``CORE`` first, then the others in alphabetical order; none where dermbench is not installed as a
        package, which then has no metadata.
    """
    try:
        package = distribution("dermbench") if package is None else package
    except PackageNotFoundError:
        return ()
    asked = [Requirement(line) for line in package.requires or []]
    names = (CORE, *sorted(package.metadata.get_all("Provides-Extra") or []))
    found = {name: [_package(requirement) for requirement in asked if _is_of(requirement, name)] for name in names}
    return tuple(Extra(name, tuple(sorted(packages, key=lambda p: p.name))) for name, packages in found.items())


def _is_of(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement comes with an extra and not without it."""
    marker = requirement.marker
    always = marker is None or marker.evaluate({"extra": CORE})
    return always if extra == CORE else not always and marker is not None and marker.evaluate({"extra": extra})


def _package(requirement: Requirement) -> Package:
    needed = str(requirement.specifier)
    try:
        here = version(requirement.name)
    except PackageNotFoundError:
        return Package(requirement.name, needed, None, fits=False)
    return Package(requirement.name, needed, here, fits=requirement.specifier.contains(here, prereleases=True))
