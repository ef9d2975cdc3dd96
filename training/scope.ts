/** What a model has been trained on, written beside its weights: what it began from, and what a run taught it. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Scope } from '#models/clinical/scope.ts';
import type { Modality } from '#models/clinical/study.ts';
import { readJson } from '#models/weights/json.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Recipe } from './records/recipe.ts';
import { startFolder } from './startFolder.ts';

const fileName = 'scope.json';
const mostBytes = 200_000;

/** Null where the folder says nothing of it, or not in this form. */
export function readScope(folder: string): Scope | null {
  const path = join(folder, fileName);
  if (!existsSync(path)) return null;
  try {
    return Scope.parse(readJson(path, mostBytes));
  } catch {
    return null;
  }
}

/** Whole or not at all. */
export function writeScope(folder: string, scope: Scope): void {
  writeFileSync(join(folder, `${fileName}.part`), `${JSON.stringify(scope, null, 1)}\n`, { flush: true });
  renameSync(join(folder, `${fileName}.part`), join(folder, fileName));
}

type Learnt = Pick<CaseRecord, 'split' | 'modality' | 'facts' | 'boxes'>;

/** A scope with what these cases add to it. A kind of image whose part of the body no case tells is there with none named: any may be meant. */
export function widened(base: Scope | null, records: readonly Learnt[]): Scope {
  const parts = new Map<Modality, Set<string> | null>(base?.trained.map(({ modality, bodyParts }) => [modality, bodyParts.length === 0 ? null : new Set(bodyParts)]));
  const locates = new Set(base?.locates);
  for (const { split, modality, facts, boxes } of records) {
    if (split !== 'train') continue;
    const told = facts['body_part'] ?? facts['specimen'];
    const known = parts.get(modality);
    if (typeof told !== 'string' || told === '') parts.set(modality, null);
    else if (known !== null) parts.set(modality, new Set([...known ?? [], told.slice(0, 60)]));
    for (const { class: name } of boxes ?? []) locates.add(name.slice(0, 60));
  }
  return {
    format: 'loupe.scope/1', ...(base?.mostImages === undefined ? {} : { mostImages: base.mostImages }),
    trained: [...parts].map(([modality, names]) => ({ modality, bodyParts: [...names ?? []].slice(0, 100) })), locates: [...locates].slice(0, 400),
  };
}

/** Writes the scope into every folder of weights that a run makes. */
export function scopeWriter({ recipe, records }: { readonly recipe: Recipe; readonly records: readonly Learnt[] }): (folder: string) => void {
  const base = 'folder' in recipe.start ? readScope(startFolder(recipe.start.folder)) : null;
  const scope = widened(base, records);
  return (folder) => writeScope(folder, scope);
}
