"""The aim of a scan of one object, read from the state: a scan itself reads none."""

from producers.aim import Aim, Known, aim_at
from producers.plan import Plan, load_plan
from projections.inventory import Ref
from schemas.errors import BadInput
from schemas.vocabulary import ENVIRONMENT, OBJECT_TYPES
from streams.past import Past
from streams.questions import check_object_type, id_of


def named(past: Past | None, wanted: tuple[str, str] | None, plan: Plan | None = None) -> Ref | None:
    """Answer the object that somebody names by id, or by a name that one object of the type has.

    One that is not known may be new: it is taken for an id. None: the whole environment is meant. Raises BadInput for
    one that no fetch of the plan finds, naming the nearest above it that one does.
    """
    if wanted is None or wanted[0] == ENVIRONMENT:
        return None
    check_object_type(wanted[0])
    plan = plan or load_plan()
    if past is None:
        return _scannable(Ref(*wanted), plan)
    return _scannable(Ref(wanted[0], id_of(past, *wanted)), plan, past)


def aim(past: Past | None, ref: Ref) -> Aim:
    """Answer the aim at an object, from all that is known."""
    if past is None:
        return Aim(*ref)
    known = (Known(*obj.ref, *obj.parent, scope) for obj, scope in past.sightings())
    return aim_at(*ref, known, load_plan())


def _scannable(ref: Ref, plan: Plan, past: Past | None = None) -> Ref:
    """Refuse an object that no fetch finds, naming the nearest one above that can be scanned."""
    if plan.finders(ref.type):
        return ref
    raise BadInput(f"{ref.type} {ref.id}: no scan looks for a {ref.type} by itself; scan {_above(ref, plan, past)}")


def _above(ref: Ref, plan: Plan, past: Past | None) -> str:
    obj = None if past is None else past.get(ref)
    while obj is not None and past is not None and obj.parent.type != ENVIRONMENT:
        if plan.finders(obj.parent.type):
            return f"{obj.parent.type} {obj.parent.id} instead"
        obj = past.get(obj.parent)
    parents = [name for name in OBJECT_TYPES[ref.type].parents if plan.finders(name)]
    return f"the {' or '.join(parents)} that it is in instead" if parents else "the environment instead"
