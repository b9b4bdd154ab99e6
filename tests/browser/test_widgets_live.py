"""Every widget moved by a learner's hands; what is asserted is what the kernel reports."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

pytest.importorskip("playwright")
from lab import Notebook
from playwright.sync_api import expect

Lab = Callable[..., Notebook]

DATA = """
import torch
from sslwb import nets
from sslwb.augment import images
from sslwb.data import load
data = load("shapes", n=512)
encoder = nets.conv(width=16).eval()
"""


def test_inspector(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        DATA,
        "from sslwb.widgets import inspector\n"
        'encoders = {"raw pixels": lambda x: x.flatten(1), "random encoder": encoder}\n'
        "look = inspector(data, images.simclr(), encoders)\nlook",
        "print(look.changed, look.draw, look.picture, look.recipe.kinds[0][1].hue)",
    )
    n.run_all()
    n.expect_output(2, "{} 0 0 0.1")
    n.slide("hue", "End")
    expect(n.output(1)).to_contain_text("Changed: hue 0.5 (was 0.1)")
    n.press("Another draw")
    expect(n.output(1)).to_contain_text("draw 1")
    number = n.output(1).get_by_label("picture", exact=True)
    number.fill("7")
    number.press("Enter")
    expect(n.output(1)).to_contain_text("picture 7")
    expect(n.output(1).get_by_role("img", name=re.compile("view 8 of 8 of picture 7"))).to_be_visible()
    n.run_cell(2)
    n.expect_output(2, "{'hue': 0.5} 1 7 0.5")
    assert n.cut_off() == []
    shots(n)
    n.press("Reset")
    expect(n.output(1)).to_contain_text("All sliders as in the recipe.")


def test_quiz(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        """
from sslwb.widgets import predict, quiz
asked = quiz({
    "What does `nt_xent` pull together?": [
        ("Views of *one* picture", True, "They are the positives."),
        ("Pictures of one class", False, "It never sees the classes."),
        ("All pictures, as near to each other as they can be brought, which is a long answer that has to wrap "
         "somewhere on a narrow page and must not be cut off at its end", False, "That is collapse."),
    ],
    "Which of these need no labels?": [
        ("k-means", True, "It groups what lies near."),
        ("SimCLR", True, "It makes its own task."),
        ("a supervised classifier", False, "It learns from them."),
    ],
})
asked""",
        "print(asked.score)",
        'guess = predict("What will the neighbours share?", ["shape", "colour", "nothing"])\nguess',
        'guess.reveal(1, "Colour was never jittered.")',
    )
    n.run_all()
    n.expect_output(3, "Result: colour.")
    first, second = n.output(0).locator(".question").all()
    first.get_by_label("Pictures of one class").check()
    first.get_by_role("button", name="Check").click()
    expect(first).to_contain_text("Wrong. Pictures of one class It never sees the classes.")
    first.get_by_label("Views of one picture").check()
    expect(first.get_by_label("Pictures of one class")).not_to_be_checked()
    first.get_by_role("button", name="Check").click()
    expect(first).to_contain_text("Right.")
    options = second.locator(".widget-checkbox").all()  # shuffled
    second.get_by_role("checkbox").first.focus()  # by keyboard alone
    for option in options:
        if re.search("k-means|SimCLR", option.inner_text()):
            n.page.keyboard.press("Space")
        n.page.keyboard.press("Tab")
    n.page.keyboard.press("Enter")  # the button behind the last of them
    expect(n.output(0)).to_contain_text("2 of 2 solved, 1 at the first try.")
    n.run_cell(1)
    n.expect_output(1, "(2, 1)")
    n.output(2).get_by_role("button", name="shape").click()
    expect(n.output(2)).to_contain_text("Your guess: shape")
    n.run_cell(3)
    n.expect_output(3, "✗ Your guess: shape. Result: colour. Colour was never jittered.")
    assert n.cut_off() == []
    shots(n)


def test_neighbours(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        DATA,
        "from sslwb.widgets import neighbours\nx = data.x.float() / 255\n"
        'near = neighbours(data, {"raw pixels": x, "random encoder": encoder(x)})\nnear',
        'print(near.picture, near.found["raw pixels"])',
    )
    n.run_all()
    n.expect_output(2, re.compile(r"^\W*\d*\W*0 \[", re.S))
    n.press("Next", cell=1)
    expect(n.output(1)).to_contain_text("picture 1,")
    n.slide("picture", "ArrowRight")
    expect(n.output(1)).to_contain_text("picture 2,")
    expect(n.output(1)).to_contain_text("of 8 share its label")
    n.run_cell(2)
    n.expect_output(2, re.compile(r"2 \[\d+"))
    assert n.cut_off() == []
    shots(n)


def test_neighbours_beside_their_twin(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        DATA,
        "from sslwb import show, widgets\nz = encoder(data.x / 255).detach() + 9  # a large common mean\n"
        "spaces = {'raw pixels': data.x, 'random encoder': z}\n"
        "near = widgets.neighbours(data, spaces, k=6)\nnear.picture = 3\nnear",
        "made = show.neighbours(data, spaces, [3], k=6)\nmade",
        "import re\nprint([f'{name}: {count}' in made.alt for name, count in "
        "re.findall(r'<strong>([a-z ]+)</strong>: (\\d of 6)', near._grid.value)])",
    )
    n.run_all()
    n.expect_output(3, "[True, True]")
    assert n.output(1).locator("figure.same").count() == n.output(1).get_by_text("✓").count()
    assert n.cut_off() == []
    shots(n)


WALK = """
from sslwb.widgets import latent_walk
def paint(z):
    return (z[:, [0, 1, 2, 3]].reshape(-1, 1, 2, 2) + 3) / 6
walk = latent_walk(paint, 4, codes=torch.randn(2000, 4, generator=torch.Generator().manual_seed(0)))
walk"""


def test_latent_walk(lab: Lab, shots: Callable[..., None]) -> None:
    twin = "from sslwb import show\nshow.latent_plane(paint, 4, walk.axes)"
    n = lab(DATA, WALK, "print(walk.z, walk.axes)", twin)
    n.run_all()
    n.expect_output(2, "[0.0, 0.0, 0.0, 0.0] (0, 1)")
    out = n.output(1)
    plane = out.get_by_role("application")
    box = plane.bounding_box()
    assert box is not None
    n.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5)
    n.page.mouse.down()
    expect(out.get_by_role("status")).to_contain_text("z = (1.50, 0.00, 0.00, 0.00)")
    n.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25, steps=5)
    expect(out.get_by_role("status")).to_contain_text("z = (1.50, 1.50, 0.00, 0.00)")
    n.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] - 50)  # out of the plane, as far as its edge
    n.page.mouse.up()
    n.page.mouse.move(box["x"] + 5, box["y"] + 5)  # nothing is pressed
    expect(out.get_by_role("status")).to_contain_text("z = (1.50, 3.00, 0.00, 0.00)")
    n.page.keyboard.press("ArrowLeft")
    n.page.keyboard.press("Shift+ArrowDown")
    expect(out.get_by_role("status")).to_contain_text("z = (1.40, 2.50, 0.00, 0.00)")
    expect(plane).to_have_attribute("aria-label", re.compile("plane of z1 and z2, now at 1.4, 2.5"))
    shots(n)
    n.slide("z3", "End")
    expect(out.get_by_role("status")).to_contain_text("z = (1.40, 2.50, 3.00, 0.00)")
    out.get_by_label("down to up").select_option("z3")
    expect(plane).to_have_attribute("aria-label", re.compile("plane of z1 and z3, now at 1.4, 3"))
    plane.press("Home")
    expect(out.get_by_role("status")).to_contain_text("z = (0.00, 2.50, 0.00, 0.00)")
    n.press("To the middle", cell=1)
    expect(out.get_by_role("img", name=re.compile("painted from z = .0.00, 0.00, 0.00, 0.00"))).to_be_visible()
    n.press("A draw from the prior", cell=1)
    expect(out.get_by_role("status")).not_to_contain_text("0.00, 0.00")
    n.run_cell(2)
    n.expect_output(2, "(0, 2)")
    assert n.cut_off() == []


PAINT = """
import torch.nn.functional as F
from sslwb.widgets import mask_painter
def smooth(picture, mask):
    hidden = mask.repeat_interleave(4, 0).repeat_interleave(4, 1)
    x = picture.float() / 255
    mean = x[:, ~hidden].mean(1)[:, None, None].expand_as(x)
    return F.avg_pool2d(torch.where(hidden, mean, x), 9, 1, 4, count_include_pad=False)
def flat(picture, mask):
    return torch.full(picture.shape, 0.5)
paint = mask_painter({"raw pixels": smooth, "normalised patches": flat}, data)
paint"""


def test_mask_painter(lab: Lab, shots: Callable[..., None]) -> None:
    twin = """
from sslwb import show
show.reconstructions(data[:1], paint.hidden[None], {"smooth": paint.reconstruction[None]})"""
    n = lab(DATA, PAINT, "print(sum(paint.mask), paint.hidden.nonzero().tolist(), paint.picture, paint.model)", twin)
    n.run_all()
    n.expect_output(2, "48 [[")
    out = n.output(1)
    expect(out).to_contain_text("48 of 64 patches hidden (75%).")
    n.slide("hide at random", "ArrowRight")
    expect(out).to_contain_text("51 of 64 patches hidden (80%).")
    shots(n)
    n.press("Uncover all", cell=1)
    expect(out).to_contain_text("there is nothing to predict.")
    first = out.get_by_role("button", name="patch in row 1, column 1")
    box = first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    n.page.mouse.move(*middle)  # a drag over three patches of the first row, and out of the picture and back
    n.page.mouse.down()
    for step in (1, 2):
        n.page.mouse.move(middle[0] + step * box["width"], middle[1], steps=4)
    n.page.mouse.move(middle[0] + 2 * box["width"], middle[1] - 40)
    n.page.mouse.up()
    expect(out).to_contain_text("3 of 64 patches hidden")
    n.page.keyboard.press("ArrowDown")  # by keys, from where the drag began
    n.page.keyboard.press("Space")
    expect(out).to_contain_text("4 of 64 patches hidden")
    n.page.keyboard.press("ArrowUp")
    n.page.keyboard.press("Enter")
    expect(out).to_contain_text("3 of 64 patches hidden")
    expect(out.get_by_role("button", name="patch in row 2, column 1")).to_have_attribute("aria-pressed", "true")
    number = out.get_by_label("picture", exact=True)
    number.fill("7")
    number.press("Enter")
    expect(out.get_by_role("img", name=re.compile("picture 7.*, the hidden patches predicted"))).to_be_visible()
    n.press("normalised patches", cell=1)
    expect(out).to_contain_text("predicted by: normalised patches")
    n.run_cell(2)
    n.expect_output(2, "3 [[0, 1], [0, 2], [1, 0]] 7 normalised patches")
    assert n.cut_off() == []
    shots(n, "painted")
    n.press("Another random mask", cell=1)
    expect(out).to_contain_text("51 of 64 patches hidden (80%).")


WORDS = """
import time, torch
from sslwb.data.worlds.tales import TOKENIZER, VOCABULARY, Tales
from sslwb.evaluate import fill_mask as fill
from sslwb.widgets import attention, fill_mask, sampler
world = Tales()
def guess(sentence):
    numbers = TOKENIZER.encode(sentence.replace("[MASK]", "<mask>"))
    if int((numbers == 1).sum()) != 1:
        raise ValueError(f"sentence hides {int((numbers == 1).sum())} words; expected one [MASK]")
    p = torch.randn(len(VOCABULARY), generator=torch.Generator().manual_seed(int(numbers.sum()))).mul(2).softmax(0)
    return [(VOCABULARY[i], float(p[i])) for i in p.topk(8).indices]
"""


def test_fill_mask(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        WORDS,
        'asked = fill_mask(guess, "lily met [MASK] in the morning.", truth=lambda s: fill(world, TOKENIZER, s))\nasked',
        "print(asked.sentence, sorted(asked.candidates), sorted(asked.errors))",
    )
    n.run_all()
    n.expect_output(2, "['the model', 'the truth'] []")
    out = n.output(1)
    expect(out.get_by_role("row", name=re.compile("^mia"))).to_contain_text("0.200")
    shots(n)
    field = out.get_by_label("sentence")
    field.fill("Lily met astronauts.")
    field.press("Enter")
    expect(out.get_by_role("status")).to_contain_text("'astronauts', which is none of the 164 words known here")
    field.fill("[MASK] met [MASK].")
    n.press("Predict", cell=1)
    expect(out.get_by_role("status")).to_contain_text("hides 2 words; expected one [MASK]")
    field.fill("the [MASK] was a lemon.")
    n.press("Predict", cell=1)
    expect(out.get_by_role("status")).to_contain_text("the truth: x[0] is nothing that this world says")
    expect(out.get_by_role("columnheader", name="the model")).to_be_visible()
    n.run_cell(2)
    n.expect_output(2, "the [MASK] was a lemon. ['the model'] ['the truth']")
    assert n.cut_off() == []
    shots(n, "error")


def test_what_is_done_to_a_widget_happens_in_its_order(lab: Lab) -> None:
    """A text, and the button beside it at once: never two threads, never the text before."""
    n = lab(
        """
import threading
from sslwb.widgets import fill_mask
asked, threads = [], set()
def guess(sentence):
    asked.append(sentence)
    threads.add(threading.current_thread() is threading.main_thread())
    return [(sentence, 1.0)]
""",
        'w = fill_mask(guess, "0 [MASK]")\nw',
        "print(threads, asked == sorted(asked), asked[-1])",
    )
    n.run_all()
    n.expect_output(2, "{True} True 0 [MASK]")
    field = n.output(1).get_by_label("sentence")
    for i in range(1, 6):
        field.fill(f"{i} [MASK]")
        n.press("Predict", cell=1)
        expect(n.output(1).get_by_role("row", name=re.compile(f"^{i} "))).to_be_visible()
    n.run_cell(2)
    n.expect_output(2, "{True} True 5 [MASK]")


SAMPLE = """
first = True
def generate(prompt, temperature, top_k, top_p, seed):
    if "?" in prompt:
        raise ValueError("prompt has '?', which is none of the known words")
    number = 0
    while seed == 0 or number < 40:
        yield f" word{number}"
        number += 1
        time.sleep(0.002)
written = sampler(generate, "Once upon a time")
written"""


def test_sampler(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(WORDS, SAMPLE, "print(written.state, written.settings, written.seed, len(written.text) > 10)")
    n.run_all()
    n.expect_output(2, "ready")
    out = n.output(1)
    n.press("Generate", cell=1)  # endless
    expect(out).to_contain_text("word30")  # it is seen while it comes
    expect(out).to_contain_text("Generating …")
    n.slide("temperature", "ArrowLeft")  # a slider moves meanwhile
    n.press("Stop", cell=1)
    expect(out).to_contain_text("Stopped after")
    n.slide("top-k (0: all)", "ArrowRight")
    n.slide("top-p", "ArrowLeft")
    n.run_cell(2)
    n.expect_output(2, "stopped {'temperature': 0.9, 'top_k': 1, 'top_p': 0.95} 1 True")
    field = out.get_by_label("prompt")
    field.fill("Another one <b>")
    n.press("Generate", cell=1)
    expect(out).to_contain_text("Done:")
    expect(out).to_contain_text("Another one <b> word0 word1")
    assert n.cut_off() == []
    shots(n)
    field.fill("what?")
    n.press("Generate", cell=1)
    expect(out).to_contain_text("prompt has '?', which is none of the known words")


VIEW = """
def attend(sentence):
    words = sentence.lower().replace(".", " .").split()
    g = torch.Generator().manual_seed(len(sentence))
    return words, torch.randn(2, 4, len(words), len(words), generator=g).mul(2).softmax(-1)
look = attention(attend, "Anna met Ben in the morning. They went to the harbour to swim.")
look"""


def test_attention(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(WORDS, VIEW, "print(look.word, look.layer, look.head, len(look.words))")
    n.run_all()
    n.expect_output(2, "0 0 -1 15")
    out = n.output(1)
    out.get_by_role("button", name="ben", exact=True).click()
    expect(out).to_contain_text("In layer 1 and the mean of its heads, “ben” attends most to")
    head = out.locator(".widget-toggle-buttons").filter(has_text="head")
    head.get_by_role("button", name="3", exact=True).focus()
    n.page.keyboard.press("Enter")
    expect(out).to_contain_text("In layer 1 and head 3, “ben” attends most to")
    shots(n)
    field = out.get_by_label("sentence")
    field.fill("Mia saw a boat.")
    n.press("Show", cell=1)
    expect(out).to_contain_text("In layer 1 and head 3, “a” attends most to")
    n.run_cell(2)
    n.expect_output(2, "2 0 2 5")
    assert n.cut_off() == []


def test_sortable(lab: Lab, shots: Callable[..., None]) -> None:
    n = lab(
        """
from sslwb import show
from sslwb.widgets import sortable
rows = {"SimCLR": {"kNN": [0.8, 0.9], "seconds": 40.0}}
rows |= {"MAE": {"kNN": 0.5, "seconds": None}, "VAE": {"kNN": 0.6, "seconds": 30.0}}
rows["VAE"] |= {f"cause {i}": 0.5 for i in range(20)}
ranked = sortable(show.table(rows, "Three methods", best={"kNN": "max"}), "kNN")
ranked""",
        "print(ranked.by, ranked.descending, [row[0] for row in ranked.sorted.body])",
    )
    n.run_all()
    n.expect_output(1, "kNN True ['SimCLR', 'VAE', 'MAE']")
    names = n.output(0).locator(".Sortable tbody th")  # beside them stands the hidden twin
    seconds = n.output(0).get_by_role("button", name="seconds")
    seconds.click()
    expect(names).to_have_text(["SimCLR", "VAE", "MAE"])
    expect(n.output(0).locator(".Sortable thead th").nth(2)).to_have_attribute("aria-sort", "descending")
    seconds.focus()
    seconds.press("Enter")  # by keyboard: the head keeps the focus, and what is not there stays last
    expect(names).to_have_text(["VAE", "SimCLR", "MAE"])
    expect(seconds).to_be_focused()
    n.run_cell(1)
    n.expect_output(1, "seconds False ['VAE', 'SimCLR', 'MAE']")
    assert n.cut_off() == []
    n.output(0).get_by_role("button", name="cause 19").focus()  # the page brings it into sight
    expect(seconds).not_to_be_in_viewport()
    expect(names.first).to_be_in_viewport(ratio=0.9)  # and the names stay
    shots(n)
