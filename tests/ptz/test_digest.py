import pytest

from agent.ptz.digest import Attempt, Challenge, answer, parse

RFC = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    challenge = parse(RFC.format(algorithm))
    assert challenge is not None
    header = answer(challenge, Attempt("GET", "/dir/index.html", 1, CNONCE), "Mufasa", "Circle of Life")
    assert f'response="{response}"' in header
    assert "nc=00000001" in header


def test_the_stronger_of_two_challenges_is_answered() -> None:
    found = parse(f"{RFC.format('MD5')}, {RFC.format('SHA-256')}")
    assert found is not None
    assert found.algorithm == "SHA-256"


def test_an_old_camera_without_qop_is_answered_the_old_way() -> None:
    # RFC 2069 section 2.4, with the response of its erratum
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "MD5", False, "")
    header = answer(challenge, Attempt("GET", "/dir/index.html", 1, "x"), "Mufasa", "CircleOfLife")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "cnonce" not in header


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        "Digest realm=x",
        'Digest nonce="n", algorithm=SHA-512-256',
        'Digest nonce="n", qop="auth-int"',
        "Digest " + "x" * 5000,
    ],
)
def test_a_challenge_that_nobody_can_answer_is_none(header: str) -> None:
    assert parse(header) is None


def test_a_user_name_cannot_write_fields_of_its_own() -> None:
    challenge = Challenge("r", "n", "MD5", True, "")
    assert 'username="a\\", realm=\\"b"' in answer(challenge, Attempt("POST", "/", 1, "c"), 'a", realm="b', "p")
