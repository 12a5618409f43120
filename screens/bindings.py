"""The one table of key bindings: the footer, the help, the palette and the README come from it.

A binding's `description` is the word in the footer, its `tooltip` the sentence in the help; its
`id` is the name under which the `[keys]` table of `config.toml` gives it another key.
"""

from __future__ import annotations

from dataclasses import replace

from textual.binding import Binding, BindingType


def _key(
    keys: str, action: str, word: str, help: str, *, show: bool = True, name: str = ""
) -> Binding:
    return Binding(keys, action, word, show=show, tooltip=help, id=name or action)


def _named(table: dict[str, list[Binding]]) -> dict[str, list[Binding]]:
    """The table with every id as `part.name`, so that no two are the same."""
    return {part: [replace(b, id=f"{part}.{b.id}") for b in keys] for part, keys in table.items()}


TABLE = _named(
    {
        "app": [
            _key("1", "tab('catalog')", "Catalog", "To the catalogue.", show=False, name="catalog"),
            _key("2", "tab('models')", "Models", "To the models here.", show=False, name="models"),
            _key("3", "tab('data')", "Data", "To the data.", show=False, name="data"),
            _key("4", "tab('runs')", "Runs", "To the runs.", show=False, name="runs"),
            _key(
                "5",
                "tab('endpoints')",
                "Endpoints",
                "To the endpoints.",
                show=False,
                name="endpoints",
            ),
            _key("q", "quit", "quit", "Leave; runs and endpoints go on.", show=False),
            _key("question_mark,f1", "help", "help", "All keys of this screen."),
            _key("ctrl+p", "command_palette", "all", "Find a command by its name."),
        ],
        "list": [
            _key("enter", "open", "open", "Open the line under the cursor."),
            _key("down,j", "move(1)", "down", "One line down.", show=False, name="down"),
            _key("up,k", "move(-1)", "up", "One line up.", show=False, name="up"),
            _key("home,g", "first", "first", "To the first line.", show=False, name="first"),
            _key("end,G", "last", "last", "To the last line.", show=False, name="last"),
            _key("ctrl+d", "half(1)", "½ down", "Half a page down.", show=False, name="halfdown"),
            _key("ctrl+u", "half(-1)", "½ up", "Half a page up.", show=False, name="halfup"),
            _key("pagedown", "page(1)", "page down", "A page down.", show=False, name="pagedown"),
            _key("pageup", "page(-1)", "page up", "A page up.", show=False, name="pageup"),
        ],
        "scroll": [
            _key("down,j", "scroll_down", "down", "One line down.", show=False, name="down"),
            _key("up,k", "scroll_up", "up", "One line up.", show=False, name="up"),
            _key("home,g", "scroll_home", "top", "To the top.", show=False, name="top"),
            _key("end,G", "scroll_end", "end", "To the end.", show=False, name="end"),
            _key("ctrl+d,pagedown", "page_down", "page down", "A page down.", show=False),
            _key("ctrl+u,pageup", "page_up", "page up", "A page up.", show=False),
        ],
        "sections": [
            _key("right", "section(1)", "next part", "The next part of the page.", show=False),
            _key("left", "section(-1)", "last part", "The part before.", show=False, name="before"),
        ],
        "records": [
            _key("slash", "search", "search", "Search as you type; esc clears it."),
            _key("s", "sort", "sort", "Choose the order of the list."),
        ],
        "catalog": [
            _key("i", "import_model", "import", "Bring this model to this machine."),
            _key("f", "filter", "filter", "Show one task, licence or source only."),
            _key("F", "clear", "no filter", "Take all filters away.", show=False, name="clear"),
            _key("u", "sync", "sync", "Bring the catalogue up to date: the hub, Azure ML."),
            _key("c", "changes", "changes", "What the last sync changed.", show=False),
        ],
        "catalog_model": [
            _key("i", "import_model", "import", "Bring it to this machine, or into Azure ML."),
            _key("f", "finetune", "finetune", "Finetune this model in Azure ML."),
            _key("d", "deploy", "deploy", "Put this model behind an endpoint in Azure ML."),
            _key("y", "copy_reference", "copy reference", "Copy the model's reference."),
        ],
        "models": [
            _key("i", "import_model", "import", "Import a folder, or a model of the hub."),
            _key("f", "finetune", "finetune", "Finetune this model on your data."),
            _key("e", "evaluate", "evaluate", "Measure this model on test data."),
            _key("d", "deploy", "deploy", "Put this model behind an endpoint."),
            _key("x", "remove", "remove", "Remove this model from this machine.", show=False),
            _key("T", "tag", "tag", "Put a tag on this model, or take one off.", show=False),
        ],
        "model": [
            _key("t", "try", "try", "Ask the model."),
            _key("f", "finetune", "finetune", "Finetune this model on your data."),
            _key("e", "evaluate", "evaluate", "Measure this model on test data."),
            _key("d", "deploy", "deploy", "Put this model behind an endpoint."),
            _key("v", "verify", "verify", "Hash the files again and compare."),
            _key("x", "remove", "remove", "Remove this model from this machine."),
            _key("T", "tag", "tag", "Put a tag on this model, or take one off."),
            _key("n", "note", "note", "Write a note on this model."),
            _key("X", "export", "export", "Write it to one file, for a machine without network."),
            _key("y", "copy_reference", "copy", "Copy the model's reference.", show=False),
        ],
        "azure": [
            _key("l", "sign_in", "sign in", "Sign in to Azure by a code, on any device."),
            _key("w", "workspace", "workspace", "Choose the workspace of Azure ML."),
            _key("r", "check", "look again", "Go the way to Azure ML once more."),
        ],
        "data": [
            _key("a", "add", "add", "Add a file of data, aligned texts or a saved folder."),
            _key("c", "check", "check", "Look at every row for what would fail."),
            _key("f", "finetune", "finetune on", "Finetune a model on this data."),
            _key("x", "remove", "remove", "Remove this data from the registry."),
        ],
        "dataset": [
            _key("c", "check", "check", "Look at every row for what would fail."),
            _key("f", "finetune", "finetune on", "Finetune a model on this data."),
            _key("x", "remove", "remove", "Remove this data from the registry."),
        ],
        "data_check": [
            _key("t", "ask('task')", "task", "Look with the eyes of another task.", name="task"),
            _key("m", "ask('model')", "model", "Count the tokens of a model.", name="model"),
            _key(
                "a",
                "ask('against')",
                "against",
                "Look for rows that other data has too.",
                name="against",
            ),
            _key("o", "ask('cols')", "columns", "Say which column is which.", name="columns"),
            _key("f", "finetune", "finetune on", "Finetune a model on this data."),
            _key("y", "copy_command", "copy command", "Copy the command line.", show=False),
        ],
        "runs": [
            _key("space", "mark", "mark", "Mark this run, to compare it with others."),
            _key("c", "compare", "compare", "Compare the runs that are marked."),
            _key("f", "filter", "filter", "Show one state, kind, model or tag only."),
            _key("F", "clear", "no filter", "Take all filters away.", show=False, name="clear"),
            _key("x", "cancel", "cancel", "Cancel this run."),
            _key("R", "resume", "resume", "Resume from the last checkpoint."),
            _key("t", "tag", "tag", "Put a tag on the marked runs or this one, or take it off."),
            _key("Q", "queue", "queue", "The runs that wait: their order, why, and pausing them."),
            _key("D", "remove", "remove", "Remove this run and its folder.", show=False),
        ],
        "queue": [
            _key("K,shift+up", "shift(-1)", "earlier", "Before the one that is before it."),
            _key("J,shift+down", "shift(1)", "later", "Behind the one behind it.", name="later"),
            _key("p", "hold", "pause", "Hold this run back, or let it go on."),
            _key("P", "hold_all", "pause all", "Hold the whole queue back, or let it go on."),
            _key("x", "cancel", "cancel", "Cancel this run."),
            _key("T", "end(True)", "first", "Before all others.", show=False, name="first"),
            _key("B", "end(False)", "last", "Behind all others.", show=False, name="last"),
            _key(
                "plus", "priority(1)", "priority +", "A higher priority.", show=False, name="higher"
            ),
            _key(
                "minus", "priority(-1)", "priority −", "A lower priority.", show=False, name="lower"
            ),
        ],
        "sweep": [
            _key("c", "compare", "compare", "Compare all runs of the sweep."),
        ],
        "compare": [
            _key("a", "every", "all settings", "Show also the settings that are the same."),
        ],
        "run": [
            _key("x", "cancel", "cancel", "Cancel this run."),
            _key("R", "resume", "resume", "Resume from the last checkpoint."),
            _key("t", "tag", "tag", "Put a tag on this run, or take one off."),
            _key("o", "output", "model", "Open the model that this run made."),
            _key("v", "report", "report", "What the evaluation found, with intervals and plots."),
            _key("e", "errors", "errors", "The rows that the model got wrong, the worst first."),
            _key("l", "show('log')", "log", "What the run printed.", name="log"),
            _key("m", "show('metrics')", "metrics", "All that was measured.", name="metrics"),
            _key(
                "r",
                "show('resources')",
                "resources",
                "Processor, memory and GPU, as they were used.",
                name="resources",
            ),
            _key("s", "show('spec')", "spec", "All that is needed to do it again.", name="spec"),
            _key("a", "edit", "edit config", "Change how its processes are started (accelerate)."),
            _key("V", "sweep", "sweep", "The sweep that this run is part of."),
            _key("i", "show('files')", "files", "What lies in the run's folder.", name="files"),
        ],
        "report": [
            _key("e", "errors", "errors", "The rows that the model got wrong, the worst first."),
            _key("s", "sort", "sort", "Choose the order of the labels."),
            _key("w", "write", "write HTML", "Write the report to one HTML file in the run."),
        ],
        "matrix": [
            _key("enter", "open", "open", "The rows of the cell under the cursor."),
            _key("down,j", "go(1, 0)", "down", "One label down.", show=False, name="down"),
            _key("up,k", "go(-1, 0)", "up", "One label up.", show=False, name="up"),
            _key("right,l", "go(0, 1)", "right", "One label on.", show=False, name="right"),
            _key("left,h", "go(0, -1)", "left", "One label back.", show=False, name="left"),
        ],
        "errors": [
            _key("slash", "search", "search", "Rows that hold the words you type; esc clears it."),
            _key("s", "sort", "sort", "By loss, confidence or length."),
            _key("f", "filter", "filter", "Only what one label was taken for."),
            _key("F", "clear", "no filter", "Take the filter away.", show=False, name="clear"),
            _key("a", "every", "all rows", "Show also the rows that are right, or hide them."),
        ],
        "example": [
            _key("n,right", "step(1)", "next", "The next example.", name="next"),
            _key("N,left", "step(-1)", "last", "The example before.", name="before"),
        ],
        "plot": [
            _key("p", "next_curve", "curve", "Plot another thing that was measured."),
            _key("L", "log_axis", "log axis", "Logarithmic axis, or linear."),
            _key("S", "smooth", "smooth", "Smooth the curves: not, a little, more."),
            _key("plus", "zoom(0.5)", "zoom in", "Zoom into the curves.", show=False, name="in"),
            _key("minus", "zoom(2)", "zoom out", "Zoom out of them.", show=False, name="out"),
            _key(
                "less_than_sign",
                "pan(-0.5)",
                "earlier",
                "The part before.",
                show=False,
                name="before",
            ),
            _key(
                "greater_than_sign",
                "pan(0.5)",
                "later",
                "The part after.",
                show=False,
                name="after",
            ),
        ],
        "log": [
            _key("slash", "find", "find", "Show only the lines that hold a word; esc shows all."),
            _key("f", "follow", "follow", "Stay at the end while the log grows."),
            _key("n", "hit(1)", "next hit", "The next line that holds the words.", name="next"),
            _key(
                "N", "hit(-1)", "last", "The line before that holds them.", show=False, name="last"
            ),
            _key("w", "wrap", "wrap", "Break long lines, or scroll them sideways."),
            _key(
                "c", "copy_lines", "copy", "Copy the selection, or the lines in sight.", show=False
            ),
            _key("down,j", "scroll_down", "down", "One line down.", show=False, name="down"),
            _key("up,k", "scroll_up", "up", "One line up.", show=False, name="up"),
            _key("right", "scroll_right", "right", "Scroll right.", show=False, name="right"),
            _key("left", "scroll_left", "left", "Scroll left.", show=False, name="left"),
            _key("home,g", "top", "top", "To the first line.", show=False, name="top"),
            _key("end,G", "end", "end", "To the end, and follow.", show=False, name="end"),
            _key("ctrl+d,pagedown", "page_down", "page down", "A page down.", show=False),
            _key("ctrl+u,pageup", "page_up", "page up", "A page up.", show=False),
        ],
        "endpoints": [
            _key("n", "new", "new", "Make an endpoint and deploy a model to it."),
            _key("x", "delete", "delete", "Delete this endpoint."),
            _key("A", "azure", "Azure", "Azure ML: who is signed in, and which workspace."),
        ],
        "endpoint": [
            _key("t", "show('try')", "try", "Send a request.", name="try"),
            _key("l", "show('log')", "log", "What the endpoint printed.", name="log"),
            _key("K", "show('keys')", "keys", "The keys, hidden until asked for.", name="keys"),
            _key("ctrl+s", "send", "send", "Send the request."),
            _key("v", "reveal", "reveal", "Show the keys, or hide them again."),
            _key("y", "copy", "copy", "Copy the primary key, or the answer."),
            _key("i", "answer", "answer a file", "Let it answer a file: the job is a run."),
            _key("percent_sign", "traffic", "traffic", "Share the traffic out."),
            _key("D", "default", "default", "Choose which deployment takes the jobs."),
            _key("plus", "deploy", "deploy", "Deploy another model here.", name="deploy"),
            _key("x", "delete", "delete", "Delete this endpoint."),
        ],
        "form": [
            _key("ctrl+s", "submit", "start", "Do what the command line below says."),
            _key("y,ctrl+y", "copy_command", "copy command", "Copy the command line."),
            _key("tab", "app.focus_next", "next", "To the next field.", name="next"),
            _key("down", "app.focus_next", "next", "To the next field.", show=False, name="down"),
            _key("shift+tab,up", "app.focus_previous", "back", "To the field before.", show=False),
            _key("escape", "back", "back", "Leave the form; work under way is cancelled."),
        ],
        "finetune": [
            _key("c", "check", "check", "Look at every row of the data."),
        ],
        "choice": [
            _key("enter,space", "choose", "choose", "Choose from a list."),
            _key("right", "step(1)", "next", "The next value.", show=False, name="next"),
            _key("left", "step(-1)", "last", "The value before.", show=False, name="last"),
        ],
        "editable": [
            _key("enter,space", "edit", "edit", "Look at the text, and change it."),
        ],
        "edit": [
            _key("ctrl+s", "keep", "keep", "Keep the text as it is now."),
            _key("escape", "leave", "leave", "Leave it as it was."),
        ],
        "picker": [
            _key("escape", "cancel", "close", "Close without a choice."),
            _key("down,ctrl+n", "move(1)", "down", "One line down.", show=False, name="down"),
            _key("up,ctrl+k", "move(-1)", "up", "One line up.", show=False, name="up"),
            _key("pagedown", "page(1)", "page down", "A page down.", show=False, name="pgdn"),
            _key("pageup", "page(-1)", "page up", "A page up.", show=False, name="pgup"),
        ],
        "confirm": [
            _key("y", "yes", "yes", "Do it."),
            _key("n,escape,q", "no", "no", "Leave it."),
        ],
        "page": [
            _key("escape,backspace", "back", "back", "Go back to where you came from."),
        ],
        "help": [
            _key("escape,question_mark,q,f1,enter", "close", "close", "Close the help."),
        ],
    }
)
"""Who listens, and to what: the keys of a widget or a screen are the rows that its names give."""


def bindings(*names: str) -> list[BindingType]:
    """The bindings of these parts of the table, in its order."""
    return [binding for name in names for binding in TABLE[name]]


_ORDER = {b.id: at for at, b in enumerate(b for part in TABLE.values() for b in part)}


def place(binding: Binding) -> int:
    """Where a binding stands in the table; what is not of it comes last."""
    return _ORDER.get(binding.id, len(_ORDER))


_NAMES = {
    "question_mark": "?", "slash": "/", "plus": "+", "percent_sign": "%", "escape": "esc",
    "pagedown": "pgdn", "pageup": "pgup", "minus": "-",
    "less_than_sign": "<", "greater_than_sign": ">",
    "down": "↓", "up": "↑", "left": "←", "right": "→",
}  # fmt: skip


def key_name(key: str) -> str:
    """A key as the footer writes it: `^s`, `?`, `esc`."""
    key = _NAMES.get(key, key)
    return "^" + _NAMES.get(key[5:], key[5:]) if key.startswith("ctrl+") else key
