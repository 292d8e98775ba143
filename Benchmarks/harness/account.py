"""Checks of Pith's own account, made from outside: is every weight in the ledger, was the loop closed?"""

import onnx

from . import measure


def check(model_path, told):
    """What `pith compress --format json` told about `model_path`, reduced to what the project promises."""
    if not told:
        return None
    rows = {row["weight"] for row in told["ledger"]}
    wanted = weights(model_path)
    missing = sorted(wanted - rows)
    loop = told.get("verification") or {}
    return {
        "ledgerRows": len(told["ledger"]),
        "weightsOfModel": len(wanted),
        "weightsMissing": missing[:8],
        "weightsMissingCount": len(missing),
        "rowsWithoutReason": sum(1 for row in told["ledger"] if not row["technique"] and not row["note"]),
        "weightsComparedAfterReading": loop.get("weightsCompared"),
        "optimizedSQNR": loop.get("optimizedSQNR"),
        "unoptimizedSQNR": loop.get("unoptimizedSQNR"),
        "notes": told.get("notes", []),
        "activations": told.get("decisions", {}).get("activations"),
    }


def weights(path):
    """The names of all initializers, those of nested graphs included. Constant nodes are counted by the ledger too,
    but have no name of their own to look for."""
    model = onnx.load(path, load_external_data=False)
    return {weight.name for graph in measure.graphs(model.graph) for weight in graph.initializer}
