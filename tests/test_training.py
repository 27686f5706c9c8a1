"""How the small network is trained: data, loss, restart and export, with tiny teachers and pictures made up here."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from impasto import Recipe
from impasto.networks.lite import Lite
from training import painted
from training.data import SIDE, Batches, Crops, Dice, crop, disturbed, find, held_out, read, window
from training.evaluate import Regression, apply_head, explained, predictor, restore, solve_heads
from training.export import describe, normalized, write
from training.loop import Loss, Run, statistics, train
from training.muon import Muon, orthogonal
from training.repainted import choose, repaint
from training.student import Student
from training.teachers import TAPS, Teachers

PLAN = "3:4 =relu1_1 2:4 =relu2_1 2:6 =relu3_1 2:6 =relu4_1 3:6 =relu4_2 avg 3:6 =relu5_1"
VGG = {0: (4, 3), 2: (4, 4), 5: (6, 4), 7: (6, 6), 10: (8, 6)}
ENCODER = ["11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51"]


def picture(seed: int, height: int = 150, width: int = 160) -> Image.Image:
    dots = torch.rand(3, height // 10, width // 10, generator=torch.Generator().manual_seed(seed))
    large = torch.nn.functional.interpolate(dots[None], (height, width), mode="bicubic").clamp(0, 1)[0]
    return Image.fromarray((large.permute(1, 2, 0) * 255).byte().numpy())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures, and teachers of a few channels each."""
    root = tmp_path_factory.mktemp("data")
    for kind, count in {"photos": 24, "paintings": 6}.items():
        (root / "pictures/train" / kind).mkdir(parents=True)
        for i in range(count):
            picture(i).save(root / "pictures/train" / kind / f"{i:03d}.png")
    (root / "weights").mkdir()
    generator = torch.Generator().manual_seed(5)

    def kernel(name: str, outputs: int, inputs: int, size: int) -> dict[str, Tensor]:
        weight = torch.randn(outputs, inputs, size, size, generator=generator) / (inputs * size * size) ** 0.5
        return {f"{name}.weight": weight * 1.4, f"{name}.bias": torch.rand(outputs, generator=generator)}

    vgg: dict[str, Tensor] = {}
    encoder = kernel("conv0", 3, 3, 1)
    for i, (outputs, inputs) in VGG.items():
        vgg |= kernel(f"features.{i}", outputs, inputs, 3)
    for i, name in enumerate(ENCODER):
        encoder |= kernel(f"conv{name}", 6, 6 if i else 3, 3)
        encoder |= kernel(f"conv{name}_aux", 9, 6, 1)
    save_file(vgg, root / "weights/vgg19-standin.safetensors")
    save_file(encoder, root / "weights/vgg19-16x-teacher.safetensors")
    return root


class Workshop:
    """What the training command sets up."""

    def __init__(self, folder: Path, pool: Path) -> None:
        self.teachers, self.pictures = Teachers(folder / "weights"), folder / "pictures/train"
        self.scales = statistics(self.teachers, self.pictures, pool / "statistics.safetensors")
        self.loss = Loss(self.teachers, self.scales)
        self.batches = Batches(pool, 3, Crops(self.pictures), self.teachers)

    def run(
        self, steps: int, until: int, checkpoint: Path | None = None, rates: tuple[float, float] = (0.02, 3e-3)
    ) -> tuple[Run, list[dict[str, float]]]:
        run = Run(PLAN, self.scales, seed=3)
        if checkpoint:
            run.resume(checkpoint)
        losses = []
        for loss in train(run, self.batches, self.loss, steps, rates):
            losses.append(loss)
            if run.step == until:
                break
        return run, losses

    def exported(self, folder: Path, image: Tensor) -> tuple[Student, dict[str, Tensor]]:
        """A student of six steps and its heads on the image; the folder then holds it as lite.safetensors."""
        run, _ = self.run(6, 6)
        run.save(folder / "checkpoint.pt")
        student = restore(folder)
        heads = solve_heads(student, self.teachers, [image])
        write(student, normalized(heads, self.scales), folder / "lite.safetensors", describe(folder))
        return student, heads

    def beginner(self, path: Path) -> Lite:
        """What a student has learned in two steps, as a file and from it."""
        run, _ = self.run(2, 2)
        write(run.student, solve_heads(run.student, self.teachers, [torch.rand(1, 3, 64, 64)]), path, {"plan": PLAN})
        return Lite(path)


@pytest.fixture(scope="module")
def workshop(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(folder, tmp_path_factory.mktemp("pool"))


def test_one_picture_in_ten_is_held_out_and_never_drawn(folder: Path) -> None:
    names = [Path(f"{i:04d}.jpg") for i in range(2000)]
    assert 0.08 < sum(map(held_out, names)) / len(names) < 0.12
    photos = folder / "pictures/train/photos"
    held, kept = find(photos, held=True), find(photos, held=False)
    assert not set(held) & set(kept)
    assert len(held) + len(kept) == 24
    assert len(Crops(folder / "pictures/train").photos) == len(kept)


def test_crops_and_disturbances_are_pictures_and_repeat_from_their_seed() -> None:
    source = torch.randint(256, (1, 3, 150, 170), dtype=torch.uint8)
    for seed in range(20):
        twice = []
        for _ in range(2):
            dice = Dice(seed)
            square = crop(source, dice)
            twice.append(disturbed(square, crop(source, dice), dice))
        assert torch.equal(*twice)
        assert twice[0].shape == (1, 3, SIDE, SIDE)
        assert twice[0].min() >= 0
        assert twice[0].max() <= 1


def test_a_batch_is_a_function_of_its_number_and_kept(folder: Path, workshop: Workshop, tmp_path: Path) -> None:
    fresh = Batches(tmp_path, 3, Crops(workshop.pictures), workshop.teachers)
    made, kept, other = fresh[1], fresh[1], workshop.batches[1]
    assert set(made) == {"images", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"}
    for name in made:
        assert torch.equal(made[name], kept[name])
        assert torch.equal(made[name], other[name])
    assert not torch.equal(fresh[0]["images"], made["images"])


def test_training_explains_more_and_more(workshop: Workshop) -> None:
    _, losses = workshop.run(1000, 19, rates=(0.3, 0.05))
    assert sum(losses[18].values()) < 0.93 * sum(losses[0].values())  # the same batch, of three


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(workshop: Workshop, tmp_path: Path) -> None:
    whole, _ = workshop.run(6, 6)
    half, _ = workshop.run(6, 3)
    half.save(tmp_path / "checkpoint.pt")
    rest, _ = workshop.run(6, 6, tmp_path / "checkpoint.pt")
    for part in ("student", "average"):
        ours, theirs = (run.parts()[part].state_dict() for run in (whole, rest))
        assert all(torch.equal(ours[n], theirs[n]) for n in ours)


def test_what_is_shipped_predicts_what_was_trained(workshop: Workshop, tmp_path: Path) -> None:
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    student, _ = workshop.exported(tmp_path, x)
    lite = Lite(tmp_path / "lite.safetensors")
    ours, theirs = student(x), lite(x, frozenset(TAPS))
    for name in TAPS:
        torch.testing.assert_close(theirs[name], ours[name], rtol=0.02, atol=0.02)
    assert lite.metadata["plan"] == PLAN
    assert json.loads(lite.metadata["recipe"])["seed"] == 3


def test_a_run_begins_where_the_exported_student_was(workshop: Workshop, tmp_path: Path) -> None:
    student, heads = workshop.exported(tmp_path, workshop.batches[0]["images"].float())
    again = Run(PLAN, workshop.scales, seed=4)
    again.begin(tmp_path / "lite.safetensors", workshop.scales)
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ours, theirs = again.student(x), student(x)
    for name, (mean, variance) in workshop.scales.items():
        torch.testing.assert_close(ours[name], theirs[name], rtol=0.02, atol=0.02)
        raw, alive = apply_head(heads[name], theirs[name])[0].flatten(1), (variance > 1e-3 * mean**2) & (mean > 1e-6)
        expected = ((raw - mean[:, None]) * variance.rsqrt()[:, None])[alive]
        predicted = again.student.predict(name, ours[name])[0].flatten(1)[alive]
        torch.testing.assert_close(predicted, expected, rtol=0.02, atol=0.02)
    assert json.loads(str(again.recipe["begun_with"]))["seed"] == 3
    other = Run(PLAN.replace("3:4", "3:5", 1), workshop.scales, seed=4)
    with pytest.raises(ValueError, match="another plan"):
        other.begin(tmp_path / "lite.safetensors", workshop.scales)


def test_half_the_crops_are_repainted_pictures_as_they_are_if_there_are_some(folder: Path, tmp_path: Path) -> None:
    level = torch.arange(200, dtype=torch.uint8).expand(3, 180, 200).contiguous()  # no crop that is resized has slope 1
    save_file({"0": level, "1": torch.zeros(3, SIDE - 1, 300, dtype=torch.uint8)}, tmp_path / "repainted.safetensors")
    crops = Crops(folder / "pictures/train", None, tmp_path / "repainted.safetensors")
    assert len(crops.repainted) == 1  # the other is too small for a crop
    drawn = torch.cat([crops(i) for i in range(4)])
    slopes = (drawn[..., 1:] - drawn[..., :-1]).mul(255).round().abs()
    assert 0.3 < (slopes == 1).flatten(1).all(1).double().mean() < 0.7
    squares = [window(level, Dice(seed)) for seed in range(20)]
    assert len({square[0, 0, 0, 0].item() for square in squares}) > 5
    assert {bool(square[0, 0, 0, 0] < square[0, 0, 0, 1]) for square in squares} == {True, False}


def test_repainted_pictures_are_finished_repeat_from_their_number_and_know_no_held_out_picture(
    workshop: Workshop, tmp_path: Path
) -> None:
    lite = workshop.beginner(tmp_path / "second.safetensors")
    recipe = Recipe(size=80, strength=1.0, steps=24, first_level=80)
    for number in range(20):
        assert not any(map(held_out, choose(workshop.pictures, Dice(number))))
    photo, painting = (read(path).float() / 255 for path in choose(workshop.pictures, Dice(1)))
    twice = [repaint(lite, photo, painting, recipe, Dice(2)) for _ in range(2)]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*twice, strict=True))
    assert all(image.dtype == torch.uint8 and image.shape == (3, 75, 80) for image in twice[0])
    assert not torch.equal(*repaint(lite, photo, painting, recipe, Dice(2)))


def test_regression_finds_the_affine_map() -> None:
    generator = torch.Generator().manual_seed(0)
    f, head = torch.randn(2, 3, 8, 8, generator=generator), torch.randn(5, 4, generator=generator)
    regression = Regression(3, 5)
    for part in f.chunk(len(f)):
        regression.add(part, apply_head(head, part))
    torch.testing.assert_close(regression.solve(), head, rtol=1e-3, atol=1e-3)


def test_explained_is_one_for_the_teacher_itself_at_any_scale_and_less_for_others(workshop: Workshop) -> None:
    pictures = find(workshop.pictures / "photos", held=True)
    teachers = workshop.teachers
    perfect = explained(lambda x: {n: 3 * f for n, f in teachers.expand(teachers(x)).items()}, teachers, pictures)
    assert all(value == pytest.approx(1, abs=1e-6) for value in perfect.values())
    run, _ = workshop.run(2, 2)
    heads = solve_heads(run.student, teachers, [torch.rand(1, 3, 64, 64)])
    assert all(value < 0.99 for value in explained(predictor(run.student, heads), teachers, pictures).values())


def test_half_painted_pictures_come_nearer_to_the_painting(workshop: Workshop, tmp_path: Path) -> None:
    lite, dice = workshop.beginner(tmp_path / "first.safetensors"), Dice(3)
    photos = Crops(workshop.pictures).several(dice, 2, 0.0)
    paintings = torch.rand(photos.shape, generator=dice.generator)
    canvases = list(painted.paint(lite, photos, paintings, dice))
    goals = {n: painted.grams(f) for n, f in painted.features(lite, paintings).items()}
    before, after = (painted.style_distance(lite, painted.features(lite, c), goals) for c in (photos, canvases[-1]))
    assert len(canvases) == len(painted.STOPS)
    assert (after < before).all()


def test_muon_steps_are_orthogonal() -> None:
    matrix = torch.randn(6, 20, generator=torch.Generator().manual_seed(0)) * torch.logspace(0, 1, 6)[:, None]
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert 0.5 < values.min() < values.max() < 1.3
    kernel = torch.nn.Parameter(torch.zeros(4, 2, 3, 3))
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(1))
    Muon([kernel], lr=0.1).step()
    assert kernel.detach().norm().item() == pytest.approx(0.1 * 4**0.5, rel=0.3)
