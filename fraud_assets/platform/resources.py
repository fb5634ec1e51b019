"""The lock that every run holds, and fields of resources that the environment sets."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from fraud_assets.config import environment
from fraud_assets.config.settings import PromotionSettings
from fraud_assets.platform.run_lock import hold
from fraud_assets.platform.umask import private_files


class RunLock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Shows run monitoring that the process of a run is alive, and keeps its files private.

    Every IO manager depends on it, so that every run has it, whatever it materializes.

    See Also
    --------
    fraud_assets.platform.run_launcher : tests whether the lock of a run is held.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the lock of the run until its process ends; set the umask during the run.

        Parameters
        ----------
        context : InitResourceContext
            Names the run; outside of a run, no lock is held.

        Yields
        ------
        RunLock

        See Also
        --------
        fraud_assets.platform.run_lock.hold : holds the lock.
        fraud_assets.platform.umask.private_files : sets the umask.
        """
        if context.run_id is not None:
            hold(context.run_id)
        with private_files():
            yield self


def _described(setting: str) -> str:
    """Return the description of a setting of the promotion, with where its default comes from."""
    field = PromotionSettings.model_fields[setting]
    return f"{field.description} Default: `FRAUD_{setting.upper()}`, else {field.default}."


class PromotionPolicy(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What the platform may do without a person; the launchpad changes it for one run.

    See Also
    --------
    fraud_assets.config.environment.promotion : the variables that set it for all runs.
    """

    promotion: str | None = Field(default=None, description=_described("promotion"))
    implausible_batches: str | None = Field(
        default=None, description=_described("implausible_batches")
    )

    def settings(self) -> PromotionSettings:
        """Return the policy with its defaults.

        Returns
        -------
        PromotionSettings

        Raises
        ------
        ValueError
            When a value is no such choice.

        See Also
        --------
        fraud_assets.config.environment.promotion : reads the variables.
        """
        return environment.promotion(self.promotion, self.implausible_batches)


def from_environment(name: str, default: str | None = None) -> Any:
    """Return the value of a resource's text field that an environment variable sets.

    Parameters
    ----------
    name : str
        Name of the variable.
    default : str, optional
        The value when the variable is not set while the definitions are loaded.

    Returns
    -------
    dagster.EnvVar or str or None
        When the variable is set, the UI shows its name, and each run reads its value.

    See Also
    --------
    number_from_environment : for numbers.

    Examples
    --------
    >>> from_environment("FRAUD_NAME_THAT_NOBODY_SETS", "a default")
    'a default'
    """
    return dg.EnvVar(name) if os.environ.get(name) else default


def number_from_environment(name: str, default: int | None = None) -> Any:
    """Return the value of a resource's numeric field that an environment variable sets.

    Parameters
    ----------
    name : str
        Name of the variable.
    default : int, optional
        The value when the variable is not set while the definitions are loaded.

    Returns
    -------
    dagster.EnvVar or int or None

    See Also
    --------
    from_environment : for text.
    """
    return dg.EnvVar.int(name) if os.environ.get(name) else default


def _validate_values(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    is_variable = isinstance(value, dg.EnvVar | type(dg.EnvVar.int("")))
    return value if is_variable else validate(value)


ALSO_VARIABLE = WrapValidator(_validate_values)
"""Lets a field with limits be an environment variable, whose value is validated in the run."""
