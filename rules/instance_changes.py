"""What becomes of the instances of a home when a setting or the book changes. Pure; part of `home_fold.py`."""

from __future__ import annotations

from ingest.record import Setting
from rules.effects import Reason
from rules.home_state import Home, belongs
from rules.instances import Instances
from rules.kinds import KINDS


def after_setting(home: Home, setting: Setting, instances: Instances) -> None:
    """Who moved away is ended, a new plan picks up what had failed, everybody else is asked again."""
    for key in sorted(home.instances):
        rule, subject = instances.rule_of(key)
        instance = home.instances[key]
        if not belongs(home.facts, rule, subject):
            instances.end(home, key, Reason("watch.moved_away"))
        elif instance.quarantined:
            plan = home.facts.plans.get(setting.setting_id.partition("/")[2])
            if setting.kind == "plan" and (plan is None or (plan.rule, plan.resident) == (rule.id, subject)):
                instances.pick_up(home, key)
        else:
            instances.check_watch(home, key)
            instances.release(home, key)


def after_book(home: Home, instances: Instances) -> None:
    """A touched rule keeps its register and its open alert, and re-arms; what became another kind begins anew.

    A rule that is gone is ended: what it has open stays for a person to close.
    """
    for key in sorted(home.instances):
        instance = home.instances[key]
        rule_id, _, subject = key.partition("/")
        rule = instances.book.rules.get(rule_id)
        if rule is None or (instance.state is not None and KINDS[rule.kind].state_type is not type(instance.state)):
            if instance.quarantined:
                reason = Reason("rule.changed", {"rule": rule_id})
                instances.observe(home, subject, "watched", reason, rule_id, str(home.now_ms))
            instances.end(home, key, Reason("rule.changed", {"rule": rule_id}))
        elif not instance.quarantined:
            instances.check_watch(home, key)
            instances.release(home, key)
        elif rule.version != instance.quarantined:
            instances.pick_up(home, key)
