"""YAML as the rendered files have it: keys in the order they were put, lists indented, no aliases."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dump_document(document: Any) -> str:
    """The YAML text of one document made of dicts, lists, strings, numbers and booleans."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return text
