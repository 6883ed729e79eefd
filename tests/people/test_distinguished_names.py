import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.distinguished_names import DistinguishedNameError, canonical_dn, spellings

ALICE = "/DC=org/DC=example/O=Grid/CN=Alice Rossi"


@pytest.mark.parametrize(
    "text",
    [
        ALICE,
        "CN=Alice Rossi,O=Grid,DC=example,DC=org",
        "CN=Alice Rossi, O=Grid, DC=example, DC=org",
        "cn=Alice Rossi;o=Grid;dc=example;dc=org",
        'CN="Alice Rossi",O=Grid,DC=example,DC=org',
        "commonName=Alice Rossi,2.5.4.10=Grid,0.9.2342.19200300.100.1.25=example,DC=org",
        f"  {ALICE} ",
    ],
)
def test_one_person_is_one_name_in_every_spelling(text):
    assert canonical_dn(text) == ALICE


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("/DC=org/CN=host/ce.example.org", "/DC=org/CN=host/ce.example.org"),
        ("CN=host/ce.example.org,DC=org", "/DC=org/CN=host/ce.example.org"),
        ("/C=UK/Email=a@b.org", "/C=UK/emailAddress=a@b.org"),
        ("E=a@b.org,C=UK", "/C=UK/emailAddress=a@b.org"),
        (r"CN=Rossi\, Alice,DC=org", "/DC=org/CN=Rossi, Alice"),
        (r"CN=Ren\C3\A9,DC=org", "/DC=org/CN=René"),
        (r"/DC=org/CN=Ren\xC3\xA9", "/DC=org/CN=René"),
        (r"CN=Alice\ ,DC=org", r"/DC=org/CN=Alice\x20"),
        (r"CN=a\\\ ,DC=org", r"/DC=org/CN=a\\\x20"),
        ("CN=alice+UID=a1,DC=org", "/DC=org/CN=alice+UID=a1"),
    ],
)
def test_values_keep_their_meaning(text, canonical):
    assert canonical_dn(text) == canonical
    assert canonical_dn(canonical) == canonical


@pytest.mark.parametrize("value", ["x/CN=Alice Rossi", "x+CN=Alice Rossi", r"x\/CN=Alice Rossi"])
def test_a_value_that_looks_like_more_parts_is_not_taken_for_them(value):
    as_sent = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)]).rfc4514_string()
    forged, real = canonical_dn(as_sent), canonical_dn("/CN=x/CN=Alice Rossi")
    assert forged not in {real, canonical_dn("/CN=x+CN=Alice Rossi")}


@pytest.mark.parametrize(
    "text", ["", "/", "Alice", "/Alice", "CN=", "/CN=", "CN=a,,DC=b", "a\nCN=b", "/CN=" + "x" * 600]
)
def test_it_refuses_what_is_no_subject_and_shows_one(text):
    with pytest.raises(DistinguishedNameError, match="write it like"):
        canonical_dn(text)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(DistinguishedNameError, match="UTF-8"):
        canonical_dn(r"/DC=org/CN=\xFF\xFE")


_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f"), min_size=1, max_size=20
)
_names = st.lists(
    st.tuples(st.sampled_from([NameOID.DOMAIN_COMPONENT, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME]), _values),
    min_size=1,
    max_size=4,
)


@given(_names)
def test_what_a_library_writes_by_the_rfc_reads_as_the_same_subject_in_every_spelling(parts):
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    canonical = canonical_dn(name.rfc4514_string())
    assert {canonical_dn(text) for text in spellings(canonical)} == {canonical}


@given(_names, _names)
def test_two_subjects_are_never_one_canonical_name(one, other):
    texts = [
        x509.Name([x509.NameAttribute(oid, value) for oid, value in parts]).rfc4514_string() for parts in (one, other)
    ]
    assert (canonical_dn(texts[0]) == canonical_dn(texts[1])) == (texts[0] == texts[1])
