"""Named tensors in a safetensors file, written atomically, read with errors that help."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import safetensors
from safetensors.torch import save as safetensors_bytes
from torch import Tensor


class ModelFileError(ValueError):
    """A file that holds no model of this package, or another one than expected."""


def write_tensors(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], path: str | os.PathLike[str]
) -> None:
    """Write tensors to a safetensors file that is either the old one or the whole new one.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors.
    metadata : mapping of str to str
        Text to keep with them.
    path : path
        Where to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ready = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(safetensors_bytes(ready, dict(metadata)))
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    tensors : dict of str to Tensor
        The tensors.
    metadata : dict of str to str
        The text kept with them.

    Raises
    ------
    ModelFileError
        If the file is cut short, or of another kind.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise ModelFileError(
            f"{path} is no complete safetensors file ({error}); write it again with models.save"
        ) from error
