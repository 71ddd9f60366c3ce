from dermbench.errors import InputError, name_some


def test_input_error_lists_every_problem_and_the_remedy():
    error = InputError("a.csv", ["one", "two"], remedy="Do this.")
    assert str(error) == "a.csv: 2 problems\n  - one\n  - two\nDo this."
    assert error.exit_code == 2


def test_one_problem_is_singular():
    assert str(InputError("a.csv", ["one"])).startswith("a.csv: 1 problem\n")


def test_name_some_counts_what_it_does_not_name():
    assert name_some([]) == ""
    assert name_some(["a", 7]) == "'a', '7'"
    assert name_some(range(1234), limit=2) == "'0', '1' and 1,232 more"
