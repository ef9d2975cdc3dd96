/** Branching vessels that fill a region in two or three dimensions, and the part of them that one slice shows. */
import type { Random } from '#models/base/random.ts';
import { stroke } from './drawing.ts';
import type { Field } from './drawing.ts';
import { toPixel } from './plane.ts';
import type { Plane } from './plane.ts';

export type Point3 = readonly [number, number, number];

/** A straight piece from `from` to `to` that tapers. */
export interface Vessel {
  readonly from: Point3;
  readonly to: Point3;
  readonly radiusFrom: number;
  readonly radiusTo: number;
  /** Pieces from the root. */
  readonly depth: number;
}

export interface TreeOptions {
  /** Radius of the finest branch, in the unit of the points. */
  readonly leafRadius: number;
  /** Longest straight piece. */
  readonly piece: number;
  /** Sideways wandering relative to a branch's length. */
  readonly wander?: number;
  /** Murray's exponent: the radius to this power adds up where branches meet. */
  readonly exponent?: number;
}

/** Targets roughly by their distance from the root, so that trunks run straight outwards. */
export function nearFirst(random: Random, root: Point3, targets: readonly Point3[]): Point3[] {
  return targets
    .map((point) => ({ point, rank: Math.hypot(point[0] - root[0], point[1] - root[1], point[2] - root[2]) * random.between(0.35, 1.3) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ point }) => point);
}

/**
 * Grows a tree from a stem through all targets in their order: each is joined to the nearest point of the tree so far, and the radii follow
 * from the leaves by Murray's law. Early targets thus become the large branches, and the region ends up evenly supplied.
 */
export function vesselTree(random: Random, stem: readonly Point3[], targets: readonly Point3[], options: TreeOptions): Vessel[] {
  const { leafRadius, piece, wander = 0.08, exponent = 2.7 } = options;
  const nodes: Point3[] = [...stem];
  const parents: number[] = stem.map((_, i) => i - 1);
  const depths: number[] = stem.map((_, i) => i);
  for (const target of targets) {
    let nearest = 0;
    let best = Infinity;
    for (let i = Math.max(0, stem.length - 1); i < nodes.length; i++) {
      const node = nodes[i]!;
      const dx = node[0] - target[0];
      const dy = node[1] - target[1];
      const dz = node[2] - target[2];
      const distance = dx * dx + dy * dy + dz * dz;
      if (distance < best) {
        best = distance;
        nearest = i;
      }
    }
    const start = nodes[nearest]!;
    const length = Math.sqrt(best);
    const pieces = Math.max(1, Math.ceil(length / piece));
    const bow: Point3 = [random.normal() * wander * length, random.normal() * wander * length, random.normal() * wander * length];
    let parent = nearest;
    for (let k = 1; k <= pieces; k++) {
      const t = k / pieces;
      const sway = Math.sin(Math.PI * t);
      nodes.push([
        start[0] + (target[0] - start[0]) * t + bow[0] * sway,
        start[1] + (target[1] - start[1]) * t + bow[1] * sway,
        start[2] + (target[2] - start[2]) * t + bow[2] * sway,
      ]);
      parents.push(parent);
      depths.push(depths[parent]! + 1);
      parent = nodes.length - 1;
    }
  }
  const flow = new Float64Array(nodes.length);
  const leaf = leafRadius ** exponent;
  const hasChild = new Uint8Array(nodes.length);
  for (const parent of parents) if (parent >= 0) hasChild[parent] = 1;
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (hasChild[i] === 0) flow[i]! += leaf;
    if (parents[i]! >= 0) flow[parents[i]!]! += flow[i]!;
  }
  const vessels: Vessel[] = [];
  for (let i = 1; i < nodes.length; i++) {
    const parent = parents[i]!;
    const radius = flow[i]! ** (1 / exponent);
    const mother = flow[parent]! ** (1 / exponent);
    vessels.push({ from: nodes[parent]!, to: nodes[i]!, radiusFrom: Math.min(mother, radius * 1.15), radiusTo: radius, depth: depths[i]! });
  }
  return vessels;
}

/** Adds to `target` the coverage by the vessels within a slab of `thickness` mm about height `z`. */
export function drawVessels(at: Plane, target: Field, vessels: readonly Vessel[], z: number, thickness: number): void {
  for (const { from, to, radiusFrom, radiusTo } of vessels) {
    const reach = thickness / 2 + Math.max(radiusFrom, radiusTo) * 0.7;
    const dz = to[2] - from[2];
    let t0 = 0;
    let t1 = 1;
    if (Math.abs(dz) < 1e-6) {
      if (Math.abs(from[2] - z) > reach) continue;
    } else {
      const a = (z - reach - from[2]) / dz;
      const b = (z + reach - from[2]) / dz;
      t0 = Math.max(0, Math.min(a, b));
      t1 = Math.min(1, Math.max(a, b));
      if (t0 >= t1) continue;
    }
    const point = (t: number): readonly [number, number] => [
      toPixel(at, from[0] + (to[0] - from[0]) * t), toPixel(at, from[1] + (to[1] - from[1]) * t),
    ];
    const radius = (t: number): number => (radiusFrom + (radiusTo - radiusFrom) * t) / at.spacingMm;
    const middleRadius = radius((t0 + t1) / 2) * at.spacingMm;
    // A vessel thinner than the slice fills only part of it.
    stroke(target, [point(t0), point(t1)], (t) => radius(t0 + (t1 - t0) * t), Math.min(1, 0.25 + (1.6 * middleRadius) / thickness));
  }
}
