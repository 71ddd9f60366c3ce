from __future__ import annotations

import pytest
import torch

from dermbench.training.config.seeding import torch_generator
from dermbench.training.config.train_config import Augment
from dermbench.training.data.augment import augment_batch, draw_affine, draw_colour, resize_batch

FULL = Augment(
    crop_scale=0.4, crop_ratio=1.3, flip_horizontal=True, flip_vertical=True, rotation=40,
    brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1,
)  # fmt: skip


def noise(n=6, side=24):
    images = torch.rand(n, 3, side, side, generator=torch_generator(1))
    return images.contiguous(memory_format=torch.channels_last)


def test_without_any_range_an_image_comes_back_as_it_was():
    images = noise()
    torch.testing.assert_close(augment_batch(images, Augment(), 24, torch_generator(0)), images, atol=1e-5, rtol=0)


def test_the_same_generator_draws_the_same():
    first, second, other = (augment_batch(noise(), FULL, 16, torch_generator(s)) for s in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_every_image_has_parameters_of_its_own():
    images = noise(1).expand(8, -1, -1, -1)
    augmented = augment_batch(images, FULL, 16, torch_generator(0))
    distances = torch.cdist(augmented.flatten(1), augmented.flatten(1)) + torch.eye(8) * 9
    assert distances.min() > 0.1


def test_a_part_of_a_batch_is_augmented_as_in_the_whole():
    whole = augment_batch(noise(7), FULL, 16, torch_generator(0))
    part = augment_batch(noise(7)[2:5], FULL, 16, torch_generator(0), start=2, total=7)
    torch.testing.assert_close(part, whole[2:5], atol=1e-6, rtol=0)


def test_values_stay_in_range():
    augmented = augment_batch(noise(32), FULL, 16, torch_generator(0))
    assert augmented.shape == (32, 3, 16, 16)
    assert augmented.min() >= 0
    assert augmented.max() <= 1


def test_flips_are_exact():
    images = noise(64)
    augmented = augment_batch(images, Augment(flip_horizontal=True), 24, torch_generator(0))
    flipped = (augmented - images.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    kept = (augmented - images).abs().amax((1, 2, 3)) < 1e-5
    assert (flipped | kept).all()
    assert 16 < flipped.sum() < 48


def test_crops_stay_inside_the_image_and_keep_the_area_asked_for():
    theta = draw_affine(Augment(crop_scale=0.3, crop_ratio=1.2), 500, torch_generator(0))
    width, height = theta[:, 0, 0].abs(), theta[:, 1, 1].abs()
    assert (width + theta[:, 0, 2].abs() <= 1 + 1e-6).all()
    assert (height + theta[:, 1, 2].abs() <= 1 + 1e-6).all()
    assert 0.25 < (width * height).min() < 0.35
    assert (width * height).max() > 0.95


@pytest.mark.parametrize("field", ["saturation", "hue"])
def test_grey_has_neither_saturation_nor_hue(field):
    grey = torch.rand(4, 1, 8, 8, generator=torch_generator(2)).expand(-1, 3, -1, -1)
    grey = grey.contiguous(memory_format=torch.channels_last)
    augmented = augment_batch(grey, Augment(**{field: 0.4}), 8, torch_generator(0))
    torch.testing.assert_close(augmented, grey, atol=1e-5, rtol=0)


def test_brightness_scales_and_contrast_keeps_the_mean_grey():
    matrix, share = draw_colour(Augment(brightness=0.5), 5, torch_generator(0))
    factor = matrix[:, 0, 0]
    torch.testing.assert_close(matrix, factor.view(-1, 1, 1) * torch.eye(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(share, torch.zeros(5))
    matrix, share = draw_colour(Augment(contrast=0.5), 5, torch_generator(0))
    torch.testing.assert_close(matrix[:, 0, 0] + share, torch.ones(5))


def test_memory_layout_does_not_matter():
    images = noise()
    planes = images.contiguous(memory_format=torch.contiguous_format)
    first, second = (augment_batch(i, FULL, 16, torch_generator(0)) for i in (images, planes))
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_resizing_keeps_the_mean():
    images = noise()
    assert resize_batch(images, 24) is images
    small = resize_batch(images, 12)
    assert small.shape[-1] == 12
    torch.testing.assert_close(small.mean((2, 3)), images.mean((2, 3)), atol=0.03, rtol=0)
