"""Markdown tables and numbers as text."""


def table(heads, rows):
    """A Markdown table; the first column is text, the others are figures."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def checklist(lines):
    """`(met, what)` pairs as a list."""
    return [f"- {'met' if met else '**short**'}: {text}" for met, text in lines] + [""]


def number(value, digits=2, missing="–"):
    return missing if value is None else f"{value:,.{digits}f}"


def sentence(text):
    """A tool's message made fit for a table cell."""
    return " ".join(text.replace("|", "/").split())[:160]


def preamble(results, title):
    """Title, machine, versions and command."""
    return [f"# {title}", "", *origin(results)]


def origin(results):
    """When, with what and where something was measured."""
    machine, versions = results["machine"], results["versions"]
    return [
        f"Made by `{results['command']}` on {results['date']}, {results['seconds'] / 60:.0f} minutes.",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memoryBytes'] / 2**30:.0f} GiB, "
        f"{', '.join(machine['vectorFeatures']) or 'no known vector features'}; load average {machine['loadAverageBefore']} before.",
        "Versions: " + ", ".join(f"{name} {value}" for name, value in versions.items() if name != "pithSHA256") + ".",
        "",
    ]
