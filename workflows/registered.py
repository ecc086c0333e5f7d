"""The same workflow under each bundle's own type name, so that operators can find, filter and version them apart."""

from typing import Any, Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import News
    from domain.catalogue import catalogue
    from workflows.life_event_bundle import LifeEventBundle


def _registered(workflow_type: str) -> type[LifeEventBundle]:
    def __init__(self: LifeEventBundle, opening: News) -> None:  # noqa: N807  # the method of the class made below
        LifeEventBundle.__init__(self, opening)

    async def run(self: LifeEventBundle, opening: News) -> str:
        return await self.see_through()

    def events_happened(self: LifeEventBundle, news: News) -> None:
        self.hear(news)

    for method in (__init__, run, events_happened):
        # The SDK refuses methods of a local class, which it knows by this name.
        method.__qualname__ = f"{workflow_type}.{method.__name__}"
        # It also counts an annotated self as an argument to decode.
        del method.__annotations__["self"]
    made = type(
        workflow_type,
        (LifeEventBundle,),
        {
            "__init__": workflow.init(__init__),
            "run": workflow.run(run),
            "events_happened": workflow.signal(events_happened),
            "__module__": __name__,
        },
    )
    return workflow.defn(name=workflow_type)(made)


WORKFLOWS: Final[dict[str, type[Any]]] = {name: _registered(name) for name in catalogue().workflow_types()}
"""Workflow type -> class, for every declared bundle."""

# The sandbox looks a workflow up by its name in its module.
globals().update(WORKFLOWS)
