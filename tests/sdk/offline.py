"""What every script here begins with: the SDK without its noise, and standard input and output
as JSON. Nothing is asked of a network: only files are loaded and written."""

import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

# The SDK and its libraries print to standard output now and then: that is kept for the answer.
answer_to, sys.stdout = sys.stdout, sys.stderr


def question():
    """The JSON on standard input."""
    return json.load(sys.stdin)


def answer(value):
    """Prints JSON; what it has no word for is asked for its own dictionary."""
    json.dump(value, answer_to, default=plain)


def plain(value):
    """An SDK object as plain data."""
    for name in ("_to_dict", "as_dict"):
        if hasattr(value, name):
            return getattr(value, name)()
    return str(value)


def attempt(action, *arguments):
    """`{"ok": …}`, or `{"error": …}` with the kind and the first line of the refusal."""
    try:
        return {"ok": action(*arguments)}
    except Exception as error:  # pylint: disable=broad-except
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
