/** What persons drew, kept in a journal: on the disk after each gesture, so that a crash costs at most the one that was under way. */
import { join } from 'node:path';
import { z } from 'zod';
import { AnnotationChange } from '#electron/contract/annotations.ts';
import { StudyId } from '#electron/contract/library.ts';
import { openJournal } from '#electron/storage/journal.ts';
import type { Annotation } from '#models/clinical/annotation.ts';

const Entry = z.object({ at: z.string(), studyId: StudyId, changes: z.array(AnnotationChange).min(1) });

export interface Annotations {
  /** In the order in which they were first drawn. */
  list(studyId: string): readonly Annotation[];
  /** On the disk when it returns. @throws Fault `storage.write` */
  change(studyId: string, changes: readonly AnnotationChange[]): void;
  close(): void;
}

export function openAnnotations({ folder, now }: { readonly folder: string; readonly now: () => string }): Annotations {
  const journal = openJournal(join(folder, 'annotations.jsonl'), (value) => Entry.parse(value));
  const studies = new Map<string, Map<string, Annotation>>();
  const apply = (studyId: string, changes: readonly AnnotationChange[]): void => {
    const known = studies.get(studyId) ?? new Map<string, Annotation>();
    studies.set(studyId, known);
    for (const change of changes) {
      if (change.kind === 'put') known.set(change.annotation.id, change.annotation);
      else known.delete(change.id);
    }
  };
  for (const { studyId, changes } of journal.entries) apply(studyId, changes);
  return {
    list: (studyId) => [...studies.get(studyId)?.values() ?? []],
    change(studyId, changes) {
      journal.append({ at: now(), studyId, changes: [...changes] });
      apply(studyId, changes);
    },
    close: () => journal.close(),
  };
}
