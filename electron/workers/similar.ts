/** The encoder of images and sentences and its vectors, in a process of their own: a library is seen while somebody reads. */
import { readFileSync } from 'node:fs';
import type { OpenedFinder, Place, Sought, ToldPicture } from '#electron/similar/finder.ts';
import { openVectors, type Hit, type SeenStudy, type VectorStore } from '#electron/similar/store.ts';
import { Fault } from '#models/base/fault.ts';
import type { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { likeness, openSimilar, type Similar } from '#models/similar.ts';
import { classify, classVectors } from '#models/zeroShot.ts';
import { pictureHashes } from '#training/data/lookAlikes.ts';
import { answerRequests, inTurn, yieldToOthers } from './port.ts';

let opened: { readonly encoder: Similar; readonly vectors: VectorStore } | undefined;

yieldToOthers();

function here(): NonNullable<typeof opened> {
  if (!opened) throw new Fault({ code: 'similar.closed', what: 'Nothing can be compared.', why: 'No encoder is open.', mend: 'Try again.' });
  return opened;
}

answerRequests({
  open: inTurn(async ({ folder, vectors }: { folder: string; vectors: string }): Promise<OpenedFinder> => {
    if (!opened) {
      const encoder = await openSimilar(folder);
      opened = { encoder, vectors: await openVectors(vectors, encoder.sha256, encoder.config.embedding) };
    }
    const { encoder, vectors: store } = opened;
    return { sha256: encoder.sha256, places: [...store.pictures.values()].map(({ key, studyId, seriesId }) => ({ key, studyId, seriesId })), studies: [...store.studies.values()] };
  }),
  see: inTurn(async ({ place, picture }: { place: Place; picture: Picture }) => {
    const { encoder, vectors } = here();
    await vectors.put({ ...place, hashes: pictureHashes(picture), vector: await encoder.image(picture) });
  }),
  finish: inTurn(async (study: SeenStudy) => here().vectors.finish(study)),
  forget: inTurn(async ({ studyIds }: { studyIds: readonly string[] }) => here().vectors.forget(studyIds)),
  nearest: inTurn(async ({ sought, most, except }: { sought: Sought; most: number; except: readonly string[] }): Promise<readonly Hit[]> => {
    const { encoder, vectors } = here();
    const left = new Set(except);
    return vectors.nearest('picture' in sought ? await encoder.image(sought.picture) : await encoder.sentence(sought.sentence), most, ({ studyId }) => !left.has(studyId));
  }),
  nearDuplicates: inTurn(async () => here().vectors.nearDuplicates()),
  closeness: inTurn(async ({ triples }: { triples: readonly (readonly [string, string, string])[] }) => {
    const { vectors: { pictures } } = here();
    return triples.map((keys) => {
      const [a, b, c] = keys.map((key) => pictures.get(key)!.vector) as [Float32Array, Float32Array, Float32Array];
      return [likeness(a, b), likeness(a, c), likeness(b, c)] as const;
    });
  }),
  tell: inTurn(async ({ ensemble, pictures }: { ensemble: PromptEnsemble; pictures: readonly { readonly id: string; readonly path?: string }[] }): Promise<readonly ToldPicture[]> => {
    const { encoder, vectors } = here();
    const classes = await classVectors(encoder, ensemble);
    const told: ToldPicture[] = [];
    for (const { id, path } of pictures) {
      try {
        const vector = path === undefined ? vectors.pictures.get(id)?.vector : await encoder.image(await decodePicture(readFileSync(path), id));
        if (vector) told.push({ id, ...classify(vector, classes, encoder.scale) });
      } catch (cause) {
        told.push({ id, name: null, probabilities: [], why: cause instanceof Fault ? cause.why : 'Its file cannot be read.' });
      }
    }
    return told;
  }),
});
