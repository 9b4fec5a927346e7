"""The verbs that write: create, update, patch, apply and delete, with their preconditions."""

import random
import string
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address

from deploy.local.kubernetes import errors, identity
from deploy.local.kubernetes.apply import apply
from deploy.local.kubernetes.defaults import complete
from deploy.local.kubernetes.errors import ApiError, Cause
from deploy.local.kubernetes.kinds import LEASES, NAMESPACES, SERVICES, Json, Kind
from deploy.local.kubernetes.options import Answer, WriteOptions
from deploy.local.kubernetes.ownership import (
    APPLY,
    UPDATE,
    Manager,
    Owners,
    after_update,
    owners_of,
    with_owners,
)
from deploy.local.kubernetes.schema import schema_of, settled
from deploy.local.kubernetes.shape import check_declared, check_decoded, check_patched
from deploy.local.kubernetes.store import Store
from deploy.local.kubernetes.validation import validate, validate_update

_SERVICE_RANGE = IPv4Address("10.96.0.0")
_FROM_LIVE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "generateName",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)


def now() -> str:
    """Return the time as metadata says it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """Writes to a store as the API server's handlers do them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return an object that must be there."""
        stored = self.store.get(kind, namespace, name)
        if stored is None:
            raise errors.not_found(kind, name)
        return stored

    def create(self, kind: Kind, namespace: str, body: Json, options: WriteOptions) -> Answer:
        """Create an object that must not be there."""
        identity.check_type(kind, body)
        body, warnings = check_decoded(kind, body, options.field_validation)
        metadata = dict(identity.metadata_of(body))
        identity.check_place(kind, namespace, metadata)
        if metadata.get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self._require_namespace(kind, namespace)
        metadata["name"] = _chosen_name(kind, metadata)
        author = Manager(options.manager, UPDATE, kind.api_version)
        made = self._made(kind, namespace, body | {"metadata": metadata})
        if self.store.get(kind, namespace, metadata["name"]) is not None:
            raise errors.already_exists(kind, metadata["name"])
        # A status nobody wrote has no owner.
        written = {key: value for key, value in made.items() if key != "status"}
        owners = after_update(kind, None, written, {}, author)
        return Answer(201, self._stored(kind, made, owners, options), tuple(warnings))

    def replace(
        self, kind: Kind, namespace: str, name: str, body: Json, options: WriteOptions
    ) -> Answer:
        """Update an object to what the body says."""
        identity.check_type(kind, body)
        body, warnings = check_decoded(kind, body, options.field_validation)
        metadata = identity.metadata_of(body)
        identity.check_place(kind, namespace, metadata)
        identity.check_name(name, metadata)
        live = self.get(kind, namespace, name)
        if kind is LEASES and not metadata.get("resourceVersion"):
            why = "Invalid value: 0x0: must be specified for an update"
            cause = Cause("FieldValueInvalid", "metadata.resourceVersion", why)
            raise errors.invalid(kind.full_name, name, [cause])
        uid = live["metadata"]["uid"]
        if metadata.get("uid") not in (None, "", uid):
            raise errors.conflict(
                kind,
                name,
                f"Precondition failed: UID in precondition: {metadata['uid']}, "
                f"UID in object meta: {uid}",
            )
        return Answer(200, self._update(kind, live, body, options), tuple(warnings))

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Json], Json],
        options: WriteOptions,
    ) -> Answer:
        """Update an object to what the patch makes of it."""
        live = self.get(kind, namespace, name)
        patched = change(live)
        check_patched(kind, patched)
        identity.check_type(kind, patched)
        patched, warnings = check_decoded(kind, patched, options.field_validation)
        metadata = identity.metadata_of(patched)
        identity.check_place(kind, namespace, metadata)
        identity.check_name(name, metadata)
        _check_uid(kind, live, metadata)
        return Answer(200, self._update(kind, live, patched, options), tuple(warnings))

    def apply(
        self, kind: Kind, namespace: str, name: str, declared: Json, options: WriteOptions
    ) -> Answer:
        """Create the object, or own the fields the body names."""
        identity.require_manager(options.manager)
        identity.check_declared_type(kind, declared)
        metadata = identity.metadata_of(declared)
        if metadata.get("managedFields") is not None:
            raise errors.bad_request("metadata.managedFields must be nil")
        identity.check_place(kind, namespace, metadata)
        identity.check_name(name, metadata)
        check_declared(kind, namespace, name, declared)
        ours = settled(schema_of(kind), _own_half(kind, declared, options.subresource))
        author = Manager(options.manager, APPLY, kind.api_version, options.subresource)
        live = self.store.get(kind, namespace, name)
        if live is None:
            return self._apply_new(kind, namespace, ours, author, options)
        _check_uid(kind, live, metadata)
        merged, owners = apply(kind, live, owners_of(live), ours, author, force=options.force)
        version = metadata.get("resourceVersion") or live["metadata"]["resourceVersion"]
        merged = merged | {"metadata": merged["metadata"] | {"resourceVersion": version}}
        return Answer(200, self._update(kind, live, merged, options, owners))

    def _apply_new(
        self, kind: Kind, namespace: str, declared: Json, author: Manager, options: WriteOptions
    ) -> Answer:
        metadata = declared["metadata"]
        name = metadata["name"]
        if options.subresource:
            raise errors.not_found(kind, name)
        if metadata.get("uid"):
            raise errors.conflict(
                kind,
                name,
                f"uid mismatch: the provided object specified uid {metadata['uid']}, "
                "and no existing object was found",
            )
        self._require_namespace(kind, namespace)
        merged, owners = apply(kind, {}, {}, declared, author, force=True)
        made = self._made(kind, namespace, merged)
        return Answer(201, self._stored(kind, made, owners, options))

    def _made(self, kind: Kind, namespace: str, given: Json) -> Json:
        """Return a valid new object, not yet stored."""
        metadata = {
            key: value
            for key, value in given["metadata"].items()
            if key not in _FROM_LIVE or key in ("name", "generateName")
        }
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if kind.namespaced:
            metadata["namespace"] = namespace
        if kind.has_generation:
            metadata["generation"] = 1
        spec_only = {key: value for key, value in given.items() if key != "status"}
        made = complete(kind, spec_only | {"metadata": metadata})
        validate(kind, made)
        if kind is SERVICES and not made["spec"].get("clusterIP"):
            # 0 is the range's own address.
            address = str(_SERVICE_RANGE + 1 + self.store.revision % 65_534)
            made["spec"] |= {"clusterIP": address, "clusterIPs": [address]}
        return made

    def _stored(self, kind: Kind, made: Json, owners: Owners, options: WriteOptions) -> Json:
        owned = with_owners(made, owners, None, now())
        return owned if options.dry_run else self.store.put(kind, owned)

    def _update(
        self,
        kind: Kind,
        live: Json,
        proposed: Json,
        options: WriteOptions,
        owners: Owners | None = None,
    ) -> Json:
        """Store what is proposed, unless that changes nothing."""
        current = live["metadata"]["resourceVersion"]
        if proposed["metadata"].get("resourceVersion") not in (None, "", current):
            raise errors.conflict(kind, live["metadata"]["name"])
        after = complete(kind, _within_rights(kind, live, proposed, options.subresource))
        if kind is SERVICES:
            after["spec"] = _same_address(live["spec"]) | after["spec"]
        validate(kind, after)
        validate_update(kind, live, after)
        if kind.has_generation and after["spec"] != live["spec"]:
            after["metadata"]["generation"] += 1
        if owners is None:
            author = Manager(options.manager, UPDATE, kind.api_version, options.subresource)
            owners = after_update(kind, live, after, owners_of(live), author)
        after = with_owners(after, owners, live, now())
        if after == live:
            return live
        if _may_go(after["metadata"]) and not options.dry_run:
            self.store.remove(kind, after)
            return after
        return after if options.dry_run else self.store.put(kind, after)

    def _require_namespace(self, kind: Kind, namespace: str) -> None:
        if kind.namespaced and self.store.get(NAMESPACES, "", namespace) is None:
            raise errors.not_found(NAMESPACES, namespace)


def _chosen_name(kind: Kind, metadata: Json) -> str:
    if metadata.get("name"):
        return str(metadata["name"])
    if metadata.get("generateName"):
        letters = random.choices(string.ascii_lowercase + string.digits, k=5)
        return str(metadata["generateName"]) + "".join(letters)
    why = "Required value: name or generateName is required"
    raise errors.invalid(kind.full_name, "", [Cause("FieldValueRequired", "metadata.name", why)])


def _may_go(metadata: Json) -> bool:
    """Return whether the last finalizer has left an object that was deleted."""
    return metadata.get("deletionGracePeriodSeconds") == 0 and not metadata.get("finalizers")


def _same_address(spec: Json) -> Json:
    return {key: spec[key] for key in ("clusterIP", "clusterIPs") if key in spec}


def _check_uid(kind: Kind, live: Json, metadata: Json) -> None:
    """Refuse a patch that is meant for an earlier object of this name."""
    if metadata.get("uid") not in (None, "", live["metadata"]["uid"]):
        why = f'Invalid value: "{metadata["uid"]}": field is immutable'
        cause = Cause("FieldValueInvalid", "metadata.uid", why)
        raise errors.invalid(kind.full_name, live["metadata"]["name"], [cause])


def _own_half(kind: Kind, declared: Json, subresource: str) -> Json:
    """Return what this endpoint may own: the status or everything else, without nulls."""
    other = "spec" if subresource else "status" if kind.has_status else ""
    return {
        key: _without_nulls(value)
        for key, value in declared.items()
        if key != other and value is not None
    }


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return value


def _within_rights(kind: Kind, live: Json, proposed: Json, subresource: str) -> Json:
    """Return the proposal with everything this endpoint may not touch as it was."""
    metadata = {
        key: value for key, value in proposed["metadata"].items() if key not in _FROM_LIVE
    } | {key: live["metadata"][key] for key in _FROM_LIVE if key in live["metadata"]}
    allowed = proposed | {"metadata": metadata}
    other = "spec" if subresource else "status" if kind.has_status else ""
    allowed.pop(other, None)
    return allowed | ({other: live[other]} if other in live else {})
