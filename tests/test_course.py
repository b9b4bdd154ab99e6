"""Every method of the course, as lesson 17 compares them: it is made, and learns, in either world."""

import pytest
import torch

from sslwb.data import Images
from sslwb.methods.course import RECIPES, WORLDS, World
from sslwb.methods.defaults import DEFAULTS
from sslwb.train import fit


def few(world: World) -> Images:
    """Random pictures as the world's are: CIFAR-10's own may not be there."""
    g = torch.Generator().manual_seed(0)
    x = torch.randint(256, (64, 3, world.size, world.size), generator=g, dtype=torch.uint8)
    return Images(x, torch.arange(64) % world.classes, tuple(map(str, range(world.classes))))


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("name", RECIPES)
def test_a_method_takes_steps(name: str, where: str) -> None:
    recipe, world = RECIPES[name], WORLDS[where]
    method = recipe.make(world, 0)
    before = [p.detach().clone() for p in method.encoder.parameters()]
    settings = {**recipe.settings, "batch_size": 16}
    history = fit(method, few(world), recipe.views(world), steps=2, seed=0, progress=False, **settings)
    assert len(history["loss"]) == 2
    assert any(not torch.equal(a, b) for a, b in zip(before, method.encoder.parameters(), strict=True))


def test_a_seed_draws_the_first_weights() -> None:
    world = WORLDS["shapes"]
    for name, recipe in RECIPES.items():
        weights = [torch.cat([p.flatten() for p in recipe.make(world, seed).parameters()]) for seed in (0, 0, 1)]
        assert torch.equal(weights[0], weights[1]), name
        assert not torch.equal(weights[0], weights[2]), name


def test_the_world_is_the_hard_one() -> None:
    """Its label is one of eight shapes, and every cause that shapes have varies."""
    world = WORLDS["shapes"]
    data = world.pictures("test", 0)
    assert data.shape == (3, world.size, world.size)
    assert len(data.classes) == world.classes
    assert set(data.causes) == {"shape", "colour", "size", "x", "y", "angle", "texture", "background", "light"}


def test_no_method_of_pictures_is_forgotten() -> None:
    """What `sslwb train` trains on pictures without labels is compared, but for what is a part of another method."""
    compared = {type(recipe.make(WORLDS["shapes"], 0)).__module__.rsplit(".", 1)[1] for recipe in RECIPES.values()}
    pictures = {name for name, default in DEFAULTS.items() if default.kind == "pictures"}
    # SimCLR with other negatives or positives, or with places too; a VAE with a codebook
    variants = {"hard_negatives", "supcon", "densecl", "vqvae"}
    assert compared == pictures - variants
