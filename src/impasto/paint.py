"""The page that reads like the paper: pictures and a recipe go in, events come out.

Gatys, Ecker, Bethge (arXiv:1508.06576): a picture x is sought whose features on the layers of a network are close to
the photo's, and whose feature statistics are close to the painting's. The weighted sum of both losses is brought down
by changing the pixels of x; the network stays as it is. We depart from the paper in seven ways, each a knob: x starts
as the photo and not as noise; it is painted small first, so that large forms are found where they are cheap; statistics
are compared by the Wasserstein distance, but at the deepest layer; losses are relative to the photo and the painting,
so that one dial means the same at every size, and low on the dial they are not led all the way to the painting's; in
the last steps color and texture count more; and there the network looks at the picture in several ways. A large picture
looks like the small one because its last levels keep the photo's fine detail on what was composed (`canvas.refined`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from impasto import canvas as canvases
from impasto import measures, own
from impasto.checkpoint import Checkpoint
from impasto.coloring import speckled
from impasto.commission import Commission
from impasto.costs import Run
from impasto.cutter import Cutter
from impasto.descent import Descent
from impasto.detail import detail_term
from impasto.dial import between, pulls, style_reach, style_weight
from impasto.diary import Diary
from impasto.events import Event, Finished, Level, Note, Planned, Preview, Step
from impasto.findings import NOTHING, Findings, Surveys, kind
from impasto.inputs import Style, enlargement, weighted
from impasto.likeness import likeness_term
from impasto.look import look, survey
from impasto.losses import content_term, style_term, variation_term
from impasto.networks import Network, stride
from impasto.objective import Objective, Term
from impasto.optimizers import begun
from impasto.panel import Panel, panels
from impasto.picture import Picture
from impasto.plan import Layout, forecast, lay_out
from impasto.recipe import Recipe
from impasto.regions import Guidance, Passage, carried
from impasto.samples import gathered, spread_term
from impasto.scene import Scene, rehearsed, scenery
from impasto.share import ALONE, Crew
from impasto.storage import MEMORY, Room
from impasto.style import seen, statistics
from impasto.surroundings import shielded


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
    layouts: tuple[Layout, ...] = ()
    if not asked.idle:
        layouts = lay_out(plan, rehearsal(asked, device), recipe, memory=memory, crew=crew, trials=findings.trials)
    work = [layout.seconds for layout in layouts] or canvases.work(plan)
    files = Room(in_file=any(layout.in_file for layout in layouts))
    sides = [layout.side for layout in layouts] or [None] * len(plan)
    diary = Diary.opened(checkpoint, asked.identity, sides, device, files, crew=crew)
    yield Planned(plan, pulls(recipe), forecast(layouts, device) if layouts else None)
    yield from map(Note, asked.remarks(plan))

    canvas = diary.coarse
    for level in plan[diary.level - 1 :]:
        room = files if layouts and layouts[level.index - 1].in_file else MEMORY
        scene = scene_at(level, device, room)
        if canvas is None:
            canvas = canvases.started(recipe, scene.photo, partial(at_first, asked, level, device))
        canvas = canvases.grown(canvas, level, recipe.wraps, room)
        if asked.idle:
            continue
        cutter = Cutter.of(network, asked.layers, crew, recipe.wraps).sized(diary.sides[level.index - 1])
        descent = begun(canvas, recipe, room.divided(cutter.sharing(level.height)))
        diary.turn(level, descent)
        bones = cache(partial(kept, scene.photo, canvas, plan, level, recipe, room))
        aim = partial(aimed, scene, recipe, cutter, findings.surveys, bones, asked.extra_terms)
        halts = partial(diary.halts, stop, descent, cutter)
        for panel in panels(aim, network, level, recipe.polish_times, diary, halts):
            yield from descend(descent, panel, scene, cutter, diary, work, level, preview_every, halts)
            del panel  # the next one's targets, and the next level's, need the room
        canvas = diary.coarse = descent.result
        del descent, aim, bones, halts
    assert canvas is not None
    result = scene.snapshot(canvas)
    yield from map(Note, asked.conclusion(scene.photo, result, diary))
    yield Finished(result, dict(diary.losses), diary.evaluations)


def aimed(
    scene: Scene,
    recipe: Recipe,
    cutter: Cutter,
    surveys: Surveys | None,
    bones: Callable[[], Tensor],
    more: Sequence[Term],
    network: Network,
) -> Objective:
    """What is wanted of the canvas at one level, as a network sees it."""
    wanted = *terms(network, scene, recipe, cutter, surveys, bones()), *more
    return Objective(network, wanted, cutter.sharing(scene.photo.shape[-2]), scene.room)


def descend(
    descent: Descent,
    panel: Panel,
    scene: Scene,
    cutter: Cutter,
    diary: Diary,
    work: Sequence[float],
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
        losses = panel.speaker.named(evaluation.losses)  # now: in the step to come an accelerator is still at work
        trouble = cutter.step(descent, evaluation)
        diary.tell(losses, repaired=trouble is not None)
        diary.write(descent, cutter)
        yield Step(
            level, diary.step, sum(losses.values()), losses, diary.evaluations, canvases.done(work, level, diary.step)
        )
        yield from map(Note, cutter.told([*([] if trouble is None else [trouble]), *diary.told()]))
        if preview_every and diary.evaluations % preview_every == 0:
            yield Preview(level, diary.step, scene.snapshot(panel.speaker.crew.whole(canvas)))


def rehearsal(asked: Commission, device: torch.device) -> Run:
    """What the plan tries out to find how each level fits into the memory: small pictures stand for the real."""
    network, recipe, layers = asked.network, asked.recipe, asked.layers
    scene = None

    def noise(photo: Tensor, room: Room = MEMORY) -> Scene:
        return rehearsed(photo, asked.content, asked.paintings, asked.guidance, room)

    def objective(photo: Tensor, room: Room) -> Objective:
        nonlocal scene  # held as long as the objective is: its maps are in the memory too
        scene = noise(photo, room)
        return Objective(network, tuple(terms(network, scene, recipe, Cutter.of(network, layers))), room=room)

    alike = kind(recipe, network, layers, noise(torch.zeros(1, 3, 8, 8)), device)
    paintings = tuple((p.picture.width * p.picture.height, recipe.style_scale * p.scale) for p in asked.every_painting)
    return Run(network, layers, objective, lambda canvas, room: begun(canvas, recipe, room), device, alike, paintings)


def kept(photo: Tensor, canvas: Tensor, plan: Sequence[Level], level: Level, recipe: Recipe, room: Room) -> Tensor:
    """The picture whose features the content loss keeps at this level, which begins with this canvas: large levels hold
    on to what was composed by as much as style counts beside content."""
    style = style_weight(recipe)
    held = style and canvases.refinement(level) * style / (style + recipe.content_weight)
    if level.index == 1 or not held:
        return photo
    return canvases.refined(photo, canvas, held, plan[level.index - 2], level, recipe.wraps, room)


def terms(
    network: Network,
    scene: Scene,
    recipe: Recipe,
    cutter: Cutter,
    surveys: Surveys | None = None,
    bones: Tensor | None = None,
) -> Iterator[Term]:
    """The objective of one level: content (of the photo, or of other `bones`), style, detail, smoothness."""
    roots = {layer: measures.root(metric) for layer, metric in network.metrics.items()}
    yield from content_terms(network, scene, recipe, roots, cutter, scene.photo if bones is None else bones)
    for passage in scene.passages:
        if style_weight(recipe, passage.strength):
            yield from style_terms(network, scene, passage, recipe, roots, cutter, surveys)
    if recipe.detail:
        weight = DETAIL * recipe.detail**3 * (recipe.content_weight + style_weight(recipe))
        yield cutter.work(scene.photo, partial(detail_term, scene.photo, weight, where=scene.visible))
    if recipe.variation_weight:
        kind, power, mean = recipe.variation, recipe.variation_power, recipe.variation_scale == "mean"
        yield variation_term(recipe.variation_weight, scene.photo.numel(), kind=kind, power=power, mean=mean)


def content_terms(
    network: Network, scene: Scene, recipe: Recipe, roots: Mapping[str, Tensor], cutter: Cutter, bones: Tensor
) -> Iterator[Term]:
    """The features of a picture, to be kept where they are."""
    weights = shares(recipe.content_layers, recipe.content_scale == "relative")
    times = own.rim(recipe, network)
    rim = (1.0 if recipe.wraps[0] else times, 1.0 if recipe.wraps[1] else times)
    wanted = cutter.work(bones, partial(look, network, bones, frozenset(weights), room=scene.room))
    for layer, weight in weights.items():
        weight, root = weight * recipe.content_weight, roots.get(layer)
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
    layers, scale, most, turns = frozenset(weights), recipe.style_scale, enlargement(recipe), recipe.rotations
    one_piece, room = recipe.in_one_piece, scene.room
    wanted = statistics(network, paintings, layers, photo, scale, cutter, surveys, turns, one_piece, room, most)
    beta, reach = style_weight(recipe, passage.strength), style_reach(recipe, passage.strength)
    look_at = gathered if one_piece else survey
    photos = {} if reach == 1 else seen(network, look_at, photo, passage.where, layers, cutter)
    for layer, sums in wanted.items():
        step = stride(network, layer)
        where = None if passage.where is None else carried(passage.where, step)
        if passage.where is not None and where is None:
            continue  # too small for this layer
        weight, size = weights[layer] * beta * passage.share, (height // step, width // step)
        root, statistic, name = roots.get(layer), measures.at_layer(recipe.style_statistic, step), passage.name
        near = photos.get(layer)
        if one_piece:
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


DETAIL = 0.8  # of the other weights, where detail is 1: letters are as sharp as the photo's, the sky is still painted


def shares(weights: Mapping[str, float], normalized: bool) -> dict[str, float]:
    """The layers that count; relative losses are weighted so that any number of layers sums to one."""
    total = sum(weights.values()) if normalized else 1.0
    return {layer: weight / total for layer, weight in weights.items() if weight}


def at_first(asked: Commission, level: Level, device: torch.device) -> Tensor:
    """What else than photo, noise or gray the canvas may show: a given picture, speckles, the first painting."""
    if asked.recipe.start == "speckles":
        grain = canvases.noise(level.width, level.height, asked.recipe.seed)
        return speckled(grain, asked.paintings).to(device)
    return canvases.at_level(asked.start or asked.paintings.pictures[0], level, device)
