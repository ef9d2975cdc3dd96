import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openAnnotations } from '#electron/library/annotations.ts';
import type { Annotation } from '#models/clinical/annotation.ts';

const root = mkdtempSync(join(tmpdir(), 'loupe-annotations-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const studyId = 'a'.repeat(24);
const line = (id: string, x = 1): Annotation => ({
  id, frameId: `${'b'.repeat(64)}-0`, kind: 'length', points: [{ x, y: 2 }, { x: 30.25, y: 41 }], text: '', colour: '#ffe45c', isLocked: false, isHidden: false, millimetres: null, changedAt: '2025-01-01T00:00:00.000Z',
});
const now = (): string => '2025-01-01T00:00:00.000Z';

describe('drawings', () => {
  test('are there again after a restart, as they were at the last gesture', () => {
    const folder = join(root, 'restart');
    const first = openAnnotations({ folder, now });
    first.change(studyId, [{ kind: 'put', annotation: line('line-one') }, { kind: 'put', annotation: line('line-two') }]);
    first.change(studyId, [{ kind: 'put', annotation: line('line-one', 7.5) }, { kind: 'drop', id: 'line-two' }]);
    const before = first.list(studyId);
    // No closing: the process was killed.
    const second = openAnnotations({ folder, now });
    expect(second.list(studyId)).toEqual(before);
    expect(second.list(studyId)).toEqual([line('line-one', 7.5)]);
    expect(second.list('c'.repeat(24))).toEqual([]);
  });
  test('lose only the gesture that was being written when the power went', () => {
    const folder = join(root, 'torn');
    const first = openAnnotations({ folder, now });
    first.change(studyId, [{ kind: 'put', annotation: line('line-one') }]);
    first.change(studyId, [{ kind: 'put', annotation: line('line-two') }]);
    const file = join(folder, 'annotations.jsonl');
    truncateSync(file, readFileSync(file).length - 20);
    const second = openAnnotations({ folder, now });
    expect(second.list(studyId).map(({ id }) => id)).toEqual(['line-one']);
    second.change(studyId, [{ kind: 'put', annotation: line('line-three') }]);
    expect(openAnnotations({ folder, now }).list(studyId).map(({ id }) => id)).toEqual(['line-one', 'line-three']);
  });
  test('that cannot be read cost no others', () => {
    const folder = join(root, 'odd');
    openAnnotations({ folder, now }).change(studyId, [{ kind: 'put', annotation: line('line-one') }]);
    appendFileSync(join(folder, 'annotations.jsonl'), '{"studyId":"?"}\n');
    expect(openAnnotations({ folder, now }).list(studyId)).toHaveLength(1);
  });
});
