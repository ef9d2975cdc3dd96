/** What the packaged window is asked to prove about itself: it shows the library, reaches its pixels, answers, and reaches nothing else. */
import { writeFile } from 'node:fs/promises';
import type { WebContents } from 'electron';

/** Runs in the page. */
const probe = `(async () => {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const results = {};
  for (let i = 0; i < 300 && !document.querySelector('[data-study]'); i++) await wait(100);
  results.listsStudies = document.querySelectorAll('[data-study]').length > 0;
  results.hasNoNode = typeof process === 'undefined' && typeof require === 'undefined';
  results.isIsolated = window.crossOriginIsolated === true;
  const reply = await window.loupe.invoke('library.list', null);
  const cover = reply.ok ? reply.value.map((study) => study.cover).find(Boolean) : undefined;
  results.hasPixels = cover !== undefined && (await fetch('frame://pixels/' + cover + '/thumbnail?side=96')).ok;
  const study = reply.ok ? reply.value.find((one) => one.cover && one.kind !== 'slide') : undefined;
  const asked = study && await window.loupe.invoke('review.ask', {
    askId: 'self-test', studyId: study.id, question: 'Is there an abnormality?', maxNewTokens: 8, views: [{ kind: 'frame', frameId: study.cover, window: null }],
  });
  results.answers = asked !== undefined && asked.ok && asked.value.tokens > 0;
  results.refusesNonsense = (await window.loupe.invoke('library.study', { studyId: '../etc' })).ok === false;
  results.reachesNoNetwork = await fetch('https://example.org/').then(() => false, () => true);
  results.opensNoWindow = window.open('https://example.org/') === null;
  return results;
})()`;

export async function runSelfTest(contents: WebContents, picture: string | undefined): Promise<boolean> {
  const results = await contents.executeJavaScript(probe) as Readonly<Record<string, boolean>>;
  if (picture !== undefined) {
    // The thumbnails fade in.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await writeFile(picture, (await contents.capturePage()).toPNG());
  }
  process.stdout.write(`${JSON.stringify(results)}\n`);
  return Object.values(results).every(Boolean);
}
