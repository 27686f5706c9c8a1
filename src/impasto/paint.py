"""The page that reads like the paper: pictures and a recipe go in, events come out.

Gatys, Ecker, Bethge (arXiv:1508.06576): a picture x is sought whose features on the layers of a network are close to
the photo's, and whose feature statistics are close to the painting's. The weighted sum of both losses is brought down
by changing the pixels of x; the network stays as it is. We depart from the paper in seven ways, each a knob:

1. x starts as the photo in the painting's colors and not as noise (`start`);
2. it is painted small first, so that large forms are found where they are cheap (`first_level`);
3. statistics are compared by the Wasserstein distance, but at the deepest layer (`style_statistic`);
4. losses are relative to the photo and the painting, so that one dial means the same at every size (`content_scale`,
   `style_scaling`);
5. low on the dial they are not led all the way to the painting's (`style_reach`);
6. in the last steps color and texture count more (`polish`, `polish_times`);
7. and there the network looks at the picture in several ways (`polish_views`).

A large picture looks like the small one because its last levels keep the photo's fine detail on what was composed
(`content_target`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from impasto import canvas as canvases
from impasto import measures, own
from impasto.checkpoint import Checkpoint
from impasto.coloring import speckled, tinted
from impasto.commission import Commission
from impasto.cutter import Cutter
from impasto.descent import Descent
from impasto.detail import detail_term
from impasto.dial import between, pulls, style_reach, style_weight, tint
from impasto.diary import Diary
from impasto.events import Event, Finished, Level, Note, Planned, Preview, Step
from impasto.findings import NOTHING, Findings, Surveys
from impasto.inputs import Style, weighted
from impasto.likeness import likeness_term
from impasto.look import look, survey
from impasto.losses import content_term, style_term, variation_term
from impasto.networks import Network, stride
from impasto.objective import Objective, Term
from impasto.optimizers import begun
from impasto.panel import Panel, panels
from impasto.picture import Picture
from impasto.plan import Schedule, lay_out
from impasto.recipe import Recipe
from impasto.regions import Guidance, Passage, carried
from impasto.rehearsal import rehearsal
from impasto.samples import gathered, spread_term
from impasto.scene import Scene, scenery
from impasto.share import ALONE, Crew
from impasto.style import seen, statistics
from impasto.surroundings import shielded

DETAIL = 0.8  # of the other weights, where detail is 1: letters are as sharp as the photo's, the sky is still painted


@shielded
def paint(
    content: Picture,
    styles: Sequence[Style],
    recipe: Recipe,
    *,
    network: Network,
    device: torch.device | None = None,
    start: Picture | None = None,
    guidance: Guidance = Guidance(),  # noqa: B008 -- frozen
    extra_terms: Sequence[Term] = (),
    preview_every: int = 0,
    stop: Callable[[], bool] = lambda: False,
    memory: int | None = None,
    checkpoint: Checkpoint | None = None,
    crew: Crew = ALONE,
    findings: Findings = NOTHING,
) -> Iterator[Event]:
    """Paint from coarse to fine, where `guidance` says; `extra_terms` join the objective of every level.

    `stop()` is asked before every step. The process holds no more than `memory` bytes, or what is free: it works in
    tiles then. A run goes on from its `checkpoint`. Processes of a `crew` paint one picture; runs share `findings`.
    """
    asked = Commission(content, weighted(styles), guidance, recipe, network, start, tuple(extra_terms))
    device = device or network.device
    stop, scene_at = crew.agreed(stop, device), scenery(content, asked.paintings, guidance, recipe)
    plan = asked.plan()
    schedule = Schedule(plan)
    if not asked.idle:
        schedule = lay_out(
            plan, rehearsal(asked, terms, device), recipe, memory=memory, crew=crew, trials=findings.trials
        )
    diary = Diary.opened(checkpoint, asked.identity, schedule.sides, device, schedule.files, crew=crew)
    yield Planned(plan, pulls(recipe), schedule.forecast(device))
    yield from map(Note, asked.remarks(plan))

    canvas = diary.coarse
    for level in plan[diary.level - 1 :]:
        room = schedule.room(level)
        scene = scene_at(level, device, room)
        if canvas is None:
            shown = partial(at_first, asked, scene, level, device)
            canvas = canvases.started(recipe, scene.photo, shown, own.grain(recipe, network))
        canvas = canvases.grown(canvas, level, recipe.wraps, room)
        if asked.idle:
            continue
        cutter = Cutter.of(network, asked.layers, crew, recipe.wraps).sized(diary.sides[level.index - 1])
        descent = begun(canvas, recipe, room.divided(cutter.sharing(level.height)))
        diary.turn(level, descent)
        target = cache(partial(content_target, scene, canvas, plan, level, recipe))
        aim = partial(aimed, scene, recipe, cutter, target, findings.surveys, asked.extra_terms)
        halts = partial(diary.halts, stop, descent, cutter)
        for panel in panels(aim, network, level, recipe.polish_times, diary, halts):
            yield from descend(descent, panel, scene, cutter, diary, schedule, level, preview_every, halts)
            del panel  # the next one's targets, and the next level's, need the room
        canvas = diary.coarse = descent.result
        del descent, aim, target, halts
    assert canvas is not None
    result = scene.snapshot(canvas)
    yield from map(Note, asked.conclusion(scene.photo, result, diary))
    yield Finished(result, dict(diary.losses), diary.evaluations)


def aimed(
    scene: Scene,
    recipe: Recipe,
    cutter: Cutter,
    target: Callable[[], Tensor],
    surveys: Surveys | None,
    more: Sequence[Term],
    network: Network,
) -> Objective:
    """What is wanted of the canvas at one level, as a network sees it."""
    wanted = *terms(network, scene, recipe, cutter, target(), surveys), *more
    return Objective(network, wanted, cutter.sharing(scene.photo.shape[-2]), scene.room)


def descend(
    descent: Descent,
    panel: Panel,
    scene: Scene,
    cutter: Cutter,
    diary: Diary,
    schedule: Schedule,
    level: Level,
    preview_every: int,
    stop: Callable[[], bool],
) -> Iterator[Event]:
    """The steps of one level that are still to be done before one panel."""
    while diary.step < panel.steps.stop:
        if stop():
            return
        if diary.step == panel.steps.start:
            descent.turn(afresh=diary.step == level.steps - level.polish)
        canvas = descent.canvas
        shown = scene.shown(canvas)
        evaluation = scene.sloped(cutter.work(shown, partial(panel.evaluate, shown)))
        losses = panel.first.named(evaluation.losses)  # now: in the step to come an accelerator is still at work
        trouble = cutter.step(descent, evaluation)
        diary.tell(losses, repaired=trouble is not None)
        diary.write(descent, cutter)
        done = canvases.done(schedule.work, level, diary.step)
        yield Step(level, diary.step, sum(losses.values()), losses, diary.evaluations, done)
        yield from map(Note, cutter.told([*([] if trouble is None else [trouble]), *diary.told()]))
        if preview_every and diary.evaluations % preview_every == 0:
            yield Preview(level, diary.step, scene.snapshot(panel.first.crew.whole(canvas)))


def content_target(scene: Scene, canvas: Tensor, plan: Sequence[Level], level: Level, recipe: Recipe) -> Tensor:
    """The picture whose features the content loss keeps: the photo, or, at large levels, the photo's fine detail on
    what the canvas shows so far, the more of that the more style counts beside content."""
    style = style_weight(recipe)
    held = style and canvases.refinement(level) * style / (style + recipe.content_weight)
    if level.index == 1 or not held:
        return scene.photo
    return canvases.refined(scene.photo, canvas, held, plan[level.index - 2], level, recipe.wraps, scene.room)


def terms(
    network: Network,
    scene: Scene,
    recipe: Recipe,
    cutter: Cutter,
    target: Tensor,
    surveys: Surveys | None = None,
) -> Iterator[Term]:
    """The objective of one level: the content of `target`, style, detail, smoothness."""
    roots = {layer: measures.root(metric) for layer, metric in network.metrics.items()}
    yield from content_terms(network, scene, recipe, roots, cutter, target)
    for passage in scene.passages:
        if style_weight(recipe, passage.strength):
            yield from style_terms(network, scene, passage, recipe, roots, cutter, surveys)
    if recipe.detail:
        weight = DETAIL * recipe.detail**3 * (recipe.content_weight + style_weight(recipe))
        yield cutter.work(scene.photo, partial(detail_term, scene.photo, weight, where=scene.visible))
    if recipe.variation_weight:
        yield variation_term(
            recipe.variation_weight,
            scene.photo.numel(),
            kind=recipe.variation,
            power=recipe.variation_power,
            mean=recipe.variation_scale == "mean",
        )


def content_terms(
    network: Network, scene: Scene, recipe: Recipe, roots: Mapping[str, Tensor], cutter: Cutter, target: Tensor
) -> Iterator[Term]:
    """The features of a picture, to be kept where they are."""
    weights = shares(recipe.content_layers, recipe.content_scale == "relative")
    times = own.rim(recipe, network)
    rim = (1.0 if recipe.wraps[0] else times, 1.0 if recipe.wraps[1] else times)
    wanted = cutter.work(target, partial(look, network, target, frozenset(weights), room=scene.room))
    for layer, weight in weights.items():
        weight, root = weight * recipe.content_weight, roots.get(layer)
        # of a photo that shows too little for the layer all counts, or else nothing would keep it
        where = None if scene.visible is None else carried(scene.visible, stride(network, layer))
        if recipe.content_measure == "self-similarity":
            yield likeness_term(layer, weight, wanted[layer], root=root, where=where)
            continue
        yield content_term(layer, weight, wanted[layer], scale=recipe.content_scale, root=root, where=where, rim=rim)


def style_terms(
    network: Network,
    scene: Scene,
    passage: Passage,
    recipe: Recipe,
    roots: Mapping[str, Tensor],
    cutter: Cutter,
    surveys: Surveys | None = None,
) -> Iterator[Term]:
    """The paintings' statistics, to be had anywhere in their passage."""
    weights = shares(recipe.style_layers, recipe.style_scaling == "relative")
    photo, paintings = scene.photo, passage.paintings
    height, width = photo.shape[-2:]
    layers = frozenset(weights)
    wanted = statistics(network, paintings, layers, photo, recipe, cutter, surveys, scene.room)
    beta, reach = style_weight(recipe, passage.strength), style_reach(recipe, passage.strength)
    look_at = gathered if recipe.in_one_piece else survey
    photos = {} if reach == 1 else seen(network, look_at, photo, passage.where, layers, cutter)
    for layer, sums in wanted.items():
        step = stride(network, layer)
        where = None if passage.where is None else carried(passage.where, step)
        if passage.where is not None and where is None:
            continue  # too small for this layer
        weight, size = weights[layer] * beta * passage.share, (height // step, width // step)
        root, statistic, name = roots.get(layer), measures.at_layer(recipe.style_statistic, step), passage.name
        near = photos.get(layer)
        if recipe.in_one_piece:
            way = None if near is None else (near, reach)
            yield spread_term(layer, weight, sums, statistic, size, step, root=root, where=where, name=name, way=way)
            continue
        target = measures.gaussian(sums, root)
        yield style_term(
            layer,
            weight,
            target if near is None else between(measures.gaussian(near, root), target, reach),
            positions=size[0] * size[1],
            statistic=statistic,
            scale=recipe.style_scaling,
            root=root,
            where=where,
            name=name,
        )


def shares(weights: Mapping[str, float], normalized: bool) -> dict[str, float]:
    """The layers that count; relative losses are weighted so that any number of layers sums to one."""
    total = sum(weights.values()) if normalized else 1.0
    return {layer: weight / total for layer, weight in weights.items() if weight}


def at_first(asked: Commission, scene: Scene, level: Level, device: torch.device) -> Tensor:
    """What else than photo, noise or gray the canvas may show: the photo tinted, speckles, a given picture, the first
    painting."""
    recipe = asked.recipe
    if recipe.start == "tinted":
        return tinted(scene.photo, scene.passages, partial(tint, recipe), scene.room)
    if recipe.start == "speckles":
        grain = own.grain(recipe, asked.network)
        noise = canvases.noise(level.width, level.height, recipe.seed, grain, recipe.wraps)
        return speckled(noise, asked.paintings).to(device)
    if asked.start is not None:
        return canvases.at_level(asked.start, level, device)
    return canvases.joined(canvases.at_level(asked.paintings.pictures[0], level, device), recipe.wraps)
