/** Whether a model runs on this machine: opened, shown a drawn picture, asked twice. */
import type { SelfTest } from '#electron/contract/models.ts';
import { createPicture } from '#models/imaging/image.ts';
import { openReasoner, type Ask } from '#models/reasoner.ts';
import { selfTest } from '#models/runtime/device.ts';
import { framePicture, type PhantomFrame } from '#training/synthesis/phantoms/study.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';

/** Enough for an answer in our form by a small model; a large one that thinks longer is not waited for. */
const mostTokens = 160;
const repeatedTokens = 16;

/** @throws Fault of the engine where the model cannot be opened or lacks a weight */
export async function trial(folder: string, at: string): Promise<SelfTest> {
  const opening = performance.now();
  const reasoner = await openReasoner({ folder });
  try {
    const openMs = performance.now() - opening;
    const picture = framePicture(drawPhantom('chest_film', 7, { size: 168 }).frames[0] as PhantomFrame);
    const ask: Ask = { frames: [picture], question: 'Where are the lungs? Give boxes.' };
    const scores = await reasoner.logits(ask);
    const blind = await reasoner.logits({ ...ask, frames: [createPicture(picture, [128, 128, 128])] });
    const odd = scores.reduce((count, score) => count + Number(!Number.isFinite(score)), 0);
    const moved = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - (blind[i] as number))), 0);
    let firstTokenMs = 0;
    const asking = performance.now();
    const answer = await reasoner.ask({ ...ask, frames: [{ ...picture }] }, { maxNewTokens: mostTokens, onToken: () => (firstTokenMs ||= performance.now() - asking) });
    const again = await reasoner.ask(ask, { maxNewTokens: repeatedTokens });
    const same = again.tokens.every((token, i) => token === answer.tokens[i]);
    const { checks } = await selfTest(reasoner.engine.device);
    const tried: SelfTest['checks'] = [
      { name: 'finite', passed: odd === 0, detail: `${scores.length - odd} of ${scores.length} scores after the prompt are numbers.` },
      { name: 'sees', passed: moved > 1e-3, detail: `A grey picture in place of the drawn one moves a score by up to ${moved.toPrecision(2)}.` },
      { name: 'repeats', passed: same, detail: same ? `Asked again, it writes the same ${again.tokens.length} tokens.` : 'Asked again, it writes other tokens.' },
      { name: 'form', passed: answer.trace.parsed, detail: answer.trace.parsed ? 'It answers in steps with an answer of its own.' : `Within ${answer.tokens.length} tokens it gave no answer in a form that is understood; what it writes is shown as it stands.` },
    ];
    return {
      at, device: reasoner.engine.device, avoided: checks.filter(({ passed }) => !passed).map(({ operator }) => operator), passed: tried.every(({ name, passed }) => passed || name === 'form'), checks: tried,
      openMs, firstTokenMs, tokensPerSecond: answer.timing.tokensPerSecond, memoryBytes: process.memoryUsage().rss,
    };
  } finally {
    await reasoner.release();
  }
}
