"""What no part of chatapp may do, proven on its source: parse foreign text as markup, or open a socket.

Textual parses `[…]` in plain strings given to most widgets, so that a model's text could vanish, crash the app or
become a link that acts. Hence: strings that are not literals reach widgets as `Content`, or with `markup=False`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HUB = ROOT / "chatapp" / "engine" / "hub.py"
SOURCES = sorted((ROOT / "chatapp").rglob("*.py"))

PLAIN_ON_REQUEST = {"Static", "Label"}  # they parse later updates too, so markup=False whatever they start with
PARSING_CALLS = {
    "Button", "Checkbox", "RadioButton", "Option", "Selection", "Tab", "TabPane", "Collapsible", "Link",
    "notify", "with_tooltip", "from_text", "visualize", "OptionList", "SelectionList", "Tooltip",
}  # fmt: skip
PARSING_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "label"}
MARKUP_ONLY = {"from_markup", "render_markup", "to_content_markup"}
SOCKET_MODULES = {
    "socket", "socketserver", "http", "urllib.request", "urllib3", "ftplib", "smtplib", "xmlrpc", "ssl",
    "requests", "httpx", "aiohttp", "websockets", "huggingface_hub",
}  # fmt: skip
SOCKET_CALLS = {"open_connection", "start_server", "create_connection", "create_server", "open_unix_connection"}


def faults(source: str) -> list[str]:
    """What is wrong in a module, as `line: reason`."""
    tree = ast.parse(source)
    return [f"{node.lineno}: {reason}" for node in ast.walk(tree) for reason in _node_faults(node)]


def _node_faults(node):
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _import_faults(node)
    elif isinstance(node, ast.Call):
        yield from _call_faults(node)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.attr for target in targets if isinstance(target, ast.Attribute)}
        if names & PARSING_ATTRIBUTES and node.value is not None and not _is_inert(node.value):
            yield f"{', '.join(names)} set to text that is parsed as markup"
    elif isinstance(node, ast.FunctionDef) and _renders_a_string(node):
        yield "render() returns a string, which is parsed as markup"
    elif isinstance(node, ast.ClassDef) and not _passes_plain(node):
        yield f"{node.name} does not hand markup=False to its base"


def _import_faults(node):
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        modules = [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
    for module in modules:
        if any(f"{module}.".startswith(f"{banned}.") for banned in SOCKET_MODULES):
            yield f"{module} opens sockets"
        if f"{module}.".startswith("webbrowser."):
            yield "webbrowser opens links that a model wrote"
        if f"{module}.".startswith(("rich.markup.", "textual.markup.")):
            yield f"{module} parses markup"


def _call_faults(call):
    name = _name(call.func)
    if name in SOCKET_CALLS:
        yield f"{name} opens a socket"
    if name in MARKUP_ONLY and not (name == "from_markup" and call.args and _is_literal(call.args[0])):
        yield f"{name} parses markup"
    if (
        name == "print"
        and isinstance(call.func, ast.Attribute)
        and "console" in ast.unparse(call.func.value).lower()
    ):
        yield "console.print parses markup"
    if name in {"Markdown", "MarkdownViewer"} and not _is_false(call, "open_links"):
        yield f"{name} without open_links=False opens a browser at a click"
    if name in PLAIN_ON_REQUEST and not _is_false(call, "markup"):
        yield f"{name} without markup=False"
    if name in PARSING_CALLS and not _is_false(call, "markup"):
        texts = [
            *call.args[:1],
            *(k.value for k in call.keywords if k.arg in {"label", "prompt", "title", "message"}),
        ]
        if not all(_is_inert(text) for text in texts):
            yield f"{name} with text that is parsed as markup"


def _renders_a_string(node):
    method = node.name == "render" and [argument.arg for argument in node.args.args] == ["self"]
    return method and (node.returns is None or "str" in ast.unparse(node.returns))


def _passes_plain(node):
    """Whether a class that extends Static or Label itself calls super().__init__(…, markup=False)."""
    if not any(_name(base) in PLAIN_ON_REQUEST for base in node.bases):
        return True
    calls = (c for c in ast.walk(node) if isinstance(c, ast.Call) and ast.unparse(c.func) == "super().__init__")
    return any(_is_false(call, "markup") for call in calls)


def _name(node):
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_false(call, keyword):
    return any(
        k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value is False for k in call.keywords
    )


def _is_literal(node):
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str))


def _is_inert(node):
    """Whether a value is drawn as it stands: Content, None, or a literal that holds no bracket."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).split(".")[0] == "Content" and _name(node.func) not in MARKUP_ONLY
    if isinstance(node, ast.IfExp):
        return _is_inert(node.body) and _is_inert(node.orelse)
    return _is_literal(node) and "[" not in (node.value or "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_foreign_text_is_parsed_and_no_socket_is_opened(path):
    found = faults(path.read_text("utf-8"))
    if path == HUB:  # fetches a model because its user asked for it, through an optional extra
        found = [fault for fault in found if "huggingface_hub opens sockets" not in fault]
    assert found == []


@pytest.mark.parametrize(
    "snippet",
    [
        "Static(text)",
        "Static()",
        "Static('plain')",
        "widgets.Label(name, markup=True)",
        "class Line(Static):\n    pass",
        "class Line(Static):\n    def __init__(self, text):\n        super().__init__(text)",
        "Button(f'{name}')",
        "Button('[b]x[/b]')",
        "Button(label=name)",
        "Option(row.title)",
        "self.notify(sentence)",
        "self.notify('saved', title=name)",
        "self.notify(message=sentence)",
        "self.border_title = name",
        "self.tooltip = f'{name}'",
        "Content.from_markup(text)",
        "Content.from_markup(f'[b]{text}[/b]')",
        "Content.from_text(text)",
        "Text.from_markup(text)",
        "console.print(text)",
        "self.app.console.print(text)",
        "from rich.markup import escape",
        "from rich import markup",
        "import rich.markup",
        "Markdown(text)",
        "Markdown(text, open_links=True)",
        "import webbrowser",
        "from webbrowser import open",
        "def render(self) -> str: ...",
        "def render(self): ...",
        "import socket",
        "import urllib.request",
        "from urllib import request",
        "from http.client import HTTPConnection",
        "import httpx",
        "asyncio.open_connection('example.org', 80)",
    ],
)
def test_the_rules_find(snippet):
    assert faults(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "Static(text, markup=False)",
        "class Line(Static):\n    def __init__(self):\n        super().__init__(markup=False)\nLine()",
        "Button('Send')",
        "Button(Content(name))",
        "Option(Content.assemble(name, ' ', date))",
        "self.notify(sentence, markup=False)",
        "self.notify('Saved.')",
        "self.border_title = Content(name)",
        "self.tooltip = None",
        "Content.from_markup('[b]$name[/b]', name=name)",
        "Markdown(text, open_links=False)",
        "def render(self) -> Content: ...",
        "from urllib.parse import quote",
        "print(text)",
        "def render(self, variables: dict) -> str: ...",
    ],
)
def test_the_rules_let_pass(snippet):
    assert faults(snippet) == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_short_answer_does_not_wait_for_heavy_imports(option):
    """In a fresh interpreter, neither option brings in the screen, the numbers or the engine."""
    program = (
        "import sys\n"
        "from chatapp.__main__ import main\n"
        "try:\n"
        "    main([sys.argv[1]])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "heavy = {'textual', 'rich', 'numpy', 'llama_cpp', 'apsw', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, option], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "chatapp" in run.stdout
