from lungml.figures import style


def draw():
    figure, axes = style.new_figure(3.0, 2.0)
    axes.plot([0, 1, 2], [0, 1, 0], label="a line")
    axes.set_title("Title")
    axes.legend()
    return figure


def test_two_drawings_of_the_same_figure_are_equal_byte_for_byte(tmp_path):
    style.save(draw(), tmp_path / "a.png")
    style.save(draw(), tmp_path / "b.png")

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_saved_figure_says_neither_when_nor_with_what_it_was_made(tmp_path):
    style.save(draw(), tmp_path / "a.png")

    text = (tmp_path / "a.png").read_bytes().lower()
    assert text.startswith(b"\x89png")
    assert b"software" not in text
    assert b"matplotlib" not in text
    assert b"time" not in text.split(b"idat")[0]


def test_five_classes_grow_brighter_so_that_order_is_seen_without_colour():
    red_green_blue = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in style.class_colours(5)]

    brightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in red_green_blue]

    assert brightness == sorted(brightness)
    assert len(set(brightness)) == 5


def test_the_grid_has_the_asked_shape_even_for_one_row():
    _, axes = style.new_grid(1, 3)

    assert axes.shape == (1, 3)
