/** Models in processes of their own: one that looks stays, and each piece of heavy work gets one that ends with it. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { bringIn, type Bringing } from '#electron/models/bringIn.ts';
import { compareModels, type ComparisonOrder } from '#electron/models/compare.ts';
import { detailOf, folderFacts, offerOf, runAdapters, type Candidate, type FolderFacts } from '#electron/models/describe.ts';
import { trial } from '#electron/models/trial.ts';
import { checkLineage } from '#training/lineage.ts';
import { answerRequests, yieldToOthers, type Task } from './port.ts';

/** What a folder said, for as long as its settings and its lineage stay as they were. */
const known = new Map<string, { readonly key: string; readonly facts: FolderFacts }>();

function factsOf(folder: string): FolderFacts {
  const key = ['config.json', 'lineage.json', 'README.md'].map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0).join();
  const found = known.get(folder);
  if (found?.key === key) return found.facts;
  const facts = folderFacts(folder);
  known.set(folder, { key, facts });
  return facts;
}

answerRequests({
  describe: async ({ folders }: { folders: readonly string[] }) => folders.map(factsOf),
  detail: async ({ id, folder }: { id: string; folder: string }) => detailOf(id, folder),
  offers: async ({ folders, candidates }: { folders: readonly string[]; candidates: readonly Candidate[] }) => folders.map((folder) => offerOf(folder, candidates)),
  runAdapters: async ({ folder }: { folder: string }) => runAdapters(folder),
  verify: async ({ folder }: { folder: string }) => checkLineage(folder),
  bringIn(order: Bringing, { tell }: Task) {
    yieldToOthers();
    return bringIn(order, (phase, done, total) => tell({ phase, done, total }));
  },
  trial: ({ folder, at }: { folder: string; at: string }) => trial(folder, at),
  compare: (order: ComparisonOrder, { signal, tell }: Task) => compareModels(order, { signal, tell }),
});
