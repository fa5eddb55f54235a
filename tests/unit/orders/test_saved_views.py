"""Lists of orders are kept by name: own ones are their owner's alone, shared ones the seller's."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from services.orders.commands.saved_views import MOST_VIEWS, forget_views
from services.orders.models import SavedView
from services.orders.queries import saved_views as queries
from shared.access import Actor
from tests.plans import plans

GIFTS = {"name": "Gifts", "query": "status=placed&tag=gift&tag=fragile&sort=due_at"}
DOCK = {"sellers": ["dock"]}
READS = {"scopes": ["orders:read"]}


@pytest.fixture
def views(client, bearer):
    """Calls on saved views."""

    class Views:
        def call(self, method, path="/v1/views", body=None, if_match=None, **claims):
            headers = bearer(**claims) | ({"If-Match": if_match} if if_match else {})
            return client.open(path, method=method, json=body, headers=headers)

        def save(self, body=GIFTS, **claims):
            answer = self.call("POST", body=body, **claims)
            assert answer.status_code == 201, answer.json
            return answer

        def share(self, view, seller="quay", **claims):
            return self.call("POST", f"/v1/views/{view['view_id']}/share", {"seller": seller}, **claims)

        def own(self, **claims):
            return [view["name"] for view in self.call("GET", **claims).json]

        def shared(self, **claims):
            answer = self.call("GET", "/v1/shared-views", **claims)
            return [view["name"] for view in answer.json["items"]]

    return Views()


@pytest.mark.requirement("P-28")
def test_a_view_is_kept_and_its_query_asks_the_list_the_same(views, client, bearer, place_order):
    wanted = place_order(external_reference="SHOP 1")
    client.post(f"/v1/orders/{wanted.id}/tags", json={"add": ["gift", "fragile"]}, headers=bearer())
    place_order()

    saved = views.save({"name": "Gifts", "query": "tag=gift&tag=fragile&search=shop+1&sort=total_minor"})

    [kept] = views.call("GET").json
    assert kept == saved.json | {"version": 1}
    assert saved.headers["ETag"] == '"1"'
    found = client.get(f"/v1/orders?{kept['query']}", headers=bearer())
    assert [order["number"] for order in found.json["items"]] == [wanted.number]


@pytest.mark.requirement("P-28")
def test_an_own_view_is_its_owners_alone(views):
    own = views.save(**READS)
    path = f"/v1/views/{own.json['view_id']}"

    assert views.own(subject="cleo") == views.shared(subject="cleo") == []
    assert views.call("PATCH", path, {"name": "Mine"}, subject="cleo").status_code == 404
    assert views.call("DELETE", path, subject="cleo").status_code == 404
    assert views.share(own.json, subject="cleo").status_code == 404
    assert views.own(**READS) == ["Gifts"]
    assert views.call("DELETE", path, **READS).status_code == 204
    assert views.own() == []


def test_two_people_of_one_name_by_two_issuers_each_have_their_own(session, views):
    views.save()
    other = Actor(name="tess", issuer="https://elsewhere.example", sellers=frozenset({"*"}))
    session.info["actor"] = other

    assert queries.all_own(session) == []


@pytest.mark.requirement("P-28")
def test_a_shared_view_is_the_sellers_and_whoever_may_share_changes_it(views):
    own = views.save().json
    shared = views.share(own)
    path = f"/v1/shared-views/{own['view_id']}"
    assert (shared.status_code, shared.json["seller"], shared.json["created_by"]) == (200, "quay", "tess")
    assert views.own() == []
    assert views.shared(subject="cleo", sellers=["quay"], **READS) == ["Gifts"]

    reader = views.call("PATCH", path, {"name": "X"}, subject="cleo", **READS)
    stranger = views.call("PATCH", path, {"name": "X"}, subject="cleo", **DOCK)
    changed = views.call("PATCH", path, {"name": "Presents"}, subject="cleo", sellers=["quay"])

    assert (reader.status_code, stranger.status_code, changed.status_code) == (403, 404, 200)
    assert views.shared(**DOCK) == []
    assert (changed.json["name"], changed.json["query"], changed.json["updated_by"]) == (
        "Presents",
        GIFTS["query"],
        "cleo",
    )
    assert views.call("DELETE", path, **READS).status_code == 403
    assert views.call("DELETE", path, **DOCK).status_code == 404
    assert views.call("DELETE", path, subject="cleo").status_code == 204
    assert views.shared() == []


def test_sharing_wants_a_seller_that_one_sees(views):
    own = views.save(**DOCK).json

    for seller in ("quay", "nobody"):
        refused = views.share(own, seller, **DOCK)
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "seller")
    assert views.own() == ["Gifts"]


@pytest.mark.requirement("P-26")
def test_a_view_that_was_changed_meanwhile_is_left_alone(views):
    own = views.save()
    path, seen = f"/v1/views/{own.json['view_id']}", own.headers["ETag"]
    changed = views.call("PATCH", path, {"query": "status=placed"}, seen)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')

    assert views.call("PATCH", path, {"name": "Late"}, seen).status_code == 412
    assert views.call("DELETE", path, if_match=seen).status_code == 412
    assert views.call("POST", f"{path}/share", {"seller": "quay"}, seen).status_code == 412
    assert views.own() == ["Gifts"]
    same = views.call("PATCH", path, {"name": "Gifts"}, changed.headers["ETag"])
    assert same.headers["ETag"] == '"2"'


def test_what_the_list_would_refuse_is_not_saved_and_is_named(views):
    wrong = {
        "status=gone": "query.status.0",
        "colour=red": "query.colour",
        "cursor=abc": "query.cursor",
        "limit=5": "query.limit",
        "sort=name": "query.sort",
        "placed_from=2026-02-02&placed_to=2026-02-01": "query.placed_to",
        "tag=%00": "query.tag.0",
        "tag=%ff": "query",
        "status": "query",
        "&".join(["tag=a"] * 201): "query",
        "&".join(f"tag={'a' * 200}{at}" for at in range(11)): "query",
        "search=" + "a" * 2000: "query.search",
    }

    refused = {query: views.call("POST", body={"name": "Wrong", "query": query}) for query in wrong}

    assert {query: answer.status_code for query, answer in refused.items()} == dict.fromkeys(wrong, 422)
    assert {query: answer.json["errors"][0]["field"] for query, answer in refused.items()} == wrong
    assert views.own() == []


@pytest.mark.parametrize(
    "body",
    [{}, {"name": " "}, {"name": "x" * 61, "query": ""}, GIFTS | {"seller": "quay"}, GIFTS | {"name": 1}],
)
def test_a_view_has_a_name_of_some_length_and_nothing_else(views, body):
    refused = views.call("POST", body=body)

    assert (refused.status_code, bool(refused.json["errors"])) == (422, True)


@pytest.mark.requirement("C-05")
def test_a_view_whose_filter_the_list_takes_no_more_is_shown_renamed_and_deleted(
    views, session, client, bearer
):
    own = views.save().json
    gone = "status=mislaid&colour=red"
    session.execute(update(SavedView).values(query=gone))
    path = f"/v1/views/{own['view_id']}"

    assert [view["query"] for view in views.call("GET").json] == [gone]
    assert client.get(f"/v1/orders?{gone}", headers=bearer()).status_code == 422
    renamed = views.call("PATCH", path, {"name": "Old"})
    assert (renamed.status_code, renamed.json["query"]) == (200, gone)
    assert views.share(own).status_code == 200
    assert views.call("DELETE", f"/v1/shared-views/{own['view_id']}").status_code == 204


def test_names_are_told_apart_by_person_and_by_seller(views):
    views.save()
    first = views.save({"name": "Café", "query": ""}).json

    taken = views.call("POST", body={"name": "CAFE", "query": ""})
    renamed = views.call("PATCH", f"/v1/views/{first['view_id']}", {"name": "gifts"})
    assert (taken.status_code, taken.json["reason"]) == (409, "name_taken")
    assert (renamed.status_code, renamed.json["reason"]) == (409, "name_taken")

    theirs = views.save(subject="cleo").json
    assert views.share(theirs, subject="cleo").status_code == 200
    [mine] = [view for view in views.call("GET").json if view["name"] == "Gifts"]
    refused = views.share(mine)
    assert (refused.status_code, refused.json["reason"]) == (409, "name_taken")
    assert views.share(mine, "dock").status_code == 200
    assert views.own() == ["Café"]


def test_nobody_has_more_than_fifty(views):
    saved = [views.save({"name": f"View {at}", "query": ""}).json for at in range(MOST_VIEWS)]

    refused = views.call("POST", body=GIFTS)

    assert (refused.status_code, refused.json["reason"]) == (409, "too_many_views")
    assert len(views.own()) == 50
    for view in saved:
        assert views.share(view).status_code == 200
    over = views.share(views.save().json)
    assert (over.status_code, over.json["reason"]) == (409, "too_many_views")


def test_shared_views_come_in_pages_by_seller_and_name(views):
    for seller, name in [("quay", "b"), ("quay", "A"), ("dock", "c")]:
        views.share(views.save({"name": name, "query": ""}).json, seller)

    names, cursor = [], ""
    while cursor is not None:
        page = views.call("GET", f"/v1/shared-views?limit=1{cursor and f'&cursor={cursor}'}").json
        names += [view["name"] for view in page["items"]]
        cursor = page["next"]

    assert names == ["c", "A", "b"]
    assert views.shared(sellers=["quay"]) == ["A", "b"]


def test_a_kept_answer_saves_a_view_once(views, client, bearer):
    headers = bearer() | {"Idempotency-Key": "once"}

    answers = [client.post("/v1/views", json=GIFTS, headers=headers) for _ in range(2)]

    assert answers[0].json == answers[1].json
    assert views.own() == ["Gifts"]


def test_two_that_save_the_same_name_at_once_make_one_view(sessions, committing_client, bearer):
    barrier, statuses = threading.Barrier(4), []

    def save():
        client = committing_client.application.test_client()
        barrier.wait(10)
        statuses.append(client.post("/v1/views", json=GIFTS, headers=bearer()).status_code)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(statuses) == [201, 409, 409, 409]


def test_views_of_who_has_gone_are_deleted_and_what_they_shared_stays(session, views):
    views.share(views.save().json)
    views.save()
    views.save(subject="cleo")

    forgotten = forget_views(session, "tess")

    assert forgotten == 1
    assert (views.own(), views.own(subject="cleo"), views.shared()) == ([], ["Gifts"], ["Gifts"])


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queries.own_views, "uq_saved_views_owner_owner_issuer_name_folded"),
        (
            lambda session: queries.SHARED_VIEWS.where(SavedView.seller_code == "quay"),
            "uq_saved_views_seller_code_name_folded",
        ),
        (lambda _: select(SavedView).where(SavedView.said.like("%quill%")), "ix_saved_views_said"),
    ],
    ids=["own", "shared", "named"],
)
def test_views_are_found_by_an_index(session, statement, index):
    session.info["actor"] = Actor(name="tess", issuer="x", sellers=frozenset({"quay"}))

    with plans(session) as seen:
        session.execute(statement(session))

    [plan] = seen
    assert index in plan


def test_an_unknown_view_is_not_there(views):
    for path in ("/v1/views", "/v1/shared-views"):
        assert views.call("PATCH", f"{path}/{uuid4()}", {"name": "X"}).status_code == 404
        assert views.call("DELETE", f"{path}/{uuid4()}").status_code == 404
