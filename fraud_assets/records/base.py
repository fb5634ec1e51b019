"""The base of all records: immutable, versioned, strict about keys, kept as readable JSON."""

import json
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from fraud_assets.text import named


class Record(BaseModel):
    """What an asset passes to the assets after it, and stores for later batches.

    Attributes
    ----------
    record_version : {1}
        Version of the format. Files without one are of version 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    RETIRED: ClassVar[frozenset[str]] = frozenset()
    """Keys that earlier releases wrote and that are no longer read."""

    record_version: Literal[1] = 1

    @model_validator(mode="before")
    @classmethod
    def _drop_retired_keys(cls, value: Any) -> Any:
        if isinstance(value, dict) and cls.RETIRED & value.keys():
            return {name: item for name, item in value.items() if name not in cls.RETIRED}
        return value

    def to_json(self) -> str:
        """Return readable JSON with sorted keys, the same text for the same record.

        Returns
        -------
        str
            Ends in a line feed.

        See Also
        --------
        from_json : reads it back.
        """
        return to_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Self:
        """Read a record.

        Parameters
        ----------
        text : str or bytes
            JSON as returned by `to_json`.
        where : str
            Path or name of the file, for messages.

        Returns
        -------
        Record

        Raises
        ------
        ValueError
            When a key is missing or unknown, or a value is of another type. The message names the
            file and the key, not the value.

        See Also
        --------
        to_json : writes it.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(
                f"{where} is not a {cls.__name__} record of this release: {_places(error)}; "
                "materialize the asset that wrote it again, or use the release that wrote it"
            ) from None


class Report(Record):
    """A record that is kept as a file in its batch's report folder.

    Attributes
    ----------
    batch : str
        The partition.
    """

    ASSET: ClassVar[str]
    """The asset whose output it is."""

    batch: str

    @classmethod
    def variant_of(cls, value: dict[str, Any]) -> type["Report"]:  # noqa: ARG003
        """Return the class of a report by its keys; `cls` itself unless there are variants.

        Parameters
        ----------
        value : dict
            The report as parsed from JSON.

        Returns
        -------
        type of Report
            `cls` or a subclass of it.
        """
        return cls

    @model_validator(mode="wrap")
    @classmethod
    def _as_variant(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Any:
        kind = cls.variant_of(value) if isinstance(value, dict) else cls
        return handler(value) if kind is cls else kind.model_validate(value)


def _places(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{named('.'.join(map(str, f['loc'])))}: {f['msg']}" for f in faults[:3])


def to_json(value: Any) -> str:
    """Return readable JSON with sorted keys, the same text for the same value.

    Parameters
    ----------
    value : JSON-like
        Dictionaries, lists, texts, numbers, booleans and None.

    Returns
    -------
    str
        Ends in a line feed.

    Raises
    ------
    ValueError
        When a number is infinite or not a number.

    See Also
    --------
    Record.to_json : for a record.

    Examples
    --------
    >>> print(to_json({"b": 1, "a": [2.5]}), end="")
    {
      "a": [
        2.5
      ],
      "b": 1
    }
    """
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
