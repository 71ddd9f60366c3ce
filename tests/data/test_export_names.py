import pytest

from dermbench.data.export.names import safe_names


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("basal-cell-carcinoma", "basal-cell-carcinoma"),
        ("Melanoma, NOS", "Melanoma, NOS"),
        ("Nävus", "Nävus"),
        ("../../etc/passwd", "_etc_passwd"),
        ("a/b\\c", "a_b_c"),
        ("<img src=x>", "_img src=x_"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("..", "_"),
        (".hidden", "_hidden"),
        ("__pycache__", "_pycache__"),
        ("ends. ", "ends"),
        ("new\nline\u202e", "new_line_"),
        ("why?", "why_"),
    ],
)
def test_a_text_becomes_a_name_that_every_system_holds(label, name):
    assert safe_names([label]) == {label: name}


def test_names_differ_in_more_than_case():
    assert safe_names(["acne", "Acne", "a/b", "a_b"]) == {
        "Acne": "Acne",
        "a/b": "a_b-2",
        "a_b": "a_b",
        "acne": "acne-2",
    }


def test_names_do_not_depend_on_order_and_are_short():
    texts = ["x" * 500, "ü" * 300, "x" * 501]
    assert safe_names(texts) == safe_names(texts[::-1])
    assert len(set(safe_names(texts).values())) == 3
    assert max(len(name.encode()) for name in safe_names(texts).values()) < 130
