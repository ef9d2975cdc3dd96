/** What was found, over the image that it is on. */
import type { ReactElement } from 'react';
import { Overlay } from '#renderer/viewports/Overlay.tsx';
import type { Viewport } from '#renderer/viewports/viewport.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { light, locating, nameOfThing } from './locate.ts';
import { shownThings } from './state.ts';

/** Neither a mark of an answer nor a drawing; grey where a newer directive holds than the one that found it. */
const [colour, oldColour] = ['#7ef29a', '#8b949e'];
const mostShown = 400;

export function FoundLayer({ viewport, frameId }: { readonly viewport: Viewport; readonly frameId: string }): ReactElement | null {
  const state = useStore(locating, (all) => all);
  if (!state.isOpen) return null;
  const things = shownThings(state).filter((thing) => thing.frameId === frameId).slice(0, mostShown);
  if (things.length === 0) return null;
  const marks = things.map((thing) => ({
    id: thing.id, box: thing.box, number: null, colour: thing.isOld ? oldColour : colour, label: `${thing.label === null ? '' : `${nameOfThing(thing)} `}${Math.round(thing.score * 100)} %`,
  }));
  return (
    <div className="found-layer" data-found={things.length}>
      <Overlay viewport={viewport} marks={marks} litId={things.some(({ id }) => id === state.litId) ? state.litId : null} onHover={() => undefined} onChoose={(id) => {
        const thing = things.find((one) => one.id === id);
        if (thing) light(thing);
      }} />
    </div>
  );
}
