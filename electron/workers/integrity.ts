/** Checks for signs of alteration in a process of their own: they take seconds for each image, and fingerprints read whole files. */
import { fingerprintOf } from '#electron/integrity/fingerprint.ts';
import { presented } from '#electron/integrity/present.ts';
import type { LookOrder, Looked } from '#electron/integrity/looker.ts';
import { continuityMap } from '#models/imaging/forensics/continuity.ts';
import { brightnessPlane } from '#models/imaging/forensics/planes.ts';
import { openIntegrity, type IntegrityChecker } from '#models/integrity.ts';
import { answerRequests, inTurn, yieldToOthers } from './port.ts';

yieldToOthers();

let known: { readonly folder: string; readonly checker: Promise<IntegrityChecker> } | undefined;

answerRequests({
  look: inTurn(async ({ folder, picture, toSource, kind, before, after }: LookOrder, { signal, tell }): Promise<Looked> => {
    if (known?.folder !== folder) {
      await (await known?.checker.catch(() => null))?.release();
      known = { folder, checker: openIntegrity(folder) };
      known.checker.catch(() => (known = undefined));
    }
    const checker = await known.checker;
    const result = await checker.check(picture, { signal, kind, onField: (done, total) => tell({ done, total }) });
    const isBetween = before !== null && after !== null && [before, after].every(({ width, height }) => width === picture.width && height === picture.height);
    const continuity = isBetween && result.maps !== null ? continuityMap(brightnessPlane(before), brightnessPlane(picture), brightnessPlane(after)) : null;
    return { ...presented(result, { width: picture.width, height: picture.height }, toSource, continuity), network: checker.sha256, falseAlarms: checker.calibration?.falseAlarms ?? null };
  }),
  fingerprint: inTurn(({ path }: { path: string }) => fingerprintOf(path)),
});
