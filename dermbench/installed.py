"""Which required and optional packages are installed, according to the metadata of dermbench."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version

from packaging.requirements import Requirement

CORE = ""
"""Name for the required packages, which belong to no extra."""


@dataclass(frozen=True)
class Package:
    """A package that dermbench requires.

    Attributes
    ----------
    name
        Name in the package index.
    needed
        Accepted versions, such as ``>=2.6``; empty for any.
    version
        Installed version, None if the package is missing.
    fits
        Whether the installed version is accepted.
    """

    name: str
    needed: str
    version: str | None
    fits: bool


@dataclass(frozen=True)
class Extra:
    """A set of packages that are installed together.

    Attributes
    ----------
    name
        Name of the extra, as in ``dermbench[train]``; empty for the required packages.
    packages
        Its packages, in alphabetical order.
    """

    name: str
    packages: tuple[Package, ...]

    @property
    def lacks(self) -> tuple[str, ...]:
        """Missing or unsuitable packages, one phrase each; empty if all are installed."""
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
    """Return the required packages and every extra, with the installed versions.

    Parameters
    ----------
    package
        Package whose metadata is read; by default dermbench.

    Returns
    -------
    tuple
        ``CORE`` first, then the extras in alphabetical order. Empty if dermbench is not installed as a package,
        because it then has no metadata.
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
    """Return whether a requirement belongs to this extra only, or for ``CORE`` whether it is always required."""
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
