/** What the measurement does inside the page. Each function is sent there alone: it may use nothing of this file but itself. */

/** Whether both studies are there, the series with all its slices, and nothing is on its way. */
export function isImported(slices) {
  const rows = [...document.querySelectorAll('[data-study]')];
  return rows.length === 2 && document.querySelector('.imports')?.childElementCount === 0 && rows.some((row) => row.textContent.includes(String(slices)));
}

/** Milliseconds from a typed word to the rows that fit it. */
export async function filterBy(value) {
  const input = document.querySelector('#library-filter');
  const count = document.querySelector('.chips [role=status]');
  const start = performance.now();
  // As React hears it: through the element's own setter.
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, value);
  input.dispatchEvent(new Event('input', { bubbles: true }));
  while (count.dataset.query !== value && performance.now() - start < 10_000) await new Promise((settle) => setTimeout(settle));
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}

/** Milliseconds from a double click on the first row to the first picture. */
export async function openFirst() {
  const start = performance.now();
  document.querySelector('[data-study]').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
  while (!document.querySelector('.viewport[data-ready]') && performance.now() - start < 60_000) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}

/** A notch of the wheel for each picture of the screen, to the last slice: the times at which another slice was there. */
export async function wheelThrough() {
  const viewport = document.querySelector('.viewport[data-frame]');
  const slice = () => document.querySelector('[data-slice]');
  const count = Number(slice().textContent.split('/')[1]);
  const times = [];
  let shown = viewport.dataset.shown;
  const end = performance.now() + 120_000;
  while ((Number(slice().dataset.slice) < count - 1 || viewport.dataset.shown !== viewport.dataset.frame) && performance.now() < end) {
    viewport.dispatchEvent(new WheelEvent('wheel', { deltaY: 120, bubbles: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
    if (viewport.dataset.shown === shown) continue;
    shown = viewport.dataset.shown;
    times.push(performance.now());
  }
  return times;
}

/** Says the sentence in the panel again whenever it was read, until `stopReading`: the slow model is never idle, and the fast one follows what it said last. */
export function keepReading() {
  const { form } = document.querySelector('#locate-sentence');
  let said = 0;
  const again = () => {
    if (document.querySelector('.locate-panel .thinking')) return;
    said++;
    form.requestSubmit();
  };
  again();
  const timer = setInterval(again, 50);
  window.stopReading = () => {
    clearInterval(timer);
    return said;
  };
}

export const stopReading = () => window.stopReading();

export async function threePlanes() {
  const start = performance.now();
  window.dispatchEvent(new KeyboardEvent('keydown', { key: '4', code: 'Digit4', altKey: true, bubbles: true }));
  while (document.querySelectorAll('[data-plane][data-ready]').length < 3 && performance.now() - start < 120_000) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}

/** Milliseconds a step, there and back, until the last plane was drawn. */
export async function movePlanes() {
  const viewport = document.querySelector('[data-plane]');
  const steps = 60;
  const start = performance.now();
  for (let i = 0; i < steps; i++) {
    viewport.dispatchEvent(new WheelEvent('wheel', { deltaY: i < steps / 2 ? 120 : -120, bubbles: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
  }
  return (performance.now() - start) / steps;
}

/** From the double click until every tile of the first view is drawn. */
export async function openSlide() {
  performance.setResourceTimingBufferSize(20_000);
  performance.clearResourceTimings();
  const start = performance.now();
  document.querySelector('[data-study]').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
  while (!document.querySelector('[data-slide][data-complete]') && performance.now() - start < 60_000) await new Promise(requestAnimationFrame);
  return { ms: performance.now() - start, tiles: performance.getEntriesByType('resource').filter(({ name }) => name.includes('/tile/')).length };
}

/** Moves at twenty times: milliseconds of each picture of the screen, and of each tile from its request to its last byte, both sorted. */
export async function moveSlide() {
  performance.clearResourceTimings();
  const press = (key) => window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  press('5');
  await new Promise((settle) => setTimeout(settle, 800));
  const pictures = [];
  let last = performance.now();
  for (let i = 0; i < 240; i++) {
    if (i % 8 === 0) press(i < 120 ? 'ArrowRight' : 'ArrowDown');
    await new Promise(requestAnimationFrame);
    pictures.push(performance.now() - last);
    last = performance.now();
  }
  const tiles = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/tile/')).map(({ requestStart, startTime, responseEnd }) => responseEnd - (requestStart || startTime));
  const sorted = (values) => values.sort((a, b) => a - b);
  return { pictures: sorted(pictures), tiles: sorted(tiles) };
}

/** Begins a run of a recipe on drawn cases and waits until it makes updates. */
export async function train(recipe) {
  const called = async (method, argument) => (await (await fetch(`/call/${method}`, { method: 'POST', body: JSON.stringify(argument) })).json()).value;
  const { id } = await called('finetune.start', { name: '', recipe, data: 'drawn', model: 'built-in', steps: 10_000, minutes: null, seed: 1 });
  const step = async () => (await called('finetune.runs', null)).runs.find((run) => run.id === id).step;
  while (await step() < 1) await new Promise((settle) => setTimeout(settle, 500));
  return id;
}

/** Updates that a run has made, and how it stands. */
export async function training(runId) {
  const { value } = await (await fetch('/call/finetune.runs', { method: 'POST', body: 'null' })).json();
  const { step, state } = value.runs.find(({ id }) => id === runId);
  return { step, state };
}

/** What draws: a name such as SwiftShader says that no graphics hardware took part. */
export function graphics() {
  const gl = document.createElement('canvas').getContext('webgl');
  const info = gl?.getExtension('WEBGL_debug_renderer_info');
  return info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : 'no WebGL';
}

/** Forgets where a person was, so that a page begins in the library with nothing opened. */
export async function forget() {
  const place = { screen: 'library', studyId: null, library: { query: '', modality: null, status: null, selectedId: null, sort: { key: 'added', isDescending: true } } };
  await fetch('/call/app.keepSession', { method: 'POST', body: JSON.stringify({ place, draft: null }) });
}
