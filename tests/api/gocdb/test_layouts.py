"""Each method, element by element: names, order, attributes, what stands there empty and what is left out."""

import zlib

import pytest

from tests.api.gocdb.asking import PRIVATE, ask, shape, shapes
from tests.builders import a_service, a_service_group, a_service_type, a_site, a_user, an_endpoint, an_ngi

pytestmark = pytest.mark.django_db

ROOT = "http://testserver"


def number(text):
    return zlib.crc32(text.encode())


def items(root):
    return [shape(child) for child in root]


def test_access_test_says_as_whom_one_is_known(reader):
    root = ask(reader, "access_test", PRIVATE)

    assert shape(root) == ("results", [("identifier", "reader")], [("authorized", [], "true")])


def test_get_site_with_every_field(reader, full):
    expected = shapes(f"""
      <SITE ID="{full.site.pk}" PRIMARY_KEY="2G0" NAME="ALPHA">
        <PRIMARY_KEY>2G0</PRIMARY_KEY><SHORT_NAME>ALPHA</SHORT_NAME><OFFICIAL_NAME>The Alpha Site</OFFICIAL_NAME>
        <SITE_DESCRIPTION>R&amp;D &lt;here&gt;</SITE_DESCRIPTION><GOCDB_PORTAL_URL>{ROOT}/sites/2G0/</GOCDB_PORTAL_URL>
        <HOME_URL>http://alpha.example.org/?a=1&amp;b=2</HOME_URL><CONTACT_EMAIL>c@example.org</CONTACT_EMAIL>
        <CONTACT_TEL>+41 1</CONTACT_TEL><ALARM_EMAIL>a@example.org</ALARM_EMAIL>
        <GIIS_URL>ldap://b.example.org:2170/o=grid</GIIS_URL><TIER>2</TIER><COUNTRY_CODE>CH</COUNTRY_CODE>
        <COUNTRY>Switzerland</COUNTRY><ROC>NGI_CH</ROC><SUBGRID>Swiss sub-grid</SUBGRID>
        <PRODUCTION_INFRASTRUCTURE>Production</PRODUCTION_INFRASTRUCTURE>
        <CERTIFICATION_STATUS>Certified</CERTIFICATION_STATUS><TIMEZONE>Europe/Zurich</TIMEZONE>
        <LATITUDE>47.360389</LATITUDE><LONGITUDE>-8</LONGITUDE><CSIRT_EMAIL>s@example.org</CSIRT_EMAIL>
        <NOTIFICATIONS>TRUE</NOTIFICATIONS><DOMAIN><DOMAIN_NAME>example.org</DOMAIN_NAME></DOMAIN>
        <SITE_IP>192.0.2.0/255.255.255.0</SITE_IP><SITE_IPV6>2001:db8::/32</SITE_IPV6>
        <SCOPES><SCOPE>EGI</SCOPE><SCOPE>wlcg</SCOPE></SCOPES>
        <EXTENSIONS>
          <EXTENSION><LOCAL_ID>{number("2G0/P4U")}</LOCAL_ID><KEY>P4U</KEY><VALUE>2.5</VALUE></EXTENSION>
          <EXTENSION><LOCAL_ID>{number("2G0/VO")}</LOCAL_ID><KEY>VO</KEY><VALUE>atlas</VALUE></EXTENSION>
        </EXTENSIONS>
      </SITE>""")

    assert items(ask(reader, "get_site", PRIVATE)) == expected


def test_get_site_leaves_out_what_is_empty_and_keeps_what_readers_look_for(reader):
    site = a_site(name="BARE", key="3G0", timezone="", certification="Candidate", infrastructure="Test")

    assert items(ask(reader, "get_site", PRIVATE)) == shapes(f"""
      <SITE ID="{site.pk}" PRIMARY_KEY="3G0" NAME="BARE">
        <PRIMARY_KEY>3G0</PRIMARY_KEY><SHORT_NAME>BARE</SHORT_NAME>
        <GOCDB_PORTAL_URL>{ROOT}/sites/3G0/</GOCDB_PORTAL_URL>
        <COUNTRY_CODE/><COUNTRY/><ROC>{site.ngi.name}</ROC><PRODUCTION_INFRASTRUCTURE>Test</PRODUCTION_INFRASTRUCTURE>
        <CERTIFICATION_STATUS>Candidate</CERTIFICATION_STATUS><NOTIFICATIONS>FALSE</NOTIFICATIONS><DOMAIN/>
        <SCOPES/><EXTENSIONS/>
      </SITE>""")


def test_a_site_on_the_equator_keeps_its_latitude(reader):
    a_site(latitude=0.0, longitude=1e-05)

    (site,) = ask(reader, "get_site", PRIVATE)

    assert (site.findtext("LATITUDE"), site.findtext("LONGITUDE")) == ("0", "0.00001")


def test_get_site_list_is_attributes_alone(client, full):
    assert items(ask(client, "get_site_list")) == shapes(
        f'<SITE ID="{full.site.pk}" PRIMARY_KEY="2G0" NAME="ALPHA" COUNTRY="Switzerland" COUNTRY_CODE="CH" '
        'ROC="NGI_CH" SUBGRID="Swiss sub-grid" GIIS_URL="ldap://b.example.org:2170/o=grid"/>'
    )


def test_get_site_list_keeps_attributes_that_are_empty(client):
    site = a_site(name="BARE", key="3G0")

    assert items(ask(client, "get_site_list")) == shapes(
        f'<SITE ID="{site.pk}" PRIMARY_KEY="3G0" NAME="BARE" COUNTRY="" COUNTRY_CODE="" ROC="{site.ngi.name}" '
        'SUBGRID="" GIIS_URL=""/>'
    )


CONTACT = """<CONTACT USER_ID="{user}G0" PRIMARY_KEY="{key}"><FORENAME>Ann</FORENAME><SURNAME>Lee</SURNAME>
  <TITLE>Dr</TITLE><EMAIL>ann@example.org</EMAIL><TEL>+41 3</TEL>{hours}<CERTDN>/C=CH/CN=Ann Lee</CERTDN>
  <ROLE_NAME>{role}</ROLE_NAME></CONTACT>"""


def contact(full, role, hours=""):
    return CONTACT.format(user=full.person.pk, key=full.person.key, role=role, hours=hours)


def test_get_site_contacts(officer, full):
    assert items(ask(officer, "get_site_contacts", PRIVATE)) == shapes(
        f'<SITE ID="{full.site.pk}G0" PRIMARY_KEY="2G0" NAME="ALPHA"><PRIMARY_KEY>2G0</PRIMARY_KEY>'
        f"<SHORT_NAME>ALPHA</SHORT_NAME>{contact(full, 'Site Administrator')}</SITE>"
    )


def test_get_site_security_info(reader, full):
    assert items(ask(reader, "get_site_security_info", PRIVATE)) == shapes(
        f'<SITE ID="{full.site.pk}G0" PRIMARY_KEY="2G0" NAME="ALPHA"><PRIMARY_KEY>2G0</PRIMARY_KEY>'
        "<SHORT_NAME>ALPHA</SHORT_NAME><CSIRT_EMAIL>s@example.org</CSIRT_EMAIL><CSIRT_TEL>+41 2</CSIRT_TEL></SITE>"
    )


def test_get_site_count_per_country_counts_by_name_in_any_case(client, full):
    a_site(country="Switzerland")
    a_site(country="austria")
    a_site(country="Austria")
    a_site()

    assert items(ask(client, "get_site_count_per_country", scope="")) == shapes(
        "<SITE><COUNTRY>Austria</COUNTRY><COUNT>1</COUNT></SITE><SITE><COUNTRY>austria</COUNTRY><COUNT>1</COUNT></SITE>"
        "<SITE><COUNTRY>Switzerland</COUNTRY><COUNT>2</COUNT></SITE>"
    )


def test_get_roc_list(client, full):
    an_ngi(key="8G0", name="NGI_SI")

    assert items(ask(client, "get_roc_list")) == shapes(
        '<ROC PRIMARY_KEY="7G0" ROC_NAME="NGI_CH"/><ROC PRIMARY_KEY="8G0" ROC_NAME="NGI_SI"/>'
    )


def test_get_roc_contacts(officer, full):
    assert items(ask(officer, "get_roc_contacts", PRIVATE)) == shapes(
        f'<ROC ID="{full.ngi.pk}" ROC_NAME="NGI_CH"><ROCNAME>NGI_CH</ROCNAME>'
        "<MAIL_CONTACT>ngi@example.org</MAIL_CONTACT>"
        f"<GOCDB_PORTAL_URL>{ROOT}/registry/regions/7G0/</GOCDB_PORTAL_URL>"
        f"{contact(full, 'NGI Operations Manager')}</ROC>"
    )


def test_get_ngi(reader, full):
    a_site(ngi=full.ngi, certification="Closed")

    assert items(ask(reader, "get_ngi", PRIVATE)) == shapes(f"""
      <NGI ID="{full.ngi.pk}" NAME="NGI_CH"><PRIMARY_KEY>7G0</PRIMARY_KEY><NAME>NGI_CH</NAME>
        <OBJECT_ID>{full.ngi.pk}</OBJECT_ID><DESCRIPTION>An NGI</DESCRIPTION><EMAIL>ngi@example.org</EMAIL>
        <GGUS_SU>SU CH</GGUS_SU><ROD_EMAIL>rod@example.org</ROD_EMAIL><HELPDESK_EMAIL>help@example.org</HELPDESK_EMAIL>
        <SECURITY_EMAIL>sec@example.org</SECURITY_EMAIL><SITE_COUNT>2</SITE_COUNT>
        <SCOPES><SCOPE>EGI</SCOPE></SCOPES></NGI>""")


def test_get_ngi_keeps_what_is_empty(reader):
    ngi = an_ngi(name="BARE", key="9G0")

    assert items(ask(reader, "get_ngi", PRIVATE)) == shapes(f"""
      <NGI ID="{ngi.pk}" NAME="BARE"><PRIMARY_KEY>9G0</PRIMARY_KEY><NAME>BARE</NAME><OBJECT_ID>{ngi.pk}</OBJECT_ID>
        <DESCRIPTION/><EMAIL/><GGUS_SU/><ROD_EMAIL/><HELPDESK_EMAIL/><SECURITY_EMAIL/><SITE_COUNT>0</SITE_COUNT>
        <SCOPES/></NGI>""")


def test_get_subgrid_list_names_each_once_a_region(client, full):
    a_site(ngi=full.ngi, subgrid="Swiss sub-grid")
    other = a_site(subgrid="Swiss sub-grid")
    expected = shapes(
        f'<SUBGRID PRIMARY_KEY="{number("7G0/Swiss sub-grid")}G0" SUBGRID_NAME="Swiss sub-grid" PARENT_ROC="NGI_CH"/>'
        f'<SUBGRID PRIMARY_KEY="{number(f"{other.ngi.key}/Swiss sub-grid")}G0" SUBGRID_NAME="Swiss sub-grid" '
        f'PARENT_ROC="{other.ngi.name}"/>'
    )

    assert sorted(items(ask(client, "get_subgrid_list"))) == sorted(expected)


SERVICE = """
  <SERVICE_ENDPOINT PRIMARY_KEY="14G0">
    <PRIMARY_KEY>14G0</PRIMARY_KEY><HOSTNAME>ce.example.org</HOSTNAME>
    <GOCDB_PORTAL_URL>http://testserver/services/14G0/</GOCDB_PORTAL_URL><HOSTDN>/DC=org/CN=ce.example.org</HOSTDN>
    <HOST_OS>Alma</HOST_OS><HOST_ARCH>x86_64</HOST_ARCH><BETA>Y</BETA><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>
    <HOST_IP>192.0.2.7</HOST_IP><HOST_IPV6>2001:db8::7</HOST_IPV6><CORE/><IN_PRODUCTION>Y</IN_PRODUCTION>
    <NODE_MONITORED>Y</NODE_MONITORED><NOTIFICATIONS>Y</NOTIFICATIONS><SITENAME>ALPHA</SITENAME>
    <COUNTRY_NAME>Switzerland</COUNTRY_NAME><COUNTRY_CODE>CH</COUNTRY_CODE><ROC_NAME>NGI_CH</ROC_NAME>
    <URL>https://ce.example.org:8443/ce?x=1&amp;y=2</URL>
    <ENDPOINTS>
      <ENDPOINT>
        <ID>{endpoint}</ID><NAME>cream</NAME>
        <EXTENSIONS><EXTENSION><LOCAL_ID>{of_endpoint}</LOCAL_ID><KEY>K</KEY><VALUE>V</VALUE></EXTENSION></EXTENSIONS>
        <URL>https://ce.example.org/cream</URL><INTERFACENAME>CREAM</INTERFACENAME>
        <ENDPOINT_MONITORED>Y</ENDPOINT_MONITORED>
      </ENDPOINT>
    </ENDPOINTS>
    <SCOPES><SCOPE>EGI</SCOPE></SCOPES>
    <EXTENSIONS>
      <EXTENSION><LOCAL_ID>{of_service}</LOCAL_ID><KEY>InformationSystem</KEY><VALUE>a&amp;b</VALUE></EXTENSION>
    </EXTENSIONS>
  </SERVICE_ENDPOINT>"""


@pytest.mark.parametrize("method", ["get_service", "get_service_endpoint"])
def test_get_service_and_get_service_endpoint_are_the_same(client, full, method):
    of_service, of_endpoint = number("14G0/InformationSystem"), number("70G0/K")
    expected = SERVICE.format(endpoint=full.endpoint.pk, of_service=of_service, of_endpoint=of_endpoint)

    assert items(ask(client, method)) == shapes(expected)


def test_get_service_keeps_url_endpoints_core_scopes_and_extensions_when_empty(client):
    service = a_service(hostname="bare.example.org", key="15G0", in_production=False, is_monitored=False)

    assert items(ask(client, "get_service")) == shapes(f"""
      <SERVICE_ENDPOINT PRIMARY_KEY="15G0">
        <PRIMARY_KEY>15G0</PRIMARY_KEY><HOSTNAME>bare.example.org</HOSTNAME>
        <GOCDB_PORTAL_URL>{ROOT}/services/15G0/</GOCDB_PORTAL_URL><BETA>N</BETA><SERVICE_TYPE>CE</SERVICE_TYPE><CORE/>
        <IN_PRODUCTION>N</IN_PRODUCTION><NODE_MONITORED>N</NODE_MONITORED><NOTIFICATIONS>N</NOTIFICATIONS>
        <SITENAME>{service.site.name}</SITENAME><COUNTRY_NAME/><COUNTRY_CODE/><ROC_NAME>{service.site.ngi.name}</ROC_NAME>
        <URL/><ENDPOINTS/><SCOPES/><EXTENSIONS/>
      </SERVICE_ENDPOINT>""")


def test_services_of_closed_sites_and_what_was_closed_are_not_told(client, reader, full):
    closed = a_service(of=a_site(certification="Closed"), scopes=["EGI"])
    a_service(of=full.site, valid_until=full.site.valid_from, scopes=["EGI"])
    an_endpoint(of=full.service, valid_until=full.site.valid_from)
    a_service_group(closed, name="GROUP_2")

    (service,) = ask(client, "get_service")
    _, empty_group = ask(reader, "get_service_group", PRIVATE, scope="")

    assert [endpoint.findtext("NAME") for endpoint in service.find("ENDPOINTS")] == ["cream"]
    assert empty_group.find("SERVICE_ENDPOINT") is None


def test_get_service_types(client, full):
    bare = a_service_type("bare")

    assert items(ask(client, "get_service_types")) == shapes(
        f'<SERVICE_TYPE TYPE_ID="{full.kind.pk}" PRIMARY_KEY="4G0"><SERVICE_TYPE_NAME>CREAM-CE</SERVICE_TYPE_NAME>'
        "<SERVICE_TYPE_DESC>A compute element</SERVICE_TYPE_DESC></SERVICE_TYPE>"
        f'<SERVICE_TYPE TYPE_ID="{bare.pk}" PRIMARY_KEY="{bare.pk}G0"><SERVICE_TYPE_NAME>bare</SERVICE_TYPE_NAME>'
        "<SERVICE_TYPE_DESC/></SERVICE_TYPE>"
    )


def test_get_service_group_has_its_services_as_direct_children(reader, full):
    of_service, of_endpoint = number("14G0/InformationSystem"), number("70G0/K")

    assert items(ask(reader, "get_service_group", PRIVATE)) == shapes(f"""
      <SERVICE_GROUP ID="{full.group.pk}" PRIMARY_KEY="5G0">
        <NAME>GROUP_1</NAME><DESCRIPTION>Some</DESCRIPTION><MONITORED>Y</MONITORED>
        <CONTACT_EMAIL>g@example.org</CONTACT_EMAIL>{portal_of_group(full)}
        <SERVICE_ENDPOINT PRIMARY_KEY="14G0">
          <HOSTNAME>ce.example.org</HOSTNAME><GOCDB_PORTAL_URL>{ROOT}/services/14G0/</GOCDB_PORTAL_URL>
          <SERVICE_TYPE>CREAM-CE</SERVICE_TYPE><HOST_IP>192.0.2.7</HOST_IP><HOST_IPV6>2001:db8::7</HOST_IPV6>
          <HOSTDN>/DC=org/CN=ce.example.org</HOSTDN><IN_PRODUCTION>Y</IN_PRODUCTION><NODE_MONITORED>Y</NODE_MONITORED>
          <ENDPOINTS><ENDPOINT><ID>{full.endpoint.pk}</ID><NAME>cream</NAME>
            <EXTENSIONS><EXTENSION><LOCAL_ID>{of_endpoint}</LOCAL_ID><KEY>K</KEY><VALUE>V</VALUE></EXTENSION></EXTENSIONS>
            <URL>https://ce.example.org/cream</URL><INTERFACENAME>CREAM</INTERFACENAME>
            <ENDPOINT_MONITORED>Y</ENDPOINT_MONITORED><CONTACT_EMAIL>e@example.org</CONTACT_EMAIL></ENDPOINT></ENDPOINTS>
          <SCOPES><SCOPE>EGI</SCOPE></SCOPES>
          <EXTENSIONS><EXTENSION><LOCAL_ID>{of_service}</LOCAL_ID><KEY>InformationSystem</KEY><VALUE>a&amp;b</VALUE>
            </EXTENSION></EXTENSIONS>
        </SERVICE_ENDPOINT>
        <SCOPES><SCOPE>EGI</SCOPE></SCOPES>
        <EXTENSIONS><EXTENSION><LOCAL_ID>{number("5G0/G")}</LOCAL_ID><KEY>G</KEY><VALUE>1</VALUE></EXTENSION></EXTENSIONS>
      </SERVICE_GROUP>""")


def portal_of_group(full):
    return f"<GOCDB_PORTAL_URL>{ROOT}{full.group.get_absolute_url()}</GOCDB_PORTAL_URL>"


def test_get_service_group_keeps_what_is_empty(reader):
    group = a_service_group(
        a_service(hostname="bare.example.org", key="15G0"), name="BARE", key="6G0", is_monitored=False
    )

    assert items(ask(reader, "get_service_group", PRIVATE)) == shapes(f"""
      <SERVICE_GROUP ID="{group.pk}" PRIMARY_KEY="6G0"><NAME>BARE</NAME><DESCRIPTION/><MONITORED>N</MONITORED>
        <CONTACT_EMAIL/><GOCDB_PORTAL_URL>{ROOT}{group.get_absolute_url()}</GOCDB_PORTAL_URL>
        <SERVICE_ENDPOINT PRIMARY_KEY="15G0"><HOSTNAME>bare.example.org</HOSTNAME>
          <GOCDB_PORTAL_URL>{ROOT}/services/15G0/</GOCDB_PORTAL_URL><SERVICE_TYPE>CE</SERVICE_TYPE><HOST_IP/><HOST_IPV6/>
          <HOSTDN/><IN_PRODUCTION>Y</IN_PRODUCTION><NODE_MONITORED>Y</NODE_MONITORED><ENDPOINTS/><SCOPES/><EXTENSIONS/>
        </SERVICE_ENDPOINT><SCOPES/><EXTENSIONS/></SERVICE_GROUP>""")


def test_get_service_group_role(officer, full):
    (group,) = ask(officer, "get_service_group_role", PRIVATE)

    assert [shape(child) for child in group[:4]] == shapes(
        "<NAME>GROUP_1</NAME><DESCRIPTION>Some</DESCRIPTION><MONITORED>Y</MONITORED>"
        "<CONTACT_EMAIL>g@example.org</CONTACT_EMAIL>"
    )
    assert group[4].tag == "GOCDB_PORTAL_URL"
    (user,) = group[5:]
    assert (user.tag, dict(user.attrib)) == ("USER", {})
    assert [(child.tag, child.text) for child in user if child.tag != "GOCDB_PORTAL_URL"] == [
        ("FORENAME", "Ann"), ("SURNAME", "Lee"), ("CERTDN", "/C=CH/CN=Ann Lee"), ("ROLE", "Service Group Administrator")
    ]  # fmt: skip
    assert user[3].tag == "GOCDB_PORTAL_URL"


ROLE = """<USER_ROLE><USER_ROLE>{role}</USER_ROLE><ON_ENTITY>{on}</ON_ENTITY><ENTITY_TYPE>{kind}</ENTITY_TYPE>
  <PRIMARY_KEY>{key}</PRIMARY_KEY>{projects}</USER_ROLE>"""


def test_get_user_says_which_federations_recognise_each_role(officer, full):
    egi = f'<PROJECT ID="{full.federation.pk}">EGI</PROJECT>'
    both = f'<RECOGNISED_IN_PROJECTS>{egi}<PROJECT ID="{full.other.pk}">WLCG</PROJECT></RECOGNISED_IN_PROJECTS>'
    roles = [
        ("Site Administrator", "ALPHA", "site", "2G0", both),
        ("NGI Operations Manager", "NGI_CH", "ngi", "7G0", both),
        ("COD Staff", "EGI", "project", full.federation.key, f"<RECOGNISED_IN_PROJECTS>{egi}</RECOGNISED_IN_PROJECTS>"),
        ("Service Group Administrator", "GROUP_1", "servicegroup", "5G0", "<RECOGNISED_IN_PROJECTS/>"),
    ]
    words = ("role", "on", "kind", "key", "projects")
    (user,) = ask(officer, "get_user", PRIVATE, forename="Ann")
    (portal,) = user.findall("GOCDB_PORTAL_URL")

    assert (
        shape(user)
        == shapes(f"""
      <EGEE_USER ID="{full.person.pk}G0" PRIMARY_KEY="{full.person.key}"><FORENAME>Ann</FORENAME><SURNAME>Lee</SURNAME>
        <TITLE>Dr</TITLE><DESCRIPTION>Deputy</DESCRIPTION><GOCDB_PORTAL_URL>{portal.text}</GOCDB_PORTAL_URL>
        <EMAIL>ann@example.org</EMAIL><TEL>+41 3</TEL><WORKING_HOURS_START>09:00</WORKING_HOURS_START>
        <WORKING_HOURS_END>17:00</WORKING_HOURS_END><CERTDN>/C=CH/CN=Ann Lee</CERTDN><SSOUSERNAME/><APPROVED/><ACTIVE/>
        <HOMESITE>ALPHA</HOMESITE>{"".join(ROLE.format(**dict(zip(words, role, strict=True))) for role in roles)}
      </EGEE_USER>""")[0]
    )


def test_get_user_of_somebody_without_any_detail(officer):
    bob = a_user("bob")
    user = ask(officer, "get_user", PRIVATE).find(f"EGEE_USER[@ID='{bob.pk}G0']")

    assert [
        (child.tag, child.text) for child in user if child.text is not None and child.tag != "GOCDB_PORTAL_URL"
    ] == []
    assert [child.tag for child in user] == [
        "FORENAME", "SURNAME", "TITLE", "DESCRIPTION", "GOCDB_PORTAL_URL", "EMAIL", "TEL", "WORKING_HOURS_START",
        "WORKING_HOURS_END", "CERTDN", "SSOUSERNAME", "APPROVED", "ACTIVE", "HOMESITE",
    ]  # fmt: skip


def test_get_project_contacts(officer, full):
    hours = "<WORKING_HOURS_START>09:00</WORKING_HOURS_START><WORKING_HOURS_END>17:00</WORKING_HOURS_END>"

    assert items(ask(officer, "get_project_contacts", PRIVATE)) == shapes(
        f'<Project ID="{full.federation.pk}" NAME="EGI">{contact(full, "COD Staff", hours)}</Project>'
        f'<Project ID="{full.other.pk}" NAME="WLCG"/>'
    )


def test_get_cert_status_date_of_production_sites(reader, full):
    young = a_site(name="YOUNG", ngi=full.ngi)
    a_site(infrastructure="Test")

    assert items(ask(reader, "get_cert_status_date", PRIVATE)) == shapes(f"""
      <site ID="{full.site.pk}"><name>ALPHA</name><cert_status>Certified</cert_status>
        <cert_date>25-Jun-22 06.04.02 AM</cert_date></site>
      <site ID="{young.pk}"><name>YOUNG</name><cert_status>Certified</cert_status></site>""")


def test_get_cert_status_changes(reader, full):
    assert items(ask(reader, "get_cert_status_changes", PRIVATE)) == shapes(f"""
      <result ID="{full.change.pk}"><TIME>25-Jun-2022 06.04.02</TIME><UNIX_TIME>1656137042</UNIX_TIME><SITE>ALPHA</SITE>
        <OLD_STATUS>Uncertified</OLD_STATUS><NEW_STATUS>Certified</NEW_STATUS><CHANGED_BY>/CN=bob</CHANGED_BY>
        <COMMENT>All well</COMMENT></result>""")
