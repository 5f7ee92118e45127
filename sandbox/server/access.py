"""Authentication and RBAC: the sandbox's own user may do anything, ServiceAccounts only what is bound to them.

A request comes from a ServiceAccount by a token from `issue`, or from any user by impersonation (`kubectl --as`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.server import failures
from sandbox.server.failures import RefusedError
from sandbox.server.store import Object, Store

_GROUP: Final = "rbac.authorization.k8s.io"
_ACCOUNT: Final = "system:serviceaccount"
_TOKEN: Final = "sandbox-account-"
_MASTERS: Final = "system:masters"
_EVERYBODY: Final = "system:authenticated"
_EVERYTHING: Final = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_READABLE: Final = {"verbs": ["get"], "nonResourceURLs": ["*"]}
"""Discovery, health and the version are open to all."""


@dataclass(frozen=True, slots=True)
class User:
    """The sender of a request."""

    name: str
    groups: tuple[str, ...]

    @property
    def unbounded(self) -> bool:
        """Whether RBAC is skipped."""
        return _MASTERS in self.groups


ADMIN: Final = User("sandbox", (_MASTERS, _EVERYBODY))


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operation to authorize; `resource` includes a subresource after a slash, `namespace` is empty for all."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def account(namespace: str, name: str) -> User:
    """Return the user of a ServiceAccount."""
    return User(f"{_ACCOUNT}:{namespace}:{name}", _groups(f"{_ACCOUNT}:{namespace}:{name}"))


def _groups(name: str) -> tuple[str, ...]:
    if not name.startswith(f"{_ACCOUNT}:"):
        return (_EVERYBODY,)
    return (f"{_ACCOUNT}s", f"{_ACCOUNT}s:{name.split(':')[2]}", _EVERYBODY)


class Access:
    """Tokens of ServiceAccounts, and the rules in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._users: dict[str, User] = {}

    def issue(self, namespace: str, name: str) -> str:
        """Return a token for a ServiceAccount."""
        token = f"{_TOKEN}{secrets.token_hex(16)}"
        self._users[token] = account(namespace, name)
        return token

    def user(self, headers: Mapping[str, str]) -> User:
        """Return the sender of a request.

        Raises:
            RefusedError: 401, for a ServiceAccount's token that was not issued; 403, when a restricted user
                impersonates another.
        """
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        user = ADMIN
        if token.startswith(_TOKEN):
            if token not in self._users:
                raise RefusedError(401, "Unauthorized")
            user = self._users[token]
        if name := headers.get("Impersonate-User"):
            if not user.unbounded:
                what = "serviceaccounts" if name.startswith(f"{_ACCOUNT}:") else "users"
                raise _refusal(user, Attempt("impersonate", "", what, name=name))
            given = headers.get("Impersonate-Group")
            user = User(name, (*_groups(name), *([given] if given else [])))
        return user

    def check(self, user: User, attempt: Attempt) -> None:
        """Raise RefusedError (403) when a user may not do it."""
        if not self.allows(user, attempt):
            raise _refusal(user, attempt)

    def allows(self, user: User, attempt: Attempt) -> bool:
        """Return whether a user may do it."""
        if user.unbounded:
            return True
        return any(_permits(rule, attempt) for rule in self.rules(user, attempt.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Object]:
        """Yield the rules that apply to a user in a namespace, or cluster-wide when it is empty."""
        if user.unbounded:
            yield _EVERYTHING
            return
        for record in self._store.collection(_GROUP, "clusterrolebindings").scan():
            yield from self._bound(user, record.object, "")
        if namespace:
            for record in self._store.collection(_GROUP, "rolebindings").scan(namespace):
                yield from self._bound(user, record.object, namespace)

    def _bound(self, user: User, binding: Object, namespace: str) -> Iterable[Object]:
        if not any(_is(user, subject, namespace) for subject in binding.get("subjects") or ()):
            return ()
        role = binding.get("roleRef") or {}
        clusterwide = role.get("kind") == "ClusterRole"
        plural, key = ("clusterroles", "") if clusterwide else ("roles", namespace)
        record = self._store.collection(_GROUP, plural).get((key, role.get("name", "")))
        return () if record is None else record.object.get("rules") or ()

    def review(self, kind: str, asked: Object, user: User) -> Object:
        """Return the status of a review: a user's rights, or the user itself."""
        spec = asked.get("spec") or {}
        if kind == "SelfSubjectReview":
            return {"userInfo": {"username": user.name, "groups": list(user.groups)}}
        if kind == "SelfSubjectRulesReview":
            found = list(self.rules(user, spec.get("namespace", "")))
            return {
                "resourceRules": [rule for rule in found if "resources" in rule],
                "nonResourceRules": [_READABLE],
                "incomplete": False,
            }
        if kind == "SubjectAccessReview" and spec.get("user"):
            groups = spec.get("groups") or _groups(spec["user"])
            user = User(spec["user"], tuple(groups))
        asks = spec.get("resourceAttributes")
        return {"allowed": asks is None or self.allows(user, _attempt(asks))}


def _attempt(asks: Object) -> Attempt:
    resource = asks.get("resource", "")
    if sub := asks.get("subresource"):
        resource = f"{resource}/{sub}"
    return Attempt(
        asks.get("verb", ""),
        asks.get("group", ""),
        resource,
        asks.get("namespace", ""),
        asks.get("name", ""),
    )


def _is(user: User, subject: Object, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "ServiceAccount":
        return user.name == f"{_ACCOUNT}:{subject.get('namespace') or namespace}:{name}"
    return name == user.name if kind == "User" else kind == "Group" and name in user.groups


def _permits(rule: Object, attempt: Attempt) -> bool:
    resources = rule.get("resources") or ()
    _, slash, sub = attempt.resource.partition("/")
    named = {"*", attempt.resource, *([f"*/{sub}"] if slash else [])}
    names = rule.get("resourceNames")
    return bool(
        {"*", attempt.verb} & set(rule.get("verbs") or ())
        and {"*", attempt.group} & set(rule.get("apiGroups") or ())
        and named & set(resources)
        and (not names or attempt.name in names)
    )


def _refusal(user: User, attempt: Attempt) -> RefusedError:
    where = (
        f'in the namespace "{attempt.namespace}"' if attempt.namespace else "at the cluster scope"
    )
    why = (
        f'User "{user.name}" cannot {attempt.verb} resource "{attempt.resource}" '
        f'in API group "{attempt.group}" {where}'
    )
    plural = attempt.resource.partition("/")[0]
    failure = failures.forbidden(attempt.group, plural, attempt.name, why)
    if not attempt.name:
        failure.message = f"{failures.qualified(attempt.group, plural)} is forbidden: {why}"
    return failure
