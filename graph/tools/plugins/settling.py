"""Which versions of plugins are shown, when two files have a tool of one name."""

from collections.abc import Mapping

from graph.tools.plugins.loading import LoadedPlugin


def settled(
    shown: Mapping[str, LoadedPlugin], wanted: Mapping[str, LoadedPlugin]
) -> tuple[dict[str, LoadedPlugin], dict[str, str]]:
    """Return what is shown from now on by file, and the clashes by file.

    A file that is shown as it is keeps its names; then come changed ones, then new ones, each by name. A
    file that clashes goes on as it was shown, or is not shown.
    """
    now = {name: plugin for name, plugin in sorted(wanted.items()) if shown.get(name) is plugin}
    clashes = {}
    for name, plugin in sorted(wanted.items(), key=lambda pair: (pair[0] not in shown, pair[0])):
        if name in now:
            continue
        if clash := _clash(plugin, now):
            clashes[name] = clash
        for version in (plugin, shown.get(name)):
            if version is not None and not _clash(version, now):
                now[name] = version
                break
    return dict(sorted(now.items())), clashes


def _clash(plugin: LoadedPlugin, others: Mapping[str, LoadedPlugin]) -> str:
    owners = {tool.name: name for name, other in others.items() for tool in other.tools}
    twice = [f"{tool.name} (of {owners[tool.name]})" for tool in plugin.tools if tool.name in owners]
    return f"There are tools of these names already: {', '.join(twice)}." if twice else ""
