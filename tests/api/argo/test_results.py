"""Results of the federation, as v2 and v3 give them."""

from tests.api.argo.asking import read, tree

DAYS = {"start_time": "2026-03-10T00:00:00Z", "end_time": "2026-03-10T23:59:59Z"}


def get(client, path, **parameters):
    return client.get(f"/api/v2/results/dteam/{path}", DAYS | parameters)


def test_groups_stand_in_their_groups(client, federation) -> None:
    assert read(get(client, "SITES")) == {
        "results": [
            {
                "name": "France",
                "type": "NGI",
                "endpoints": [
                    {
                        "name": "QUIET",
                        "type": "SITES",
                        "results": [
                            {
                                "timestamp": "2026-03-10", "availability": "-1", "reliability": "-1", "unknown": "1",
                                "uptime": "0", "downtime": "0",
                            }
                        ],
                    }
                ],
            },
            {
                "name": "Italy",
                "type": "NGI",
                "endpoints": [
                    {
                        "name": "BAD",
                        "type": "SITES",
                        "results": [
                            {
                                "timestamp": "2026-03-10", "availability": "50", "reliability": "66.66667",
                                "unknown": "0", "uptime": "0.5", "downtime": "0.25",
                            }
                        ],
                    },
                    {
                        "name": "GOOD",
                        "type": "SITES",
                        "results": [
                            {
                                "timestamp": "2026-03-10", "availability": "100", "reliability": "100", "unknown": "0",
                                "uptime": "1", "downtime": "0",
                            }
                        ],
                    },
                ],
            },
        ]
    }  # fmt: skip


def test_groups_of_groups_are_the_mean_of_their_groups(client, federation) -> None:
    found = read(get(client, "NGI/Italy"))["results"]
    assert found == [
        {
            "name": "Italy",
            "type": "NGI",
            "results": [{"timestamp": "2026-03-10", "availability": "75", "reliability": "83.333335"}],
        }
    ]


def test_v3_nests_groups_in_their_groups(client, federation) -> None:
    found = read(client.get("/api/v3/results/dteam", DAYS | {"granularity": "monthly"}))["results"]
    assert [(each["name"], [group["name"] for group in each["groups"]]) for each in found] == [
        ("France", ["QUIET"]), ("Italy", ["BAD", "GOOD"]),
    ]  # fmt: skip
    assert found[1]["groups"][0]["results"] == [
        {
            "date": "2026-03", "availability": "49.99999950000001", "reliability": "66.6666657777778", "unknown": "0",
            "uptime": "0.5", "downtime": "0.25",
        }
    ]  # fmt: skip


def test_services_and_endpoints_of_a_group(client, federation) -> None:
    for path in ("", "NGI/Italy/"):
        services = read(get(client, f"{path}SITES/BAD/services/CE"))["results"]
        assert services[0]["serviceflavors"][0]["results"][0]["availability"] == "50"
        found = read(get(client, f"{path}SITES/BAD/services/CE/endpoints"))["results"][0]
        endpoint = found["serviceflavors"][0]["endpoints"][0]
        assert (found["name"], endpoint["name"], endpoint["type"]) == ("BAD", "ce.bad.example", "endpoint")
        assert endpoint["info"] == {"ID": federation.services["BAD"].key, "URL": "https://ce.bad.example/"}


def test_xml_by_accept(client, federation) -> None:
    answer = client.get("/api/v2/results/dteam/SITES/BAD", DAYS, headers={"Accept": "application/xml"})
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    results = tree(answer)[0][0][0]
    assert (results.tag, results.attrib["reliability"]) == ("results", "66.66667")
